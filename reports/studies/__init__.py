"""The studies' own findings: what the paper says, what was found, and the sections that show it."""
