"""Training a HyperGAN, and every other kind of network."""
