"""Runs on disk, and what is asked of them: audit, replay, comparison, export."""
