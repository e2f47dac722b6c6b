"""perceiver-io: attention between any input and a few latent vectors."""
