"""The table of one task: methods as rows, all metrics as columns."""
