"""What Docker says of pulls and builds becomes one sentence with a bar."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.stack.docker_progress import Pull, bar, build_step

EVENT = st.fixed_dictionaries(
    {},
    optional={
        "id": st.text(max_size=12),
        "status": st.sampled_from(
            ["Downloading", "Download complete", "Pull complete", "Extracting", "\x1b[2J"]
        ),
        "progressDetail": st.one_of(
            st.none(),
            st.fixed_dictionaries(
                {},
                optional={"current": st.integers(0, 10**12), "total": st.integers(0, 10**12)},
            ),
        ),
    },
)


def downloading(layer: str, current: int, total: int) -> dict[str, Any]:
    return {"id": layer, "status": "Downloading", "progressDetail": {"current": current, "total": total}}


class TestBar:
    @pytest.mark.parametrize(
        ("share", "drawn"),
        [
            (0.0, "────────────────────   0%"),
            (0.5, "━━━━━━━━━━──────────  50%"),
            (1.0, "━━━━━━━━━━━━━━━━━━━━ 100%"),
            (7.0, "━━━━━━━━━━━━━━━━━━━━ 100%"),
            (-1.0, "────────────────────   0%"),
        ],
    )
    def test_is_as_long_as_the_share(self, share: float, drawn: str) -> None:
        assert bar(share) == drawn


class TestBuild:
    @pytest.mark.parametrize(
        "line",
        [
            "Step 8/14 : RUN pip install",
            "#9 [stats build  8/14] RUN pip install",
            "#9 [8/14] RUN pip install",
        ],
    )
    def test_steps_of_both_builders_have_a_bar(self, line: str) -> None:
        assert build_step(line) == f"build {bar(0.5)}  8/14 RUN pip install"

    @pytest.mark.parametrize(
        "line", ["", "  ", " ---> Using cache", "Sending build context to Docker daemon"]
    )
    def test_lines_that_tell_nothing_are_left_out(self, line: str) -> None:
        assert build_step(line) == ""

    def test_anything_else_is_told_without_its_escapes(self) -> None:
        assert build_step("Container p1-db-1  \x1b[32mStarted\x1b[0m\r\n") == "Container p1-db-1  Started"
        assert build_step("bell \a") == r"bell \x07"

    @given(st.text())
    def test_whatever_comes_is_one_line_that_can_be_shown(self, line: str) -> None:
        assert build_step(line).isprintable()


class TestPull:
    def test_adds_up_the_layers(self) -> None:
        pull = Pull("db:8")
        pull.take(downloading("a", 25, 100))
        assert pull.take(downloading("b", 0, 100)) == f"pull {bar(0.125)} of 200B  db:8"
        assert pull.take({"id": "a", "status": "Download complete"}) == f"pull {bar(0.5)} of 200B  db:8"

    def test_says_what_happens_before_sizes_are_known(self) -> None:
        assert Pull("db:8").take({"status": "Pulling from library/db", "id": "8"}) == (
            "pull db:8: pulling from library/db"
        )

    def test_says_nothing_twice(self) -> None:
        pull = Pull("db:8")
        assert pull.take(downloading("a", 10, 100))
        assert pull.take(downloading("a", 10, 100)) == ""

    @given(st.lists(EVENT, max_size=30))
    def test_whatever_docker_says_is_one_line_that_can_be_shown(self, events: list[dict[str, Any]]) -> None:
        pull = Pull("db:8")
        assert all(pull.take(event).isprintable() for event in events)
