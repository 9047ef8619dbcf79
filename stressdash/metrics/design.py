"""In which order the runs of a series are made, so that what drifts meanwhile is shared by all of them."""

from __future__ import annotations

from random import Random

__all__ = ["interleaved", "shuffled_rounds"]


def interleaved(variants: int, repeats: int) -> tuple[int, ...]:
    """Rounds of all variants in their order, A B A B: run i of each variant is a pair of its round."""
    return tuple(variant for _ in range(repeats) for variant in range(variants))


def shuffled_rounds(variants: int, repeats: int, random: Random) -> tuple[int, ...]:
    """Rounds of all variants, each in an order of its own."""
    order: list[int] = []
    for _ in range(repeats):
        order += random.sample(range(variants), variants)
    return tuple(order)
