"""Measurements behind the speed claims: interleaved medians, and peak memory in fresh processes."""
