"""The supervisor of a seat, with the stand-in for ``kit run``."""

from kit.engines.ray import supervisor
from tests.engines.chaos import FakeLocal

if __name__ == "__main__":
    supervisor.main(FakeLocal)
