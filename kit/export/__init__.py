"""A finished run's model, used elsewhere: predictions for new data, files that need no kit."""
