"""DASH without its search: layers that are drawn, or all the same."""
