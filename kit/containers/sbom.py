"""What an image holds, as a CycloneDX bill of materials (ECMA-424, version 1.6)."""

from __future__ import annotations

from typing import Any

from kit import __version__
from kit.containers.images import DockerImage
from kit.extras import DISTRIBUTION


def bill(image: DockerImage, packages: str) -> dict[str, Any]:
    """Return the bill of one image.

    Args:
        image: it is the component that the bill is of, by its id.
        packages: what pip has installed in it, ``name==version`` with spaces between.
    """
    components = [_package(*each.split("==", 1)) for each in packages.split()]
    components.append(_package(DISTRIBUTION, __version__))
    if image.base_name is not None:
        base = {"type": "container", "name": image.base_name, "version": image.base_digest or ""}
        components.append(base)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "container", "name": f"kit/{image.name}", "version": image.id}
        },
        "components": components,
    }


def _package(name: str, version: str) -> dict[str, str]:
    # A package URL spells a version's local part, as of torch for CPUs, with its plus escaped.
    purl = f"pkg:pypi/{name.lower().replace('_', '-')}@{version.replace('+', '%2B')}"
    return {"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl}
