"""Series in, character cells out: no event loop, no I/O, no clock; only `plotext_view` imports plotext."""
