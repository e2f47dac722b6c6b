"""The stages of DASH."""

from kit.methods.dash.stages import Stages

__all__ = ["Stages"]
