"""Runs on disk: one folder each, written atomically, read strictly."""
