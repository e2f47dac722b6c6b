"""What docs/architecture.md points to is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/architecture.md").read_text()
# ``17 what it does: engines/queue`` in a picture.
NAMED = sorted({each for _, each in re.findall(r"(\d+ )[^\"]*?: ([a-z]\w*/\w+)\"\]", TEXT)})
LINKS = sorted(set(re.findall(r"\]\(([^)#]+)\)", TEXT)))


@pytest.mark.parametrize("module", NAMED)
def test_modules_of_the_pictures(module: str) -> None:
    assert (ROOT / "kit" / f"{module}.py").is_file()


@pytest.mark.parametrize("link", LINKS)
def test_links(link: str) -> None:
    assert (ROOT / "docs" / link).is_file()


def test_every_layer_is_in_the_picture() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = re.findall(r"\bkit\.(\w+)", " ".join(contracts["contracts"][0]["layers"]))
    missing = {name for name in layers if not re.search(rf"\b{name}\b", TEXT)}
    assert missing <= {"divergence", "environment"}
