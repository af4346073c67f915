"""Classifiers, and the distributions that give networks of them: HyperGAN and others."""
