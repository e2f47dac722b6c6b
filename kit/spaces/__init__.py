"""Search spaces as plain torch modules, each usable without the rest of the kit.

Each folder is one space: operations, cells or blocks, the supernet, the network of an architecture,
its cost, decoding, and how an architecture is read and written. Searches are methods
(``kit.methods``), which use the spaces; a space does not use methods.
"""
