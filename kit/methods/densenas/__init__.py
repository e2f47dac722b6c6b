"""DenseNAS."""
