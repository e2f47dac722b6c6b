"""Layers of the experts that torch does not have."""
