"""The user's own data: files of many formats are read into the arrays of a task."""
