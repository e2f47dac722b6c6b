from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import diags_array
from scipy.sparse.linalg import spsolve

from kit import discovery, task
from kit.data import preparing, raw, taking
from kit.data.prepared import folder_of
from kit.errors import DataError, KitError
from kit.files import sha256
from tests.tasks.samples import made_up


def module(name: str) -> ModuleType:
    return discovery.load("tasks", task.find("darcy-flow").folder, name)


def test_solver_is_of_second_order() -> None:
    """Manufactured: a = 2 + y cos(pi x), u = sin(pi x) sin(2 pi y)."""
    errors = []
    for grid in (22, 43, 85):
        x, y = np.meshgrid(*[np.linspace(0, 1, grid)] * 2, indexing="ij")
        pi, sin, cos = np.pi, np.sin, np.cos
        a = 2 + y * cos(pi * x)
        u = sin(pi * x) * sin(2 * pi * y)
        u_x, u_y = pi * cos(pi * x) * sin(2 * pi * y), 2 * pi * sin(pi * x) * cos(2 * pi * y)
        source = -(-y * pi * sin(pi * x) * u_x - a * pi**2 * u + cos(pi * x) * u_y)
        source -= -a * 4 * pi**2 * u
        errors.append(np.abs(module("solver").solve(a, source) - u).max())
    assert errors[0] / errors[1] == pytest.approx((42 / 21) ** 2, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx((84 / 42) ** 2, rel=0.05)
    assert errors[2] < 5e-4


def test_solver_agrees_with_a_direct_one() -> None:
    a = module("field").coefficient(np.random.default_rng(0), 41)
    inner, h = 39, 1 / 40
    rows, columns = (a[1:, 1:-1] + a[:-1, 1:-1]) / 2, (a[1:-1, 1:] + a[1:-1, :-1]) / 2
    diagonal = rows[1:] + rows[:-1] + columns[:, 1:] + columns[:, :-1]
    right = columns[:, 1:].copy()
    right[:, -1] = 0
    bands = [-rows[1:-1].ravel(), -right.ravel()[:-1]]
    matrix = diags_array(
        [diagonal.ravel(), bands[0], bands[0], bands[1], bands[1]],
        offsets=[0, inner, -inner, 1, -1],
    ).tocsc()
    direct = spsolve(matrix, np.full(inner * inner, h * h)).reshape(inner, inner)
    ours = module("solver").solve(a, tolerance=1e-13)[1:-1, 1:-1]
    assert np.abs(ours - direct).max() < 1e-12 * np.abs(direct).max() * 100


def test_solver_refuses_what_has_no_solution() -> None:
    with pytest.raises(ValueError, match="positive"):
        module("solver").solve(np.zeros((9, 9)))


def test_field_has_the_stated_covariance_and_both_phases() -> None:
    field = module("field")
    random = np.random.default_rng(1)
    fields = np.stack([field.gaussian_field(random, 33) for _ in range(400)])
    assert abs(fields.mean()) < 0.02 * fields.std() * 10
    shares = [(field.coefficient(random, 33) == 12).mean() for _ in range(200)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.05)
    # The first cosine mode's variance is (grid * tau * (pi^2 + tau^2)^-1)^2.
    mode = np.cos(np.pi * (np.arange(33) + 0.5) / 33) * np.sqrt(2 / 33)
    weights = (fields * mode[:, None]).sum(axis=(1, 2)) / np.sqrt(33)
    assert weights.std() == pytest.approx(33 * 3 / (np.pi**2 + 9), rel=0.12)


def test_a_pair_depends_on_its_number_alone(smoke_data: Path) -> None:
    generated = np.load(smoke_data / "darcy-flow" / "regenerated-smoke" / "x.npy")
    targets = np.load(smoke_data / "darcy-flow" / "regenerated-smoke" / "y.npy")
    numbers = np.load(smoke_data / "darcy-flow" / "regenerated-smoke" / "unit_id.npy")
    assert numbers.tolist() == [*range(12), *range(900, 904), *range(1000, 1004)]
    coefficient, pressure = module("prepare").generate(900)
    assert np.array_equal(generated[12, 0], coefficient)
    assert np.array_equal(targets[12, 0], pressure)
    assert set(np.unique(generated)) == {3, 12}
    assert 0 <= targets.min() < targets.max() < 0.05


def test_the_same_bytes_whatever_the_number_of_processes(
    smoke_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fixture used all cores; here one process, resumed from a part made before."""
    darcy = task.find("darcy-flow")
    monkeypatch.setattr(type(darcy), "samples", lambda *_: {"train": 3, "val": 1, "test": 1})
    scratch = folder_of(darcy, "regenerated", "smoke").with_name(".regenerated-smoke.partial")
    scratch.mkdir(parents=True)
    np.save(scratch / "pair-0001.npy", module("prepare").generate(1))
    done: list[int] = []
    preparing.prepare(
        darcy, "regenerated", "smoke", workers=1, progress=lambda n, total: done.append(n)
    )
    assert done[0] == 1, "the part that was there is not made again"
    ours = folder_of(darcy, "regenerated", "smoke")
    theirs = np.load(smoke_data / "darcy-flow" / "regenerated-smoke" / "y.npy")
    assert np.array_equal(np.load(ours / "y.npy")[:3], theirs[:3])
    assert not scratch.exists()


def _pairs(count: int) -> dict[str, np.ndarray[Any, Any]]:
    random = np.random.default_rng(count)
    return {name: random.random((count, 421, 421)).astype("f4") for name in ("coeff", "sol")}


def _write_hdf5(file: Path, fields: dict[str, np.ndarray[Any, Any]]) -> None:
    with h5py.File(file, "w") as content:
        for name, field in fields.items():
            content[name] = field.T


def test_published_files_of_both_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    darcy = made_up(task.find("darcy-flow"))
    monkeypatch.setattr(module("prepare"), "COUNT", {"train": 2, "val": 1, "test": 2})
    train, test = _pairs(4), _pairs(3)
    savemat(tmp_path / darcy.sources[0].file, train)
    _write_hdf5(tmp_path / darcy.sources[1].file, test)
    taking.import_files(darcy, [tmp_path / source.file for source in darcy.sources[:2]])
    (raw.folder_of(darcy) / "another.mat").touch()
    preparing.prepare(darcy, "published", "paper")
    folder = home / "data" / "darcy-flow" / "published"
    x, y = np.load(folder / "x.npy"), np.load(folder / "y.npy")
    assert np.array_equal(x[:3, 0], train["coeff"][:3, ::5, ::5])
    assert np.array_equal(y[3:, 0], test["sol"][:2, ::5, ::5])
    assert np.load(folder / "fold-test.npy").tolist() == [3, 4]


@pytest.mark.parametrize("write", [savemat, _write_hdf5])
def test_wrong_matlab_files_are_told_by_file_and_field(tmp_path: Path, write: Any) -> None:
    read, file = module("matlab").read_pairs, tmp_path / "smooth1.mat"
    fields = _pairs(2)
    write(file, {"coeff": fields["coeff"]})
    with pytest.raises(DataError, match=r"smooth1\.mat: there is no field 'sol'"):
        read(file, 2, 5)
    write(file, {"coeff": fields["coeff"], "sol": fields["sol"][:1]})
    with pytest.raises(DataError, match=r"sol is \(1, 421, 421\), not at least \(2, 421, 421\)"):
        read(file, 2, 5)
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(DataError, match=r"smooth1\.mat"):
        read(file, 2, 5)


def test_files_that_are_not_the_tasks_are_refused(tmp_path: Path) -> None:
    darcy = task.find("darcy-flow")
    wrong = tmp_path / "piececonst_r421_N1024_smooth3.mat"
    wrong.write_bytes(b"x")
    with pytest.raises(KitError, match="did you mean 'piececonst_r421_N1024_smooth"):
        taking.import_files(darcy, [wrong])
    with pytest.raises(KitError, match="no such file"):
        taking.import_files(darcy, [tmp_path / darcy.sources[0].file])


def test_a_raw_file_that_changed_is_refused_and_the_first_one_kept(tmp_path: Path) -> None:
    darcy = task.find("darcy-flow")
    file = tmp_path / darcy.sources[0].file
    file.write_bytes(b"\0first")
    (kept,) = taking.import_files(darcy, [file])
    first = sha256(kept)
    raw.pin(darcy, "published")
    file.write_bytes(b"\0other")
    with pytest.raises(DataError, match=r"data were prepared from .* 'kit data clean darcy-flow'"):
        taking.import_files(darcy, [file])
    assert sha256(kept) == first
    assert raw.check(darcy)[file.name] == "ok"
    kept.write_bytes(b"flip")
    assert raw.check(darcy)[file.name] == "hash differs"


def test_published_data_that_are_missing_name_the_import() -> None:
    with pytest.raises(DataError, match="kit data import darcy-flow"):
        preparing.prepare(task.find("darcy-flow"), "published", "paper")
