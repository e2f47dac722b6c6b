"""One's own data, from files of many kinds to the arrays of a task."""
