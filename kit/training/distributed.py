"""Training on several devices: one process each, gradients averaged by torch's DDP.

``torchrun --nproc-per-node 4 -m kit run TASK METHOD`` starts such processes. Each takes its part of
every batch, so that a step is the step that one process would take on the whole batch: exactly
where a network treats samples one by one, and with batch statistics over all parts on GPUs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from kit.data.loading import Batch
from kit.training.losses import relative_l2


def initialise(device: torch.device) -> int:
    """Join the processes that ``torchrun`` started; return this one's rank, 0 if it is alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return 0
    if device.type == "cuda":
        # A process that leased its GPU sees no other.
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return dist.get_rank()


def world() -> int:
    """Return the number of processes that train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def wait() -> None:
    """Wait until all processes have called this."""
    if world() > 1:
        dist.barrier()


def parallel(network: nn.Module, *, averaged: bool = True) -> nn.Module:
    """Return the network wrapped for training in all processes; unchanged in a single one.

    Args:
        network: the same in all processes.
        averaged: whether its backward pass averages the gradients over them.
    """
    if world() == 1 or not any(weight.requires_grad for weight in network.parameters()):
        return network
    if next(network.parameters()).is_cuda:
        network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
    return DistributedDataParallel(network) if averaged else network


def shard(batch: Batch) -> tuple[Batch, float]:
    """Return this process's part of a batch, and the part's weight in the mean over processes.

    A batch with fewer samples than there are processes goes to each of them whole.
    """
    count, processes = len(batch.x), world()
    if processes == 1 or count < processes:
        return batch, 1.0
    part = torch.arange(count, device=batch.x.device).tensor_split(processes)[dist.get_rank()]
    return batch.rows(part), processes * len(part) / count


def weight_of(loss: object, weight: float, batch: Batch, part: Batch) -> float:
    """Return the weight of a part's loss in the mean over processes.

    ``relative_l2`` is a sum over samples, so that the parts' losses are added up.
    """
    summed = loss is relative_l2 and len(part.x) < len(batch.x)
    return float(world()) if summed else weight


def mean(value: Tensor) -> Tensor:
    """Return the mean of a tensor over all processes, which may be changed in place."""
    if world() > 1:
        dist.all_reduce(value)
        value = value / world()
    return value


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Average gradients over all processes, where the backward pass did not (``parallel``)."""
    gradients = [each.grad for each in parameters if each.grad is not None]
    if world() == 1 or not gradients:
        return
    flat = nn.utils.parameters_to_vector(gradients)
    dist.all_reduce(flat)
    nn.utils.vector_to_parameters(flat / world(), gradients)


def broadcast(network: nn.Module) -> None:
    """Copy the first process's buffers, such as batch statistics, to all processes."""
    if world() > 1:
        for buffer in network.buffers():
            dist.broadcast(buffer, 0)
