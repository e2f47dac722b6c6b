"""Measuring one search epoch on ImageNet with each way to compute the mixtures (DASH, Table 8)."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import nn

from kit import method, task
from kit.backbones import backbone
from kit.bench.epoch_times import Epoch, EpochTimes, Strategy, file_of
from kit.bench.measure import torch_threads
from kit.bench.step_times import timed_code
from kit.data.folds import Fold, TaskData
from kit.data.loading import Batch
from kit.data.prepared import open_prepared
from kit.files import write_json
from kit.methods.dash.info import DashSettings
from kit.ops import count
from kit.search import supernet
from kit.spec import Profile, Tier
from kit.training.loop import network_loss
from kit.training.losses import loss

TASK = "imagenet-1k"
METHODS = ("dash", "dash-convnext")
STRATEGIES: dict[Strategy, str] = {
    "dash": "auto",
    "mixed-weights": "mixed-weights",
    "mixed-results": "mixed-results",
}
# Images of an epoch: the paper's, then what two CPU cores do in minutes and in seconds.
IMAGES: dict[Profile, int] = {"paper": 4096, "lite": 8, "smoke": 2}
BATCH: dict[Profile, int] = {"paper": 64, "lite": 4, "smoke": 1}


def measure(
    profile: Profile,
    tier: Tier,
    *,
    device: str = "cpu",
    progress: Callable[[int, int], None] = lambda *_: None,
) -> EpochTimes:
    """Measure and keep the epochs of both supernets.

    All strategies take each batch in turn, so that what disturbs the machine disturbs all alike;
    images are on the device before the clock starts. Reduced profiles have one thread.

    Raises:
        DataError: the data of the profile are not prepared.
    """
    with torch_threads(None if profile == "paper" else 1):
        measured = _measure(profile, tier, device, progress)
    write_json(file_of(profile), measured)
    return measured


def _measure(
    profile: Profile, tier: Tier, device: str, progress: Callable[[int, int], None]
) -> EpochTimes:
    images, size = IMAGES[profile], BATCH[profile]
    found: list[Epoch] = []
    side = 0
    for done, name in enumerate(METHODS):
        settings, fold = _opened(name, profile, tier, torch.device(device))
        side = fold.config.window
        module, networks = _supernets(settings, device, side)
        seconds = dict.fromkeys(STRATEGIES, 0.0)
        batches = fold.shuffled(size, 0, "table-8", limit=images // size)
        for number, batch in enumerate(batches):
            for strategy, network in networks.items():
                step = _step(network, fold, batch)
                if number == 0:
                    step()  # plans and caches are made at the first step
                seconds[strategy] += _timed(step, device)
            progress(done * images + (number + 1) * size, len(METHODS) * images)
        found += [
            Epoch(name, strategy, count.parameters(module), value)
            for strategy, value in seconds.items()
        ]
    return EpochTimes(
        profile=profile,
        tier=tier,
        device=torch.cuda.get_device_name() if device != "cpu" else "CPU",
        threads=torch.get_num_threads(),
        torch=str(torch.__version__),
        images=images,
        side=side,
        batch=size,
        epochs=found,
        code=timed_code(),
    )


def _opened(
    name: str, profile: Profile, tier: Tier, device: torch.device
) -> tuple[DashSettings, Fold]:
    the_task = task.find(TASK)
    settings = method.find(name).settings(the_task, "released", profile, tier)
    assert isinstance(settings, DashSettings)
    prepared = open_prepared(the_task, tier, profile)
    return settings, TaskData(the_task, prepared, device).fold("search", settings.data)


def build_backbone(settings: DashSettings, side: int) -> nn.Module:
    """Return the backbone that the search would take, for images of some side."""
    network: nn.Module = backbone(settings.backbone).build(
        (3, side, side),
        task.find(TASK).outputs,
        width=settings.search.width or None,
        variant="dash",
        **settings.backbone_options,
    )
    return network


def _supernets(
    settings: DashSettings, device: str, side: int
) -> tuple[nn.Module, dict[Strategy, nn.Module]]:
    """Return the backbone, and its supernet computed in each way, with the same weights."""
    module = build_backbone(settings, side).to(device)
    networks: dict[Strategy, nn.Module] = {}
    for strategy, how in STRATEGIES.items():
        torch.manual_seed(0)
        networks[strategy] = supernet(
            module,
            torch.zeros(1, 3, side, side, device=device),
            settings.kernel_sizes,
            settings.dilations,
            separable=settings.search.separable,
            method=how,
        ).train()
    return module, networks


def _step(network: nn.Module, fold: Fold, batch: Batch) -> Callable[[], None]:
    value = network_loss(network, fold, loss("cross-entropy")[0])

    def step() -> None:
        network.zero_grad(set_to_none=True)
        value(batch).backward()

    return step


def _timed(step: Callable[[], None], device: str) -> float:
    wait = torch.cuda.synchronize if device != "cpu" else lambda: None
    wait()
    start = time.perf_counter()
    step()
    wait()
    return time.perf_counter() - start
