"""Arrays by name in HDF5, NetCDF, Zarr and .npz, good ones and damaged ones."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import pytest
import zarr
from scipy.io import netcdf_file

from kit.data.new_task import read
from kit.data.own import files
from kit.data.own.reading import Ask, Reading
from kit.errors import KitError

X = np.arange(240.0).reshape(20, 2, 6)
Y = np.arange(20) % 2
SCALES = {"scale_factor": 0.1, "add_offset": 20.0}


def hdf5(folder: Path) -> Path:
    with h5py.File(folder / "a.h5", "w") as file:
        file["x"], file["y"], file["deep/inputs"] = X, Y, X + 1
    return folder / "a.h5"


def classic(folder: Path) -> Path:
    with netcdf_file(folder / "a.nc", "w") as file:
        for name, size in (("n", 20), ("c", 2), ("l", 6)):
            file.createDimension(name, size)
        file.createVariable("x", "f8", ("n", "c", "l"))[:] = X
        file.createVariable("y", "i4", ("n",))[:] = Y
        file.createVariable("deep/inputs", "f8", ("n", "c", "l"))[:] = X + 1
    return folder / "a.nc"


def groups(folder: Path, version: Literal[2, 3] = 3) -> Path:
    group = zarr.open_group(folder / "a.zarr", mode="w", zarr_format=version)
    for name, values in (("x", X), ("y", Y), ("deep/inputs", X + 1)):
        group.create_array(name, data=values)
    return folder / "a.zarr"


def older(folder: Path) -> Path:
    return groups(folder, version=2)


@pytest.mark.parametrize("make", [hdf5, classic, groups, older])
def test_arrays_by_name(make: Callable[[Path], Path], tmp_path: Path) -> None:
    file = make(tmp_path)
    own = read([str(file)])
    assert (own.kind, own.answers.names) == ("point", ("0", "1"))
    assert own.x.tolist() == X.tolist()
    named = read([f"{file}:/deep/inputs", f"{file}:y"])
    assert named.x.tolist() == (X + 1).tolist()
    with pytest.raises(KitError, match=r"no dataset 'deep/input'; did you mean 'deep/inputs'\?"):
        read([f"{file}:deep/input", f"{file}:y"])
    with pytest.raises(KitError, match="of several, name the dataset"):
        read([str(file), f"{file}:y"])


@pytest.mark.parametrize("names", [("x", "labels"), ("y", "inputs"), ("Y", "X"), ("a", "b")])
def test_of_two_arrays_the_other_is_what_is_left(names: tuple[str, str], tmp_path: Path) -> None:
    first, second = (Y, X) if names[0].lower() == "y" else (X, Y)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file[names[0]], file[names[1]] = first, second
    np.save(tmp_path / f"{names[0]}.npy", first)
    np.save(tmp_path / f"{names[1]}.npy", second)
    for paths in (
        [f"{tmp_path}/a.h5:{name}" for name in names],
        [f"{tmp_path}/{name}.npy" for name in names],
    ):
        own = read(paths)
        assert own.x.tolist() == X.tolist()
        assert own.answers.names == ("0", "1")


def test_arrays_of_the_same_name_are_told_apart_by_the_whole_of_it(tmp_path: Path) -> None:
    for name, values in (("first", X), ("second", Y)):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["data"], file["a/x"], file["b/x"], file["a/y"] = values, X, X + 1, Y
    file = tmp_path / "first.h5"
    # The first has the inputs, the second the answers.
    own = read([f"{file}:data", f"{tmp_path / 'second.h5'}:data"])
    assert (own.x.tolist(), own.answers.names) == (X.tolist(), ("0", "1"))
    assert read([f"{file}:b/x", f"{file}:a/y"]).x.tolist() == (X + 1).tolist()
    three = [f"{file}:{name}" for name in ("a/x", "b/x", "a/y")]
    with pytest.raises(KitError, match="has no array 'x', but a/x, b/x, a/y"):
        read(three)
    named = read(three, Ask(reading=Reading(columns=("a/x",)), targets=("a/y",)))
    assert named.x.tolist() == X.tolist()
    with pytest.raises(KitError, match="several arrays are called 'a/x'"):
        read([f"{file}:a/x", f"{file}:a/x", f"{file}:a/y"])


def test_links_within_a_file_are_its_arrays(tmp_path: Path) -> None:
    file = tmp_path / "a.h5"
    with h5py.File(file, "w") as opened:
        opened["deep/er/inputs"], opened["deep/labels"] = X, Y
        opened["deep/again"] = h5py.SoftLink("er/./inputs")  # relative to its group
        opened["x"], opened["group"] = h5py.SoftLink("/deep/again"), h5py.SoftLink("/deep")
        opened["y"] = opened["deep/labels"]  # a second name
        opened["z"] = h5py.SoftLink("/group/labels")
    assert read(file).x.tolist() == X.tolist()
    own = read([f"{file}:deep/again", f"{file}:z"])
    assert (own.x.tolist(), own.answers.names) == (X.tolist(), ("0", "1"))


@pytest.mark.parametrize(
    ("link", "words"),
    [
        (h5py.SoftLink("/gone"), "that leads nowhere; give what it is to be"),
        (h5py.SoftLink("/x/deeper"), "that leads nowhere"),
        (h5py.SoftLink("/y"), "that leads nowhere"),
        (h5py.ExternalLink("b.h5", "/y"), r"to another file, b\.h5; give that one"),
        (h5py.ExternalLink("gone.h5", "/y"), r"to another file, gone\.h5; give that one"),
        (h5py.SoftLink("/other/y"), r"to another file, b\.h5; give that one"),
    ],
)
def test_links_that_lead_out_or_nowhere_are_told(
    link: h5py.SoftLink | h5py.ExternalLink, words: str, tmp_path: Path
) -> None:
    hdf5(tmp_path).rename(tmp_path / "b.h5")
    file = tmp_path / "a.h5"
    with h5py.File(file, "w") as opened:
        opened["x"], opened["y"], opened["other"] = X, link, h5py.ExternalLink("b.h5", "/")
    for paths in ([str(file)], [f"{file}:x", f"{file}:y"]):
        with pytest.raises(KitError, match=rf"a\.h5: there is no dataset 'y', but a link {words}"):
            read(paths)


def test_what_holds_nothing_or_no_values_is_told(tmp_path: Path) -> None:
    for values, words in (
        (h5py.Empty("f4"), "y holds nothing"),
        (np.zeros(20, [("a", "i4")]), r"y is of type \[\('a', '<i4'\)\], which no class is"),
    ):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["x"], file["y"] = X, values
        with pytest.raises(KitError, match=words):
            read(tmp_path / "a.h5")


def test_one_array_is_a_store_too(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "x.zarr", data=X)
    found = files.read([str(tmp_path / "x.zarr")], Ask(answers=False))
    assert found.x.tolist() == X.tolist()


def test_numbers_are_unpacked_as_their_attributes_say(tmp_path: Path) -> None:
    """CF conventions: value = packed x scale_factor + add_offset, but for what is missing."""
    packed = np.array([[0, 10, -999], [1, -1, 5]], "i2")
    with h5py.File(tmp_path / "a.nc", "w") as file:
        file["x"] = packed
        file["x"].attrs.update(_FillValue=np.array([-999], "i2"), **SCALES)
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.create_array("x", data=packed)
    group["x"].attrs.update(missing_value=-999, **SCALES)
    with netcdf_file(tmp_path / "b.nc", "w") as file:
        file.createDimension("n", 2)
        file.createDimension("l", 3)
        variable = file.createVariable("x", "i2", ("n", "l"))
        variable[:] = packed
        for name, value in {"missing_value": np.int16(-999), **SCALES}.items():
            setattr(variable, name, value)
    for name in ("a.nc", "a.zarr", "b.nc"):
        x = files.read([str(tmp_path / name)], Ask(answers=False, reading=Reading())).x
        np.testing.assert_allclose(x, [[20.0, 21.0, np.nan], [20.1, 19.9, 20.5]])


def test_signed_numbers_that_are_unsigned(tmp_path: Path) -> None:
    """Of formats without unsigned numbers: what is missing is told before, the scale after."""
    packed = np.array([[0, -1, -2], [1, 127, -128]], "i1")
    marks = {"_Unsigned": "true", "_FillValue": np.int8(-1), "scale_factor": 2.0}
    with h5py.File(tmp_path / "a.nc", "w") as file:
        file["x"] = packed
        file["x"].attrs.update(marks)
    with netcdf_file(tmp_path / "b.nc", "w") as file:
        file.createDimension("n", 2)
        file.createDimension("l", 3)
        variable = file.createVariable("x", "i1", ("n", "l"))
        variable[:] = packed
        for name, value in marks.items():
            setattr(variable, name, value)
    for name in ("a.nc", "b.nc"):
        x = files.read([str(tmp_path / name)], Ask(answers=False)).x
        np.testing.assert_array_equal(x, [[0, np.nan, 508], [2, 254, 256]])


def test_words_whatever_a_file_calls_them(tmp_path: Path) -> None:
    """Bytes of UTF-8 in a dataset that claims to be ASCII, as ``numpy`` bytes make it."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"] = X, np.array(["ä".encode(), b"b"])[Y]
    assert read(tmp_path / "a.h5").answers.names == ("b", "ä")


