"""stressdash: put a service under load and see what breaks, why, and whether the fix helped."""

__version__ = "0.1.0"
