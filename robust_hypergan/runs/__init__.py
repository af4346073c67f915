"""A run in its folder: what it is asked, its networks, its tables and its page."""
