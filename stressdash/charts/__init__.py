"""Series to character cells, purely."""
