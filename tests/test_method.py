"""Methods made of a settings file alone, and what may be wrong with a method's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kit import method, task
from kit.base.method import load, method_class
from kit.errors import KitError
from kit.methods.dash.method import Dash
from kit.methods.wrn.method import Wrn
from kit.runs.provenance import code_hash


@pytest.fixture
def methods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "methods"
    folder.mkdir()
    monkeypatch.setenv("KIT_METHODS", str(folder))
    return folder


def settings_only(methods: Path, name: str, text: str) -> Path:
    (methods / name).mkdir()
    file = methods / name / "settings.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("name", "below", "dims"),
    [
        ("tcn", "wrn", (1,)),
        ("convnext", "wrn", (2,)),
        ("dash-tcn", "dash", (1,)),
        ("dash-convnext", "dash", (2,)),
        ("baby-dash", "dash", (1, 2)),
    ],
)
def test_the_kits_own_variants(name: str, below: str, dims: tuple[int, ...]) -> None:
    info, parent = method.find(name), method.find(below)
    assert sorted(file.name for file in info.folder.iterdir() if file.is_file()) == [
        "settings.toml"
    ]
    assert (info.dims, info.stages, info.version) == (dims, parent.stages, parent.version)
    assert method_class(info) is {"wrn": Wrn, "dash": Dash}[below]
    assert info.folders == [info.folder, parent.folder]


def test_a_variant_of_a_variant(methods: Path) -> None:
    settings_only(
        methods,
        "small_tcn",
        'method = { extends = "tcn", title = "Small TCN", version = 3 }\nwidth = 7',
    )
    info = method.find("small-tcn")
    assert "small-tcn" in method.names()
    assert (info.title, info.version, info.dims) == ("Small TCN", 3, (1,))
    spec = info.spec(task.find("ecg"), 0, protocol="clean", profile="paper", tier="published")
    assert (spec.settings["width"], spec.settings["backbone"]) == (7, "tcn")
    assert isinstance(load(info, spec), Wrn)
    assert [folder.name for folder in info.folders] == ["small_tcn", "tcn", "wrn"]
    # A table of a method's own is one like any other.
    (methods / "small_tcn" / "settings.toml").write_text("[method]\n")
    with pytest.raises(KitError, match="does not apply"):
        info.spec(task.find("darcy-flow"), 0, protocol="clean", profile="smoke", tier="regenerated")


def test_what_a_variant_extends_is_part_of_its_code(methods: Path) -> None:
    settings_only(methods, "first", 'method = { extends = "wrn", title = "First" }')
    settings_only(methods, "second", 'method = { extends = "first", title = "Second" }')
    folder = task.find("ecg").folder
    folders = method.find("second").folders
    before = code_hash(folder, *folders)
    (methods / "first" / "settings.toml").write_text(
        'method = { extends = "wrn", title = "First" }\nwidth = 3'
    )
    seen = {before, code_hash(folder, *folders)}
    for name in ("architectures.json", "alphabet.txt", "table.csv"):
        (methods / "first" / name).write_text("1")
        seen.add(code_hash(folder, *folders))
    assert len(seen) == 5
    (methods / "first" / "notes.md").write_text("1")
    assert code_hash(folder, *folders) in seen


BAD = {
    "no table": ("width = 3", r"needs a table \[method\] with 'extends' and 'title'"),
    "no table but a word": ('method = "wrn"', r"needs a table \[method\]"),
    "nothing extended": ('[method]\ntitle = "T"', "missing required field `extends`"),
    "no title": ('[method]\nextends = "wrn"', "missing required field `title`"),
    "another key": (
        '[method]\nextends = "wrn"\ntitle = "T"\ndim = [1]',
        "no setting 'dim'; did you mean 'dims'",
    ),
    "an unknown method": (
        '[method]\nextends = "wrm"\ntitle = "T"',
        "it extends 'wrm', which is no other method; did you mean 'wrn'",
    ),
    "itself": ('[method]\nextends = "broken"\ntitle = "T"', "which is no other method"),
    "axes that it has not": ('[method]\nextends = "tcn"\ntitle = "T"\ndims = [2]', "method.dims"),
    "no axes": ('[method]\nextends = "tcn"\ntitle = "T"\ndims = []', "method.dims"),
    "three axes": ('[method]\nextends = "wrn"\ntitle = "T"\ndims = [3]', "setting 'dims"),
    "version 0": ('[method]\nextends = "wrn"\ntitle = "T"\nversion = 0', "setting 'version'"),
    "infinity": (
        'epochs = inf\n[method]\nextends = "wrn"\ntitle = "T"',
        "setting 'epochs': Expected a finite number, not inf",
    ),
    "no TOML": ("[method", "cannot be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_broken_variant_is_one_line_and_breaks_nothing_else(methods: Path, name: str) -> None:
    text, words = BAD[name]
    file = settings_only(methods, "broken", text)
    with pytest.raises(KitError, match=words) as error:
        method.find("broken")
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)
    assert "broken" not in method.names()
    assert "dash-tcn" in method.names()
    (line,) = method.broken()
    assert str(file.parent) in line


def test_two_that_extend_each_other(methods: Path) -> None:
    settings_only(methods, "one", 'method = { extends = "two", title = "One" }')
    settings_only(methods, "two", 'method = { extends = "one", title = "Two" }')
    with pytest.raises(KitError, match=r"two.settings.toml: it extends 'one', which is no other"):
        method.find("one")


INFO = """
from kit.method import MethodInfo
from kit.settings import Settings

