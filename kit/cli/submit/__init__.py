"""The parts of ``kit submit``: one module per kind of cluster."""
