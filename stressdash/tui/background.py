"""Work beside the drawing.

A worker gets a function, not a coroutine: one that is cancelled before it began would leave a coroutine that
nobody awaits.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from textual.dom import DOMNode

if TYPE_CHECKING:
    from textual.worker import WorkType

__all__ = ["in_background"]


def in_background(
    node: DOMNode, function: Callable[[], Coroutine[Any, Any, object]], *, group: str, exclusive: bool = False
) -> None:
    """Run `function` for as long as `node` lives; `exclusive` cancels what still runs of its group."""
    work: WorkType[object] = function
    node.run_worker(work, group=group, exclusive=exclusive)
