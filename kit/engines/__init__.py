"""Engines: what makes planned runs happen."""
