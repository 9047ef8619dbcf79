"""The composition root: wires sources, metrics and store; commands come in here. Knows no screen."""
