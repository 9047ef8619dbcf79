"""Components and their life: database, service and APM intake, and the knobs on them."""

from __future__ import annotations

from stressdash.stack.choice import Choice, choose, open_stack

__all__ = ["Choice", "choose", "open_stack"]
