"""AggConv, the operator at the heart of DASH, in several exact forms. Depends on torch alone."""

from kit.ops.agg_conv import agg_conv
from kit.ops.methods import METHODS
from kit.ops.modules import AggConv1d, AggConv2d

__all__ = ["METHODS", "AggConv1d", "AggConv2d", "agg_conv"]
