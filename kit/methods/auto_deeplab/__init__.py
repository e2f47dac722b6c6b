"""Auto-DeepLab (Liu et al. 2019) as NAS-Bench-360 runs it on dense tasks."""
