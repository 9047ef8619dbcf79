"""What becomes of components is told once, and not each time that their health comes and goes."""

from __future__ import annotations

from session_fakes import FakeStack

from stressdash.samples import ComponentState
from stressdash.session.stackwatch import RECOVERED_POLLS, StackWatch

RUNNING, UNHEALTHY = ComponentState.RUNNING, ComponentState.UNHEALTHY


class TestNews:
    async def told(self, *states: ComponentState, expected: str = "") -> list[str]:
        stack, told = FakeStack("http://127.0.0.1:1"), list[str]()
        watch = StackWatch(stack, told.append)
        for state in states:
            stack.state = state
            await watch.poll_components(expected=expected)
        return told

    async def test_is_each_change(self) -> None:
        failed, starting = ComponentState.FAILED, ComponentState.STARTING
        told = await self.told(RUNNING, RUNNING, failed, failed, starting, RUNNING)
        assert told == ["service failed", "service running"]

    async def test_is_not_what_was_expected(self) -> None:
        assert await self.told(RUNNING, ComponentState.STOPPED, expected="service") == []

    async def test_of_health_that_comes_and_goes_is_told_once(self) -> None:
        assert await self.told(*(RUNNING, UNHEALTHY) * 8) == ["service unhealthy"]

    async def test_of_a_recovery_waits_until_it_lasts(self) -> None:
        nearly = await self.told(RUNNING, UNHEALTHY, *[RUNNING] * (RECOVERED_POLLS - 1))
        assert nearly == ["service unhealthy"]
        lasting = await self.told(RUNNING, UNHEALTHY, *[RUNNING] * RECOVERED_POLLS)
        assert lasting == ["service unhealthy", "service running"]
