"""Results on the move: packed for a paper's artifact, merged from elsewhere, verified.

Nothing in an archive is trusted: not its names, its sizes, its hashes or its schema.
"""
