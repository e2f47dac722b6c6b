"""A reproducibility kit for DASH and NAS-Bench-360."""

__version__ = "0.1.0"
