"""Which of many trials trains on, and in what order: decisions without torch."""
