"""WRN, the untuned backbone."""
