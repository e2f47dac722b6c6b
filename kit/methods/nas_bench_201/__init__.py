"""Training of every cell of NAS-Bench-201, and the table of the results."""
