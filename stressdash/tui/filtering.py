"""The filter that `/` types: words that must all occur, in any case; `!` before a word turns it round."""

from __future__ import annotations

__all__ = ["matches"]


def matches(text: str, pattern: str) -> bool:
    """Whether a text passes a filter; an empty filter lets everything pass."""
    folded = text.casefold()
    for word in pattern.casefold().split():
        if word.startswith("!"):
            if len(word) > 1 and word[1:] in folded:
                return False
        elif word not in folded:
            return False
    return True
