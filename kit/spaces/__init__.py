"""Search spaces as plain torch modules, each usable without the rest of the kit.

A folder here is a space: its operations, cells or blocks, supernet, the network of an architecture,
cost, decoding, and how an architecture is read and written. What a search does in a space is a
method's (``kit.methods``); a space knows none.
"""
