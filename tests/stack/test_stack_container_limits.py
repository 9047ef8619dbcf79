"""Limits of containers as Docker writes them; `FakeContainers` behaves as its daemon does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.errors import KnobRejected, StackError
from stressdash.stack.container_limits import ContainerLimits, limits_of, update_of
from stressdash.stack.controls import Controls
from stressdash.stack.knobs import EVERY_KNOB
from stressdash.stack.limits import Limits

MACHINE = 8 * 2**30 + 12_345
WORDS = {"cpu_period": "CpuPeriod", "cpu_quota": "CpuQuota", "mem_limit": "Memory", "memswap_limit": "Swap"}
LEAST_BYTES = 6 * 2**20


class FakeContainers:
    """Two containers without limits."""

    def __init__(self) -> None:
        self.configs: dict[str, dict[str, Any]] = {"stats": {"Memory": 0, "NanoCpus": 0}, "db": {}}

    async def host_config(self, service: str) -> Mapping[str, Any]:
        return self.configs[service]

    async def update(self, service: str, changes: Mapping[str, Any]) -> None:
        if changes.get("mem_limit", LEAST_BYTES) < LEAST_BYTES:
            raise StackError("Docker refused: Minimum memory limit allowed is 6MB")
        self.configs[service] |= {WORDS[name]: value for name, value in changes.items()}


@pytest.fixture
async def controls() -> Controls:
    made = Controls(EVERY_KNOB)
    limits = ContainerLimits(FakeContainers(), {"service": "stats", "database": "db"})
    await made.aim(None, None, limits)
    return made


class TestWriting:
    @given(st.floats(0.01, 256), st.integers(6, 8_191))
    def test_is_read_back_as_it_was_meant(self, cpus: float, memory_mib: int) -> None:
        written = update_of(cpus, memory_mib, MACHINE)
        seen = limits_of({WORDS[name]: value for name, value in written.items()}, MACHINE)
        assert seen == Limits(pytest.approx(cpus, abs=1e-5), memory_mib)

    def test_no_limit_is_read_back_as_none(self) -> None:
        written = update_of(0, 0, MACHINE)
        assert limits_of({WORDS[name]: value for name, value in written.items()}, MACHINE) == Limits()

    def test_only_what_is_given_is_changed(self) -> None:
        assert update_of(None, None, MACHINE) == {}
        assert set(update_of(1, None, MACHINE)) == {"cpu_period", "cpu_quota"}

    def test_limits_of_the_compose_file_are_read_too(self) -> None:
        assert limits_of({"NanoCpus": 1_500_000_000, "Memory": 400 * 2**20}, MACHINE) == Limits(1.5, 400)


class TestKnobs:
    async def test_are_turned_on_the_container_of_their_component(self, controls: Controls) -> None:
        turned = await controls.turn("service_cpus", "1.5", live=True)
        assert (turned.desired, turned.actual, turned.unit) == ("1.5", "1.5", "cores")
        turned = await controls.turn("database_memory", "512", live=True)
        assert (turned.desired, turned.actual) == ("512", "512")
        others = {knob.name: knob.actual for knob in await controls.knobs()}
        assert (others["service_memory"], others["database_cpus"]) == ("0", "0")

    async def test_what_docker_refuses_shows_its_words(self, controls: Controls) -> None:
        with pytest.raises(KnobRejected, match="Minimum memory limit allowed is 6MB"):
            await controls.turn("service_memory", "1", live=True)
        knobs = {knob.name: knob for knob in await controls.knobs()}
        assert "Minimum memory" in knobs["service_memory"].error
        assert knobs["service_memory"].desired is None

    async def test_without_a_container_are_refused(self) -> None:
        with pytest.raises(KnobRejected, match="service_cpus needs a container"):
            await Controls(EVERY_KNOB).turn("service_cpus", "1", live=True)
