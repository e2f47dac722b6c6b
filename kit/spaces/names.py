"""Names of the candidate operations that several spaces share. No torch.

DARTS (Liu et al. 2019) and Auto-DeepLab (Liu et al. 2019) have the same operations in the same
order, which decides ties. The names contain ``3x3`` or ``5x5`` in 1D, too.
"""

CANDIDATES = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
"""The operations that an edge of a genotype can have: all but ``none``."""
OPERATIONS = ("none", *CANDIDATES)
"""The operations of each edge of a supernet."""
