"""One module per command; a trailing underscore keeps a name from shadowing a builtin."""
