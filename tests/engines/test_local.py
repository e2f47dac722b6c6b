"""Processes of the local engine, as they end, are stopped and are found again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence

import pytest

from kit.engines import handover, local
from kit.engines.engine import Exit, Handle, SweepOptions, environment
from kit.engines.local import Local
from kit.runs import logs
from kit.runs.folder import RunFolder
from kit.spec import RunSpec
from tests.engines.fake_run import spec_of


class Script(Local):
    """Runs a script in place of ``kit run``."""

    def __init__(self, script: str) -> None:
        super().__init__(SweepOptions())
        self.script = script

    def _command(self, spec: RunSpec) -> list[str]:
        return [sys.executable, "-c", self.script]


def started(script: str, gpus: Sequence[str] = ()) -> tuple[Script, Handle]:
    engine, spec = Script(script), spec_of("darcy-flow", "wrn", 0)
    RunFolder(spec).path.mkdir(parents=True, exist_ok=True)
    return engine, engine.start(spec, tuple(gpus))


def ended(engine: Script, handle: Handle) -> Exit:
    while (end := engine.poll(handle)) is None:
        time.sleep(0.01)
    assert engine.poll(handle) == end, "it can be asked again"
    return end


def printed(handle: Handle) -> list[str]:
    return logs.tail(RunFolder(handle.spec).log)


def test_the_command_finds_the_spec_in_the_folder() -> None:
    spec = spec_of("darcy-flow", "wrn", 0)
    engine = Local(SweepOptions(device="cpu"))
    python, *words = engine._command(spec)
    file = RunFolder(spec).path / "spec.json"
    assert (python, words) == (
        sys.executable,
        ["-m", "kit", "run", "--spec", str(file), "--device", "cpu"],
    )
    started("")
    assert handover.read(file).id == spec.id


def test_output_goes_to_the_log_and_the_exit_code_comes_back() -> None:
    engine, handle = started("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert ended(engine, handle) == Exit(3)
    assert sorted(printed(handle)) == ["err", "out"]


def test_a_run_knows_its_gpus() -> None:
    script = "import os; print(os.environ['KIT_GPU'], os.environ['KIT_GPU_WAIT'])"
    engine, handle = started(script, ["GPU-a", "GPU-b"])
    ended(engine, handle)
    assert printed(handle) == ["GPU-a,GPU-b 1.0"]
    assert "KIT_GPU" not in environment((), SweepOptions())


@pytest.mark.parametrize("heeds", [True, False])
def test_term_then_kill_after_the_grace(heeds: bool) -> None:
    ignore = "" if heeds else "import signal; signal.signal(15, signal.SIG_IGN);"
    engine, handle = started(ignore + "print('on', flush=True); import time; time.sleep(60)")
    while not printed(handle):
        time.sleep(0.01)
    began = time.monotonic()
    engine.stop(handle, 0.5)
    took = time.monotonic() - began
    assert ended(engine, handle) == Exit(-15 if heeds else -9)
    assert took < 0.5 if heeds else 0.5 <= took < 5


def test_what_a_run_started_ends_with_it() -> None:
    script = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True)"
    engine, handle = started(script)
    ended(engine, handle)
    sleeper = int(printed(handle)[0])
    for _ in range(200):
        if local._born(sleeper) is None:
            break
        time.sleep(0.01)
    assert local._born(sleeper) is None


def test_a_process_is_found_again_but_never_one_that_has_its_pid() -> None:
    engine, handle = started("import time; time.sleep(60)")
    other = Script("")
    assert other.find(handle.spec, handle.reference) == handle
    assert other.poll(handle) is None
    pid, _, born = handle.reference.partition(":")
    assert other.find(handle.spec, f"{pid}:{int(born) + 1}") is None
    assert other.find(handle.spec, None) is None
    assert other.find(handle.spec, "a-container") is None
    other.stop(handle, 5)
    assert ended(engine, handle) == Exit(-15)
    assert other.find(handle.spec, handle.reference) is None
    assert other.poll(handle) == Exit(None), "how it ended, only its parent knows"


def test_the_kernels_oom_killer_is_told_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    count = [7]
    monkeypatch.setattr(local, "oom_kills", lambda: count[0])
    engine, handle = started("import os; os.kill(os.getpid(), 9)")
    count[0] += 1
    assert ended(engine, handle) == Exit(-9, oom_killed=True)
    engine, handle = started("import os; os.kill(os.getpid(), 9)")
    assert ended(engine, handle) == Exit(-9, oom_killed=False)


def test_a_log_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs.cap, "__defaults__", (1 << 16, 1 << 12))
    # What is written while a log is being cut may be lost: the last line waits until it has been.
    script = """if True:
        import os, sys, time
        for n in range(20000): print('%d of many lines' % n)
        sys.stdout.flush()
        for _ in range(30000):
            if 1 << 12 < os.fstat(1).st_size <= 1 << 16: break
            time.sleep(0.001)
        print('the last line')
        """
    engine, handle = started(script)
    while engine.poll(handle) is None:
        time.sleep(0.001)
    assert RunFolder(handle.spec).log.stat().st_size <= (1 << 16) + 100
    assert b"bytes cut here" in RunFolder(handle.spec).log.read_bytes()
    assert printed(handle)[-1] == "the last line"


def test_secrets_of_the_environment_are_written_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    engine, handle = started("print('no word of it')")
    ended(engine, handle)
    for file in RunFolder(handle.spec).path.rglob("*"):
        assert not file.is_file() or b"hunter2" not in file.read_bytes()


def test_no_zombie_counts_as_alive() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT) is None:
        pass
    assert local._born(process.pid) is None
    process.wait()


@pytest.mark.parametrize("born", ["None", "", "0", "x"])
def test_a_child_that_cannot_be_looked_up_is_over(born: str) -> None:
    """Of a supervisor that saw no start time; nothing tells that the pid is still that child."""
    engine, spec = Script(""), spec_of("darcy-flow", "wrn", 0)
    dead = subprocess.Popen(["true"])
    dead.wait()
    for pid in (dead.pid, os.getpid()):
        handle = Handle(spec, f"{pid}:{born}")
        assert engine.find(spec, handle.reference) is None
        assert engine.poll(handle) == Exit(None)
        engine.stop(handle, grace=0.0)


def test_a_process_of_somebody_else_is_not_taken_for_the_run() -> None:
    spec = spec_of("darcy-flow", "wrn", 0)
    RunFolder(spec).path.mkdir(parents=True, exist_ok=True)
    RunFolder(spec).log.touch()
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
        reference = f"{other.pid}:{local._born(other.pid)}"
        assert Script("").find(spec, reference) is None
        other.kill()


def test_a_run_that_another_supervisor_started_is_found() -> None:
    engine, handle = started("import time; time.sleep(60)")
    assert Script("").find(handle.spec, handle.reference) == handle
    engine.stop(handle, grace=0.0)
