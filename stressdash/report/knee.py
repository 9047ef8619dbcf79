"""`stressdash knee`: the fit of measured pairs, as text or JSON."""

from __future__ import annotations

import json
from pathlib import Path

from stressdash import wire
from stressdash.errors import BadInput
from stressdash.metrics.knee import DEFINITION, Estimate, Knee, find_knee, parse_points

__all__ = ["knee_report"]

LIMITS = {
    "contention": "contention: requests wait for something that only one can have (sigma)",
    "coherency": "coherency: work is spent on keeping others in step, and grows with their number (kappa)",
    "none": "nothing that can be told from none: throughput grows with concurrency",
}


def knee_report(file: str, *, as_json: bool) -> str:
    """Read pairs from a CSV file, fit the Universal Scalability Law, and tell what it says.

    Raises:
        BadInput: the file cannot be read, a line is no pair, or there is too little to fit.
    """
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadInput(f"cannot read {file!r}: {reason}") from error
    knee = find_knee(parse_points(text, file))
    if as_json:
        told = {"schema": "stressdash.knee/1", "definition": DEFINITION, **wire.to_builtins(knee)}
        return json.dumps(told, indent=2) + "\n"
    return _text(knee)


def _text(knee: Knee) -> str:
    lines = [
        f"{len(knee.points)} points; {DEFINITION}",
        f"  throughput at 1  {_estimate(knee.rate_of_one)}",
        f"  sigma            {_estimate(knee.sigma)}",
        f"  kappa            {_estimate(knee.kappa)}",
        f"  typical miss     {knee.misfit:.1%} of the mean throughput",
        f"finding: {knee.finding}",
    ]
    if knee.peak is not None:
        lines.append(
            f"  peak at {_estimate(knee.peak.concurrency)} connections, "
            f"{_estimate(knee.peak.throughput)} req/s"
        )
    lines.append(f"  what costs most: {LIMITS[knee.limit]}")
    return "\n".join(lines) + "\n"


def _estimate(estimate: Estimate) -> str:
    return f"{estimate.value:.4g} (95 %: {_bound(estimate.low)} to {_bound(estimate.high)})"


def _bound(value: float | None) -> str:
    return "open" if value is None else f"{value:.4g}"
