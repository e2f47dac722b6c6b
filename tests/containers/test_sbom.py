"""Bills of materials of images."""

from __future__ import annotations

from kit import __version__
from kit.containers import sbom
from kit.containers.images import DockerImage

IMAGE = DockerImage(
    name="deepsea",
    id="sha256:1234",
    digest=None,
    size=2,
    added=1,
    layers=3,
    shared=2,
    revision="abc",
    code="def",
    base_name="debian:bookworm",
    base_digest="sha256:5678",
)


def test_every_package_and_the_base_stand_in_the_bill() -> None:
    bill = sbom.bill(IMAGE, "torch==2.13.0+cpu typing_extensions==4.16.0")
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["version"] == "sha256:1234"
    assert [each.get("purl") for each in bill["components"]] == [
        "pkg:pypi/torch@2.13.0%2Bcpu",
        "pkg:pypi/typing-extensions@4.16.0",
        f"pkg:pypi/dash-nas-kit@{__version__}",
        None,
    ]
    assert bill["components"][-1]["version"] == "sha256:5678"
