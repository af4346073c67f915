"""The paper's other experiments, each in a folder of its own, and the reproduction of all."""
