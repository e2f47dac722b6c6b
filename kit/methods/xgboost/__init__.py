"""xgboost: gradient-boosted trees on flattened samples."""
