"""Intervals, tests, correlations and detection rates: what a number from a sample is worth."""
