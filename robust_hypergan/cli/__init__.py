"""The command line: parse, build one configuration, make one call."""
