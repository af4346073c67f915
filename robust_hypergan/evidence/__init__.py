"""What is measured beside the transfer, and the checks that make it believable."""
