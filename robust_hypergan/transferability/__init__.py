"""The measurement: adversarial examples made against one network, tried on fresh ones."""
