"""What every `ApmSource` answers when the samples of the real agent are in it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from apm_harness import TOKEN, intake_process, post_samples

from stressdash.apm.embedded import EmbeddedSource
from stressdash.apm.source import ApmSource

START = 1_795_464_734_000
END = 1_795_464_741_000


@pytest.fixture(params=["embedded"])
async def source(request: pytest.FixtureRequest) -> AsyncIterator[ApmSource]:
    async with intake_process() as url:
        await post_samples(url)
        opened = EmbeddedSource(url, TOKEN)
        yield opened
        await opened.aclose()


class TestSeries:
    async def test_buckets_by_event_time_with_gaps_as_zero(self, source: ApmSource) -> None:
        series = await source.series(START, END, 1000)
        assert [bucket.transactions for bucket in series.buckets] == [0, 24, 32, 35, 1, 0, 0]
        assert [bucket.failed for bucket in series.buckets] == [0, 1, 1, 4, 0, 0, 0]
        assert [bucket.errors for bucket in series.buckets] == [0, 0, 0, 9, 0, 0, 0]
