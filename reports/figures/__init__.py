"""One figure a module, drawn from tables alone."""
