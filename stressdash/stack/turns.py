"""Turning several knobs before there is load: what applies by restart is restarted for."""

from __future__ import annotations

from collections.abc import Mapping

from stressdash.stack.backend import Stack

__all__ = ["turn_knobs"]


async def turn_knobs(stack: Stack, values: Mapping[str, str]) -> None:
    """Turn knobs, and restart each component that needs it to take them, once.

    Raises:
        UsageError: no such knob, or a value outside its range.
        StackError: a component would not take it, or did not come back.
    """
    waiting = {}
    for name, value in values.items():
        knob = await stack.set_knob(name, value)
        if knob.applies == "restart" and knob.actual not in (None, knob.desired):
            waiting[knob.component] = knob
    for component in waiting:
        await stack.action(component, "restart")
