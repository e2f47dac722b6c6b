"""constant: the best answer that ignores the input, the kit's own baseline."""
