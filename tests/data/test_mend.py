"""Lines that say how to mend data name what their reader can type."""

from __future__ import annotations

import pytest

from kit import task
from kit.data.prepared import open_prepared
from kit.data.preparing import prepare
from kit.errors import DataError
from tests.conftest import Run


@pytest.mark.parametrize("name", ["darcy-flow", "deepsea"])
def test_within_a_service_of_compose_its_services_are_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = task.find(name)
    lines = {
        False: (f"kit data prepare {name} --tier published", f"kit data fetch {name} --tier"),
        True: (
            f"docker compose run --rm {name}-prepare --tier published",
            f"docker compose run --rm {name}-fetch --tier published",
        ),
    }
    for inside, (prepared, fetched) in lines.items():
        if inside:
            monkeypatch.setenv("KIT_SERVICE", name)
        with pytest.raises(DataError, match=f"run '{prepared}"):
            open_prepared(found, "published", "paper")
        with pytest.raises(DataError, match=f"'{fetched}"):
            prepare(found, "published", "paper")


def test_what_is_ready_is_left_as_it_is(darcy: object, kit: Run) -> None:
    words = ("data", "prepare", "darcy-flow", "--tier", "regenerated", "--profile", "smoke")
    done = kit(*words, "--if-needed")
    assert done.returncode == 0
    assert done.stdout.endswith("regenerated-smoke: ready\n")
