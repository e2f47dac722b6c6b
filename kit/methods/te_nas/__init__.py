"""TE-NAS."""
