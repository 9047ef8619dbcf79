"""Text and HTML reports of a run."""
