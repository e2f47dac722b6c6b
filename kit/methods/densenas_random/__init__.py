"""DenseNAS, by random search."""
