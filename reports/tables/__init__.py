"""The tables of runs and studies: read from their folders, summarised, compared, put together."""
