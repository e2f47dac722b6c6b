"""WRN, tuned by asynchronous successive halving."""
