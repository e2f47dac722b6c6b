"""BABY DASH."""
