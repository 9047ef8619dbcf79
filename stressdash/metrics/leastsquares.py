"""Least squares for curves of the form y = x / (p . row), with a few parameters that may not be negative.

Levenberg-Marquardt in plain Python; the constraints are met by trying which parameters are zero, which for
two or three of them is exact and quick.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

__all__ = ["Fit", "inverse", "solve"]

STEPS: Final = 200
CONVERGED: Final = 1e-13
"""Relative gain in squares that is not worth another step."""
SMALL: Final = 1e-11
"""Relative change of all parameters that is not either."""

Vector = list[float]
Matrix = list[list[float]]


@dataclass(frozen=True, slots=True)
class Fit:
    """Parameters and the sum of squared residuals they leave."""

    parameters: tuple[float, ...]
    squares: float


def solve(
    xs: Sequence[float], ys: Sequence[float], rows: Sequence[Sequence[float]], *, offset: float = 0.0
) -> Fit:
    """Parameters p that minimise the squares of y - x / (offset + p . row).

    None of p may be negative; without an offset the first must be above 0. Denominators stay above 0. A
    solution without constraints that obeys them is the best there is, and zeros are tried only where it does
    not.
    """
    width = len(rows[0])
    first = 0 if offset else 1
    best = Fit((), math.inf)
    for zeros in range(width - first + 1):
        for held in combinations(range(first, width), zeros):
            free = [column for column in range(width) if column not in held]
            found = _descend(xs, ys, [[row[column] for column in free] for row in rows], offset)
            if found.squares < best.squares and all(
                value >= (0 if column >= first else 1e-300)
                for column, value in zip(free, found.parameters, strict=True)
            ):
                parameters = dict(zip(free, found.parameters, strict=True))
                # Adding 0.0 turns a negative zero into a plain one.
                best = Fit(tuple(parameters.get(c, 0.0) + 0.0 for c in range(width)), found.squares)
        if best.parameters:
            break
    return best


def inverse(matrix: Matrix) -> Matrix:
    """Inverse of a symmetric positive definite matrix; a singular one is nudged off its singularity."""
    size = len(matrix)
    scale = [math.sqrt(matrix[i][i]) or 1.0 for i in range(size)]
    scaled = [
        [matrix[i][j] / scale[i] / scale[j] + 1e-14 * (i == j) for j in range(size)] for i in range(size)
    ]
    columns = [_linear(scaled, [float(i == j) for i in range(size)]) for j in range(size)]
    return [[columns[j][i] / scale[i] / scale[j] for j in range(size)] for i in range(size)]


def _descend(xs: Sequence[float], ys: Sequence[float], rows: Matrix, offset: float) -> Fit:
    """Levenberg-Marquardt without constraints, from the solution of the linearised problem."""
    if not rows[0]:
        return Fit((), _squares(xs, ys, rows, [], offset))
    present = _start(xs, ys, rows, offset)
    squares = _squares(xs, ys, rows, present, offset)
    damping = 1e-3
    for _ in range(STEPS):
        normal, gradient = _normal(xs, ys, rows, present, offset)
        damped = [
            [value * (1 + damping * (i == j)) for j, value in enumerate(line)]
            for i, line in enumerate(normal)
        ]
        step = _linear(damped, gradient)
        tried = [value + change for value, change in zip(present, step, strict=True)]
        if all(abs(change) <= SMALL * abs(value) for value, change in zip(present, step, strict=True)):
            break
        found = _squares(xs, ys, rows, tried, offset)
        if found <= squares:
            gained = squares - found
            present, squares, damping = tried, found, max(damping / 10, 1e-12)
            if gained <= CONVERGED * squares:
                break
        else:
            damping *= 10
            if damping > 1e12:
                break
    return Fit(tuple(present), squares)


def _start(xs: Sequence[float], ys: Sequence[float], rows: Matrix, offset: float) -> Vector:
    """Solution of x / y = offset + p . row, weighted so that its errors are those of y."""
    size = len(rows[0])
    normal: Matrix = [[0.0] * size for _ in range(size)]
    right = [0.0] * size
    for x, y, row in zip(xs, ys, rows, strict=True):
        if y <= 0:
            continue
        weight = y * y / x * (y * y / x)
        for i in range(size):
            right[i] += weight * row[i] * (x / y - offset)
            for j in range(size):
                normal[i][j] += weight * row[i] * row[j]
    start = _linear(normal, right)
    if math.isfinite(_squares(xs, ys, rows, start, offset)):
        return start
    # Only the first parameter: a straight line through the highest point is always possible.
    x, y, row = max(zip(xs, ys, rows, strict=True), key=lambda each: each[1])
    return [max(x / y - offset, 1e-9) / abs(row[0] or 1.0)] + [0.0] * (size - 1)


def _squares(xs: Sequence[float], ys: Sequence[float], rows: Matrix, p: Vector, offset: float) -> float:
    total = 0.0
    for x, y, row in zip(xs, ys, rows, strict=True):
        below = offset + sum(map(float.__mul__, p, row))
        if below <= 0:
            return math.inf
        miss = y - x / below
        total += miss * miss  # a power would raise where this becomes infinite
    return total


def _normal(
    xs: Sequence[float], ys: Sequence[float], rows: Matrix, p: Vector, offset: float
) -> tuple[Matrix, Vector]:
    """Normal equations of one step: (J'J, J'r)."""
    size = len(p)
    normal: Matrix = [[0.0] * size for _ in range(size)]
    gradient = [0.0] * size
    for x, y, row in zip(xs, ys, rows, strict=True):
        below = offset + sum(map(float.__mul__, p, row))
        residual = y - x / below
        slope = [-x / below / below * value for value in row]
        for i in range(size):
            gradient[i] += slope[i] * residual
            for j in range(size):
                normal[i][j] += slope[i] * slope[j]
    return normal, gradient


def _linear(matrix: Matrix, right: Vector) -> Vector:
    """Gaussian elimination with partial pivoting; a column without a pivot gets 0."""
    size = len(right)
    work = [[*line, value] for line, value in zip(matrix, right, strict=True)]
    for column in range(size):
        pivot = max(range(column, size), key=lambda line: abs(work[line][column]))
        work[column], work[pivot] = work[pivot], work[column]
        if not work[column][column]:
            continue
        for line in range(column + 1, size):
            factor = work[line][column] / work[column][column]
            for place in range(column, size + 1):
                work[line][place] -= factor * work[column][place]
    solution = [0.0] * size
    for line in reversed(range(size)):
        if work[line][line]:
            rest = sum(work[line][place] * solution[place] for place in range(line + 1, size))
            solution[line] = (work[line][size] - rest) / work[line][line]
    return solution