METHOD = MethodInfo(name="{name}", title="T", version=1, stages=("a",), settings_type=Settings)
"""


@pytest.mark.parametrize("below", ["wrm", "facts"])
def test_facts_that_extend_no_other_method(methods: Path, below: str) -> None:
    folder = methods / f"facts_{below}"  # modules are imported once per process
    folder.mkdir()
    name = below.replace("facts", "facts-facts")
    text = INFO.format(name=f"facts-{below}").replace("version=1", f'version=1, extends="{name}"')
    (folder / "info.py").write_text(text)
    words = rf"facts_{below}.info.py: it extends '{name}', which is no other method"
    with pytest.raises(KitError, match=words):
        method.find(f"facts-{below}")
    assert f"facts-{below}" not in method.names()
    (line,) = method.broken()
    assert str(folder) in line


CLASSES = {
    "none": ("", "there is none"),
    "two": (
        "from kit.methods.wrn.method import Wrn\nclass A(Wrn): ...\nclass B(Wrn): ...",
        "there is A, B",
    ),
    "imported": ("from kit.methods.wrn.method import Wrn", "there is none"),
    "half": (
        "from kit.base.method import Method\nclass A(Method):\n    def outcome(self, context): ...",
        "there is none",
    ),
}


@pytest.mark.parametrize("name", CLASSES)
def test_a_folder_defines_one_method(methods: Path, name: str) -> None:
    text, words = CLASSES[name]
    # Modules are imported once per process.
    folder = methods / f"classes_{name}"
    folder.mkdir()
    (folder / "info.py").write_text(INFO.format(name=f"classes-{name}"))
    (folder / "settings.toml").write_text("")
    with pytest.raises(KitError, match=r"there is no method.py, nor in a method that it extends"):
        method_class(method.find(f"classes-{name}"))
    (folder / "method.py").write_text(text)
    with pytest.raises(KitError, match=words) as error:
        method_class(method.find(f"classes-{name}"))
    assert str(folder / "method.py") in str(error.value)


@pytest.mark.parametrize("name", [None, 3, ["dash"]])
def test_a_name_that_is_no_text_is_an_unknown_one(name: Any) -> None:
    for what in (method, task):
        with pytest.raises(KitError, match=r"^unknown (method|task) "):
            what.find(name)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"protocol": "realeased"}, "unknown protocol 'realeased'; did you mean 'released'"),
        ({"profile": "small"}, "unknown profile 'small'"),
        ({"tier": None}, "unknown tier 'None'"),
        ({"overrides": "search.epochs=1"}, r"overrides are a list of texts, such as \['search"),
        ({"seed": 0.5}, r"a seed is a whole number, not 0\.5"),
        ({"seed": "0"}, "a seed is a whole number, not '0'"),
        ({"task": "darcy-flow"}, r"a task is what kit\.task\.find returns, not str"),
    ],
)
def test_arguments_of_a_spec(wrong: dict[str, Any], words: str) -> None:
    valid = {"protocol": "released", "profile": "smoke", "tier": "regenerated", "overrides": ()}
    given: dict[str, Any] = {"task": task.find("darcy-flow"), "seed": 0, **valid, **wrong}
    with pytest.raises(KitError, match=f"^{words}"):
        method.find("dash").spec(given.pop("task"), given.pop("seed"), **given)
