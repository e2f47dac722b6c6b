"""Random layers of AMBER's space."""
