"""DASH-TCN."""
