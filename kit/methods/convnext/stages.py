"""The one stage of WRN."""

from kit.methods.wrn.stages import Stages

__all__ = ["Stages"]
