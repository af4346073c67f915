"""What the logits and weights of many networks are folded into: counts, votes, entropies, distances."""