def test_a_damaged_list_of_dimensions_is_told_in_a_line(tmp_path: Path) -> None:
    content = classic(tmp_path).read_bytes()
    for at in (12, 71, 108):
        (tmp_path / "a.nc").write_bytes(content[:at] + b"\xff" + content[at + 1 :])
        with pytest.raises(KitError, match=r"a\.nc: not a whole file of its kind"):
            files.read([str(tmp_path / "a.nc")], Ask(answers=False))


def test_bytes_are_text_and_what_stands_beside_is_whole(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(20, 8)).astype(">f4"), np.arange(20) % 2
    words = np.array(["ä;c".encode(), b"b"])
    np.savez(tmp_path / "a.npz", x=(100 * x).astype(">i2"), y=words[y])
    own = read(tmp_path / "a.npz")
    assert own.answers.names == ("b", "ä;c")
    assert own.x.dtype == np.int16
    assert read(tmp_path / "a.npz", Ask(kind="multi-label")).answers.names == ("b", "c", "ä")
    group, dates = np.arange(20.0) // 2, np.array([b"2020-01-%02d" % (20 - at) for at in range(20)])
    np.savez(tmp_path / "a.npz", x=x, y=y, group=group, dates=dates, two=x, none=group * np.nan)
    split = read(tmp_path / "a.npz", Ask(time="dates")).split
    assert split.tolist() == [2] * 4 + [1] * 4 + [0] * 12
    with pytest.raises(KitError, match="none lacks 20 values"):
        read(tmp_path / "a.npz", Ask(group="none"))
    with pytest.raises(
        KitError, match=r"two is .*\(20, 8\), not a number, word or date per sample"
    ):
        read(tmp_path / "a.npz", Ask(time="two"))
    np.savez(tmp_path / "a.npz", x=x, y=np.array([b"\xff", b"b"])[y])
    with pytest.raises(KitError, match="y holds bytes that are no text in UTF-8"):
        read(tmp_path / "a.npz")


