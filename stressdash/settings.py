"""Settings: one frozen object; every value knows where it came from.

Later sources win: default < environment < command line. Knows no file formats.
"""
