"""The numbers of the HyperGAN paper that ours stand beside, and what we mean to reach.

Source: Ratzlaff & Li, *HyperGAN: A Generative Model for Diverse, Performant Neural Networks*, ICML 2019,
arXiv:1901.11058; Table 2 as reproduced in a public review of it.
"""

from __future__ import annotations

ACCURACY = {
    "mnist": {1: 0.9864, 5: 0.9875, 10: 0.9922, 100: 0.9931},
    "mnist-5k": {1: 0.9669, 5: 0.9724, 10: 0.9733, 100: 0.9771},
    "cifar5": {1: 0.8450, 5: 0.8551, 10: 0.8554, 100: 0.8581},
    "cifar10": {1: 0.7632, 5: 0.7684, 10: 0.7752, 100: 0.7771},
}
"""Table 2: test accuracy of the mean vote, by training data and number of networks."""

OTHERS = {
    "mnist": {"mc-dropout": 0.9873, "deep-ensemble": 0.9914},
    "mnist-5k": {"mc-dropout": 0.9558, "deep-ensemble": 0.9709},
    "cifar5": {"mc-dropout": 0.8400, "deep-ensemble": 0.8384},
    "cifar10": {"mc-dropout": 0.7275, "deep-ensemble": 0.7479},
}
"""Table 2: the baselines, MC dropout with 100 networks and an ensemble from random starts."""

AIMS = {
    "mnist": {1: 0.992, 100: 0.995},
    "mnist-5k": {1: 0.972, 100: 0.979},
    "cifar5": {1: 0.85, 100: 0.87},
    "cifar10": {1: 0.77, 100: 0.79},
}
"""What we mean to reach, by training data and number of networks."""
