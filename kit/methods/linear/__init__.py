"""linear: a linear model of the inputs, the kit's own baseline."""