def test_numbers_that_float32_does_not_have(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x, noise = random.normal(size=(20, 8)), random.normal(size=20)
    for y, words in ((1e9 + noise, "1e+09 for all"), (1e-300 * abs(noise), "for all")):
        np.savez(tmp_path / "a.npz", x=x, y=y)
        with pytest.raises(KitError, match=rf"{re.escape(words)} samples once it is float32"):
            read(tmp_path / "a.npz", Ask(kind="regression"))
    np.savez(tmp_path / "a.npz", x=(10 * x).astype(int) + 10**9, y=1e8 + 100 * noise)
    card = "\n".join(read(tmp_path / "a.npz").card)
    assert "warning  y is so far from 0 that float32 loses it" in card
    assert "warning  channel 0 is so far from 0 that float32 loses it" in card


def test_columns_of_other_scales_are_told_of(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(40, 3)), np.arange(40) % 2
    x[:, 1] *= 1e6
    np.savez(tmp_path / "a.npz", x=x, y=y)
    told = "warning  position 0 and 1 more: varies by 2e-06 of what all vary by together"
    assert any(line.startswith(told) for line in read(tmp_path / "a.npz").card)
    as_channels = Ask(reading=Reading(layout="NC"))
    assert not any("varies by" in line for line in read(tmp_path / "a.npz", as_channels).card)
    rows = "\n".join(f"{a},{b},{c},{label}" for (a, b, c), label in zip(x, y, strict=True))
    (tmp_path / "a.csv").write_text(f"age,income,dose,label\n{rows}\n")
    (line,) = (each for each in read(tmp_path / "a.csv").card if "varies by" in each)
    assert line.startswith("warning  column 'age' and 1 more: varies by 2e-06 of")
    assert line.endswith("--as channels gives each its own")
    as_channels = Ask(reading=Reading(rows="channels"))
    assert not any("varies by" in line for line in read(tmp_path / "a.csv", as_channels).card)


def test_damaged_ones_are_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "none.h5").write_bytes(b"text")
    (tmp_path / "half.h5").write_bytes(hdf5(tmp_path).read_bytes()[:900])
    (tmp_path / "half.nc").write_bytes(classic(tmp_path).read_bytes()[:150])
    (tmp_path / "none.zarr").mkdir()
    torn = groups(tmp_path)
    (torn / "x" / "zarr.json").write_text("{")
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file.create_dataset("x", (1 << 20, 1 << 20), "f8", chunks=(1, 1 << 10))
        file["y"] = Y
    with h5py.File(tmp_path / "outside.h5", "w") as file:
        file.create_dataset("x", X.shape, "f8", external=[(str(tmp_path / "a.h5"), 0, X.nbytes)])
        file["y"] = h5py.ExternalLink("a.h5", "y")
    cases = {
        "none.h5": "not a whole file of its kind",
        "half.h5": "not a whole file of its kind",
        "half.nc": "not a whole file of its kind",
        "none.zarr": "not a whole file of its kind",
        "a.zarr": "not a whole file of its kind",
        "huge.h5": r"x claims 8796093022208 bytes, of which the file has \d+",
        "outside.h5": "x lies in another file",
        "outside.h5:y": "there is no dataset 'y'",
    }
    for name, words in cases.items():
        with pytest.raises(KitError, match=words):
            files.read([str(tmp_path / name)], Ask(answers=False))
    claims = json.loads((groups(tmp_path) / "x" / "zarr.json").read_text())
    claims["shape"] = [1 << 40, 2, 6]
    (tmp_path / "a.zarr" / "x" / "zarr.json").write_text(json.dumps(claims))
    with pytest.raises(KitError, match="x claims"):
        files.read([str(tmp_path / "a.zarr")], Ask(answers=False))


@pytest.mark.parametrize("make", [hdf5, classic, groups])
def test_further_files_are_read_by_the_name_that_was_given(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    """The file has an x besides, which is not the input."""
    file = make(tmp_path)
    own = read([f"{file}:/deep/inputs", f"{file}:y"])
    for paths in ([str(file)], [f"{file}:deep/inputs"]):
        again = files.read(paths, Ask(reading=own.reading, answers=False))
        assert again.x.tolist() == (X + 1).tolist()
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as opened:
        opened["inputs"], opened["x"] = X, X
    with pytest.raises(KitError, match=r"no array 'deep/inputs', .*the task was made of arrays"):
        files.read([str(other)], Ask(reading=own.reading, answers=False))
    again = files.read([f"{other}:inputs"], Ask(reading=own.reading, answers=False))
    assert again.x.tolist() == X.tolist()
