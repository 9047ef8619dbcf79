"""Draws the pictures of the README from the running program: act 1 on the embedded stack, then its remedy.

`make screenshots` writes docs/images/*.svg, where the machine has time for it. They load no fonts from
anywhere, so those are taken out.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from stressdash.scenario import find_scenario
from stressdash.session import make_session
from stressdash.settings import Settings
from stressdash.snapshot import RunState
from stressdash.tui.app import StressdashApp

IMAGES = Path(__file__).parent / "images"
SIZE = (120, 40)
FONTS = "Menlo, Consolas, DejaVu Sans Mono"
TURNED_S, DRAWN_S, LIMIT_S = 12.0, 24.0, 60.0
KNOB = ("max_open", "120")


async def main() -> None:
    scenario = find_scenario("act1")
    knobs = {name: str(value) for name, value in scenario.knobs.items()}
    with tempfile.TemporaryDirectory(prefix="sd-") as state:
        settings = Settings(
            stack="embedded",
            state=Path(state),
            scenario="act1",
            connections=400,
            duration_s=2 * DRAWN_S,
            timeout_s=2.0,
            stop="abort",
            knobs=knobs,
        )
        session = make_session(settings, scenario)
        app = StressdashApp(session)
        try:
            async with app.run_test(size=SIZE) as pilot:
                await session.open()
                await session.start_load()
                await pilot.press("[")  # half a minute fills the charts
                await until(pilot, lambda: session.snapshot().elapsed_s > TURNED_S)
                await session.set_knob(*KNOB)
                await until(pilot, lambda: session.snapshot().elapsed_s > DRAWN_S)
                seen = session.snapshot()
                if seen.client.failed_share != 0 or "1040" not in seen.errors[0].title:
                    sys.exit("the machine is too busy: this is not what the README tells; nothing is drawn")
                draw(app, "live")
                await pilot.press("2")
                await until(pilot, lambda: session.state is RunState.RUNNING)
                await pilot.press("enter")
                await asyncio.sleep(2)
                draw(app, "error")
                await pilot.press("escape", "3")
                await asyncio.sleep(1)
                draw(app, "stack")
        finally:
            await session.close()


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():
            await pilot.pause(0.1)


def draw(app: StressdashApp, name: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", app.export_screenshot(), flags=re.DOTALL)
    (IMAGES / f"{name}.svg").write_text(svg.replace("Fira Code", FONTS))
    print(f"docs/images/{name}.svg")


if __name__ == "__main__":
    asyncio.run(main())
