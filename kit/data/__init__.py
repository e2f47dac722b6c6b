"""Data on disk and in batches. Only ``folds`` and ``normalise`` need torch."""
