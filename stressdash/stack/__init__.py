"""Components and their life: database, service and APM intake, and the knobs on them.

backend         the interface, `Stack`; `choice` opens one of its implementations and says why that one
local           processes of our own, for `embedded` and `process`; `programs` and `private_server` say which
docker_stack    containers; `compose` and `containers` are the only ways to Docker
external        what somebody else runs
supervisor      the program that owns processes: `supervision`, with a `plan` (pure) and a `child` for each
desk            where its clients are served; `link` is their end
knobs           every knob in one table; `controls` reads and turns them, by `service_client` and `database`
leftovers       what a killed stack has left; `standing` what runs already; `owner` whose the load is
"""

from __future__ import annotations

from stressdash.stack.choice import Choice, choose, open_stack

__all__ = ["Choice", "choose", "open_stack"]
