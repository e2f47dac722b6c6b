"""One folder per method; see ``kit.method`` for the contract."""
