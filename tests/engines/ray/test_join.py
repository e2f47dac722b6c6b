"""Clusters that cannot be joined, each told in one line and soon."""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
import ray
from ray._common.usage import usage_constants
from ray._private import ray_constants
from ray.cluster_utils import Cluster

from kit.engines import choose
from kit.engines.engine import SweepOptions
from kit.engines.ray import cluster
from kit.engines.signals import terminable
from kit.errors import UnavailableError


def refusal(address: str) -> str:
    with pytest.raises(UnavailableError, match="engine ray: no Ray cluster") as caught:
        choose.connect("ray", [], SweepOptions(ray_address=address))
    assert not ray.is_initialized()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """An open port of this machine; Ray would take its address for that of another interface."""
    monkeypatch.setattr(cluster, "canonicalize_bootstrap_address_or_die", lambda address: address)
    monkeypatch.setattr(cluster, "SECONDS_TO_CONNECT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def test_ctrl_c_and_term_mean_what_they_did_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's own handlers would end a run without a word."""

    def init(*_: object, **__: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)

    monkeypatch.setattr(cluster, "canonicalize_bootstrap_address_or_die", lambda address: address)
    monkeypatch.setattr(cluster, "_knock", lambda _: None)
    monkeypatch.setattr(ray, "init", init)
    with terminable():
        before = signal.getsignal(signal.SIGTERM)
        cluster.join("there:1")
        assert signal.getsignal(signal.SIGTERM) == signal.getsignal(signal.SIGINT) == before


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense", "nowhere.invalid:6379"])
def test_nobody_is_there(address: str) -> None:
    assert "'ray start' makes this machine part of one" in refusal(address)


def test_who_is_there_says_nothing(server: socket.socket) -> None:
    began = time.monotonic()
    assert "timed out" in refusal(f"127.0.0.1:{server.getsockname()[1]}")
    assert time.monotonic() - began < 20


def test_who_is_there_is_a_web_server(server: socket.socket) -> None:
    def answer() -> None:
        there, _ = server.accept()
        with there:
            there.recv(100)
            there.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    Thread(target=answer, daemon=True).start()
    told = refusal(f"127.0.0.1:{server.getsockname()[1]}")
    assert "what answers there is not Ray" in told


def test_other_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    arguments = {"num_cpus": 0, "include_dashboard": False}
    made: Any = Cluster(initialize_head=True, head_node_args=arguments)
    mine = {"ray_version": ray.__version__, "python_version": sys.version.split()[0]}
    for name, version in (("ray_version", "2.0.0"), ("python_version", "3.9.1")):
        # What a head of those versions tells whoever joins.
        made.head_node.get_gcs_client().internal_kv_put(
            usage_constants.CLUSTER_METADATA_KEY,
            json.dumps(mine | {name: version}).encode(),
            True,
            ray_constants.KV_NAMESPACE_CLUSTER,
        )
        told = refusal(made.address)
        assert version in told
        assert mine[name] in told
        assert "all nodes and this machine need the same versions" in told
    made.shutdown()


def test_without_ray_it_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("kit.engines.ray")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UnavailableError, match="engine ray: the package ray is not installed"):
        choose.connect("ray", [], SweepOptions())
