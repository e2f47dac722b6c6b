"""expert: the network that experts designed for each task (NAS-Bench-360, appendix C).

One module per task, with the name of the task's folder; a task of one's own brings its network as
``expert.py`` in its own folder. A module defines

``build(input_shape, outputs, *, ...) -> nn.Module``
    The network with its first weights, by torch's global generator, which is seeded. Parameters lie
    in the order of the original's layers. It must also build on the meta device, and answer in the
    task's shape: (batch, outputs), or (batch, outputs, *spatial) of a dense task; what the numbers
    mean is said by the loss (``kit.training.losses``). A layer that is neither a convolution nor
    linear may tell its own ``multiply_adds(x) -> int`` for one sample.

``fit(context, checkpointer, network, settings, *, ...) -> None``
    Only where ``kit.base.fit.fit`` does not do by itself: trains the network in place, from the
    last checkpoint on.

Both take options by keyword: those of ``[task.X] build`` and ``fit`` in the settings.
"""
