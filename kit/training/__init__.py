"""Training: a loop whose stages can be killed and resumed bit by bit."""
