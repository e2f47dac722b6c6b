"""GAEA PC-DARTS on DARTS's space."""
