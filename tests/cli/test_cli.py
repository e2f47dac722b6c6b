"""The command line as its user meets it: in a process of its own."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from kit import paths
from tests.conftest import Run


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("reproduc",), "unknown command 'reproduc'; did you mean 'reproduce'"),
        (("run", "darcyflow", "dash"), "unknown task 'darcyflow'; did you mean 'darcy-flow'?"),
        (("run", "darcy-flow", "dush"), "unknown method 'dush'; did you mean 'dash'?"),
        (("table", "1"), "10; nas-bench-360 has one: --paper nas-bench-360"),
        (("figure", "4"), "ranks, runtimes; nas-bench-360 has one: --paper nas-bench-360"),
        (("table", "99"), "no table 99 of paper 'dash'; there is"),
        (("table", "5", "--paper", "dasch"), "unknown paper 'dasch'; did you mean 'dash'?"),
        (("plan", "--tabel", "5"), "--table"),
        (("plan", "--table", "5", "--profile", "smoke", "--gpus", "²"), "no GPU '²'"),
        (("plan", "--table", "5", "--profile", "smoke", "--gpus", "9" * 5000), "no GPU '9"),
        (("run", "darcy-flow", "dash", "-o", "serch.epochs=1"), "did you mean 'search'?"),
        (("run", "darcy-flow", "wrn"), "use --profile lite"),
        (("run", "darcy-flow", "wrn", "--device", "gpu"), "is not one of 'cpu', 'cuda'"),
        (("reproduce", "--table", "5", "--task", "darcy-flow"), "use --profile lite"),
        (
            (
                *[
                    "reproduce",
                    "--table",
                    "5",
                    "--profile",
                    "smoke",
                    "--seed",
                    "0",
                    "--trials-on",
                    "local:x",
                ],
            ),
            "--trials-on local:N takes a number of processes, not 'x'",
        ),
        (("run", "darcy-flow", "wrn", "--profile", "smoke", "--tier", "sample"), "has no sample"),
        (("run", "darcy-flow", "wrn", "--profile", "smoke", "--until", "tune"), "stages train"),
        (("run", "darcy-flow", "wrn", "--architecture", "no.json"), "takes no --architecture"),
        (("run", "darcy-flow", "dash", "--architecture", "no.json"), "no.json: No such file"),
        (("data", "import", "darcy-flow", "no.mat"), "not a raw file of darcy-flow"),
        (("bench", "aggconv", "--device", "gpu"), "is not one of 'cpu', 'cuda'"),
        (("bench", "aggconv", "--threads", "99999999999"), "is not in the range"),
        (("data", "prepare", "darcy-flow", "--tier", "published"), "kit data import"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(
    kit: Run, words: tuple[str, ...], told: str
) -> None:
    done = kit(*words)
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_help_needs_no_large_package() -> None:
    # What it takes is import time: a count of seconds would tell of the machine's other work.
    words = [sys.executable, "-X", "importtime", "-m", "kit", "--help"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    names = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines()]
    packages = {name.partition(".")[0] for name in names}
    assert {"click", "kit"} <= packages
    large = {"docker", "matplotlib", "numpy", "pandas", "pyarrow", "ray", "requests", "scipy"}
    assert packages.isdisjoint(large | {"sklearn", "statsmodels", "torch", "urllib3", "xgboost"})
    assert len(names) < 400


def test_its_end_looks_for_no_garbage() -> None:
    told = """if True:
        import atexit, gc, sys
        from kit.cli import main
        atexit.register(lambda: print(gc.get_freeze_count() > 1000))
        sys.argv = ["kit", "--version"]
        main()
    """
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("True\n")


def test_the_main_job_at_smoke_size(kit: Run, darcy: Path, home: Path) -> None:
    del darcy
    table_5 = ("reproduce", "--table", "5", "--task", "darcy-flow", "--profile", "smoke")
    words = (*table_5, "--method", "wrn", "--method", "dash")
    dry = kit(*words, "--dry-run")
    assert dry.returncode == 0
    assert "6 to run" in dry.stdout
    assert not (home / "results" / "runs").exists()
    done = kit(*words, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "[a] seeds 0, 1, 2; profile smoke" in done.stdout
    assert done.stderr.count("done after") == 6
    again = kit(*words)
    assert again.stdout == done.stdout
    assert "runs" not in again.stderr
    table = json.loads(kit("table", "5", "--profile", "smoke", "--format", "json").stdout)
    for row in table["rows"]:
        measured = [cell["measured"] for cell in row["cells"] if cell["measured"]]
        assert len(measured) == (1 if row["method"] in ("dash", "wrn") else 0)
        assert all(cell["seeds"] == [0, 1, 2] for cell in measured)
    plan = json.loads(kit("plan", *words[1:], "--format", "json").stdout)
    assert {run["action"] for run in plan["runs"]} == {"keep"}


@pytest.mark.usefixtures("darcy")
def test_a_failed_run_stops_no_other_and_the_exit_code_tells(kit: Run, home: Path) -> None:
    words = ("reproduce", "--table", "5", "--task", "darcy-flow", "--method", "wrn")
    plan = json.loads(kit("plan", *words[1:], "--profile", "smoke", "--format", "json").stdout)
    # A directory where the weights should go: this run alone cannot end well.
    blocked = home / "results" / "runs" / plan["runs"][1]["folder"] / "artifacts" / "weights.pt"
    (blocked / "in the way").mkdir(parents=True)
    done = kit(*words, "--profile", "smoke")
    assert done.returncode == 1
    assert done.stderr.count("done after") == 2
    assert "FAILED" in done.stderr
    assert "1 of 3 runs failed" in done.stderr
    assert "(2 of 3)" in done.stdout
    # It stays so until asked for.
    shutil.rmtree(blocked)
    again = kit(*words, "--profile", "smoke")
    assert again.returncode == 1
    assert "failed before (method)" in again.stderr
    assert "--retry-failed" in again.stderr
    assert "done after" not in again.stderr
    retried = kit(*words, "--profile", "smoke", "--retry-failed")
    assert retried.returncode == 0, retried.stderr
    assert retried.stderr.count("done after") == 1
    assert "(2 of 3)" not in retried.stdout


def test_ctrl_c_while_workers_prepare_data_is_one_line() -> None:
    words = ["data", "prepare", "darcy-flow", "--profile", "lite", "--workers", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "kit", *words],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    # The worker is importing what it needs.
    while not any("scipy" in _mapped(child) for child in children.read_text().split()):
        time.sleep(0.01)
    # The terminal interrupts all of them.
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.strip() == "kit: interrupted; the same command resumes"


def _mapped(pid: str) -> str:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/maps").read_text()
    return ""


@pytest.mark.usefixtures("darcy")
def test_seeds_come_from_the_environment(kit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_SEEDS", "0 4")
    done = kit("run", "darcy-flow", "wrn", "--profile", "smoke")
    assert "seed 0 (smoke, released): relative-l2" in done.stdout
    assert "seed 4 (smoke, released): relative-l2" in done.stdout
    monkeypatch.setenv("KIT_SEEDS", "0 x")
    assert kit("run", "darcy-flow", "wrn", "--profile", "smoke").returncode == 2


TABLE = ("--table", "5", "--task", "darcy-flow", "--method", "wrn")


@pytest.mark.usefixtures("darcy")
@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("KIT_SEEDS", "-1", ("run", "darcy-flow", "wrn")),
        ("KIT_SEEDS", "0 x", ("reproduce", *TABLE)),
        ("KIT_THREADS", "99999999999", ("run", "darcy-flow", "wrn")),
        ("KIT_THREADS", "99999999999", ("reproduce", *TABLE)),
        ("KIT_THREADS", "1.5", ("precompute", "nas-bench-201", "--task", "darcy-flow")),
        ("KIT_THREADS", "1.5", ("submit", "--slurm", "--dry-run", *TABLE)),
        ("KIT_CHECKPOINT_SECONDS", "x", ("run", "darcy-flow", "wrn")),
        ("KIT_CHECKPOINT_SECONDS", "x", ("reproduce", *TABLE)),
        ("KIT_TAKE_BUSY_GPU", "yes", ("reproduce", *TABLE)),
        ("KIT_MEMORY", "90%", ("reproduce", *TABLE)),
    ],
)
def test_a_wrong_variable_is_told_in_one_line(
    variable: str, value: str, words: tuple[str, ...], kit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    done = kit(*words, "--profile", "smoke")
    assert done.returncode == 2
    told = done.stderr.strip()
    assert variable in told
    assert "\n" not in told
    assert not list(paths.results().rglob("result.json"))


@pytest.mark.usefixtures("darcy")
def test_results_of_a_run_as_json(kit: Run) -> None:
    done = kit("run", "darcy-flow", "wrn", "--profile", "smoke", "--seed", "0", "--format", "json")
    (result,) = json.loads(done.stdout)
    assert result["spec"]["seed"] == 0
    assert result["metrics"]["relative-l2"]["n_units"] == 4


@pytest.mark.usefixtures("darcy")
def test_a_seed_that_fails_stops_no_other(kit: Run, home: Path) -> None:
    words = ("run", "darcy-flow", "wrn", "--profile", "smoke", "--seed", "0", "--seed", "1")
    assert kit(*words, "--until", "train").returncode == 0
    (weights,) = (home / "results").glob("runs/*/*/*/seed-0-*/artifacts/weights.pt")
    weights.write_bytes(b"damaged")
    done = kit(*words)
    assert done.returncode == 1
    assert "seed 0 (smoke, released): failed (data)" in done.stderr
    assert "seed 1 (smoke, released): relative-l2" in done.stdout


def test_listings_in_both_forms(kit: Run) -> None:
    assert "darcy-flow" in kit("list", "tasks").stdout
    for words in (("list", "tasks"), ("list", "methods"), ("list", "tables"), ("data", "list")):
        assert json.loads(kit(*words, "--format", "json").stdout)
    checks = json.loads(kit("doctor", "--format", "json").stdout)
    checked = {"python", "torch", "gpu", "docker", "disk", "folders", "data"}
    assert checked == {row["check"] for row in checks}


def test_a_container_makes_itself_the_data_that_it_lacks(
    kit: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_IMAGE_ID", "sha256:0123")
    monkeypatch.setenv("KIT_SERVICE", "ecg")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    words = ("run", "ecg", "constant", "--profile", "smoke", "--seed", "0")
    done = kit(*words)
    assert done.returncode == 0, done.stderr
    prepare = "docker compose run --rm ecg-prepare --tier synthetic --profile smoke"
    assert f"ecg: data for this container alone; '{prepare}' makes data" in done.stderr
    assert not (home / "data").exists(), "which is read-only there"
    assert len(list(tmp_path.glob("kit-data-*/ecg"))) == 1
    lacking = kit(*words, "--tier", "published")
    assert lacking.returncode == 1
    assert "docker compose run --rm ecg-" in lacking.stderr


def test_data_are_prepared_verified_and_listed(kit: Run, darcy: Path) -> None:
    assert "ok" in kit("data", "verify", "darcy-flow").stdout
    rows = json.loads(kit("data", "list", "--format", "json").stdout)
    ready = {(row["tier"], row["profile"]) for row in rows if row["ready"]}
    assert ready == {("regenerated", "smoke")}
    assert (darcy / "darcy-flow").exists()


def test_damaged_data_are_told(kit: Run, home: Path) -> None:
    assert kit("data", "prepare", "ninapro", "--tier", "synthetic").returncode == 0
    assert kit("data", "verify", "ninapro").returncode == 0
    array = home / "data" / "ninapro" / "synthetic" / "y.npy"
    content = bytearray(array.read_bytes())
    content[-1] ^= 1
    array.write_bytes(content)
    done = kit("data", "verify", "ninapro")
    assert done.returncode == 1
    assert "synthetic  damaged: y" in done.stdout
    array.write_bytes(content[:-1])
    done = kit("data", "verify", "ninapro")
    assert done.returncode == 1
    assert "kit data prepare ninapro --tier synthetic" in done.stdout


def test_a_folder_that_cannot_be_written_is_told_in_a_line(
    kit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KIT_DATA", str(tmp_path / "file" / "data"))
    done = kit("data", "prepare", "ninapro", "--tier", "synthetic")
    assert done.returncode == 2
    assert done.stderr.startswith(f"kit: {tmp_path / 'file' / 'data'}")
    assert done.stderr.endswith(": Not a directory\n")
    assert done.stderr.count("\n") == 1


def test_a_variable_that_names_no_folder_is_told(
    kit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_TASKS", str(tmp_path / "none"))
    done = kit("list", "tasks")
    assert done.returncode == 2
    assert done.stderr == f"kit: KIT_TASKS: {tmp_path / 'none'} is not a folder\n"


@pytest.mark.parametrize(
    ("variable", "command"),
    [
        ("KIT_RESULTS", "status"),
        ("KIT_DATA", "data list"),
        ("KIT_TASKS", "list tasks"),
        ("KIT_METHODS", "list methods"),
    ],
)
def test_a_variable_that_names_an_unknown_home_is_told(
    kit: Run, monkeypatch: pytest.MonkeyPatch, variable: str, command: str
) -> None:
    monkeypatch.setenv(variable, "~nobodyx/foo")
    done = kit(*command.split())
    assert done.returncode == 2
    assert done.stderr == f"kit: {variable}: ~nobodyx/foo: no such home folder is known\n"


@pytest.mark.parametrize(
    ("variable", "command", "check"),
    [("KIT_RESULTS", "status", "disk"), ("KIT_DATA", "data list", "data")],
)
def test_a_variable_that_names_a_file_is_told(
    kit: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    command: str,
    check: str,
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv(variable, str(file))
    line = f"{variable} is a file: {file}: Not a directory"
    done = kit(*command.split())
    assert (done.returncode, done.stderr) == (2, f"kit: {line}\n")
    done = kit("doctor")
    assert (done.returncode, done.stderr) == (1, "")
    rows = done.stdout.splitlines()
    assert any(row.startswith(f"BAD  {check} ") and row.endswith(line) for row in rows)


@pytest.mark.usefixtures("darcy")
def test_with_a_terminal_bars_are_shown_and_output_still_goes_where_it_should(
    tmp_path: Path,
) -> None:
    """Standard error is a terminal, standard output a file."""
    terminal, other = pty.openpty()
    words = [sys.executable, "-m", "kit", "run", "darcy-flow", "wrn", "--profile", "smoke"]
    with (tmp_path / "out").open("w") as out:
        process = subprocess.Popen(
            [*words, "--seed", "0"],
            stdout=out,
            stderr=other,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "80"},
        )
        os.close(other)
        shown = b""
        with suppress(OSError):  # the terminal's other end is closed: the process has ended
            while part := os.read(terminal, 4096):
                shown += part
    os.close(terminal)
    assert process.wait() == 0
    assert b"train, epoch 2" in shown
    assert "seed 0 (smoke, released): relative-l2" in (tmp_path / "out").read_text()


def test_the_doctor_sees_results_that_cannot_be_written(
    kit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "results"
    file.touch()
    monkeypatch.setenv("KIT_RESULTS", str(file))
    done = kit("doctor")
    assert done.returncode == 1
    assert f"BAD  disk    {file} is no folder to write to" in done.stdout
