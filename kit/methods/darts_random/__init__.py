"""Random genotypes of DARTS's space."""
