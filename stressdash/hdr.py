"""The HdrHistogram bucket layout, shared by those who record and those who read.

Values are microseconds from 1 us to 1 h at 3 significant digits: 2,048 sub-buckets of one unit each, then
1,024 sub-buckets for every doubling. A value's bucket is found from its bit length alone:

    shift = max(0, value.bit_length() - 11)      index = (shift << 10) + (value >> shift)

so a bucket never spans more than 1/1024 of its values. Knows nothing of counts, time or transport.
"""

from __future__ import annotations

from typing import Final

__all__ = ["BUCKETS", "HIGHEST_US", "bucket_high_us", "bucket_index", "bucket_low_us", "bucket_mid_us"]

HIGHEST_US: Final = 3_600_000_000
"""Values above one hour are recorded as one hour."""


def bucket_index(value_us: int) -> int:
    """Bucket of a value in microseconds, clamped to [0, `HIGHEST_US`]."""
    if value_us > HIGHEST_US:
        value_us = HIGHEST_US
    elif value_us < 0:
        value_us = 0
    shift = value_us.bit_length() - 11
    if shift <= 0:
        return value_us
    return (shift << 10) + (value_us >> shift)


def bucket_low_us(index: int) -> int:
    """Lowest value, in microseconds, that falls into the bucket."""
    if index < 2048:
        return index
    shift = (index >> 10) - 1
    return (index - (shift << 10)) << shift


def bucket_high_us(index: int) -> int:
    """Highest value, in microseconds, that falls into the bucket."""
    if index < 2048:
        return index
    shift = (index >> 10) - 1
    return ((index - (shift << 10) + 1) << shift) - 1


def bucket_mid_us(index: int) -> float:
    """Middle of the bucket in microseconds; what means and deviations are made of."""
    return (bucket_low_us(index) + bucket_high_us(index)) / 2


BUCKETS: Final = bucket_index(HIGHEST_US) + 1
"""Number of buckets; every index is below it."""
