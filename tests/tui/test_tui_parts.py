"""The parts of the dashboard that need no terminal."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tui_fakes import FRAMES, SPANS, TRACE_ID
from tui_pictures import make_snapshot
from tui_states import HOSTILE

from stressdash.errors import BadInput, UsageError
from stressdash.paths import bundled
from stressdash.samples import Trace
from stressdash.snapshot import Playback
from stressdash.tui.filtering import matches
from stressdash.tui.keys import FOOTERS, KEYS, PLACES, bindings, footer, key_markdown
from stressdash.tui.ladder import CONNECTIONS, DURATION, Ladder, parse_duration, parse_number
from stressdash.tui.lines import clean, ends, fit, line_width, spark, wrap
from stressdash.tui.palette import Palette
from stressdash.tui.steering import Steering
from stressdash.tui.theming import load_themes, parse_theme
from stressdash.tui.view import View
from stressdash.tui.widgets.chart import plot_lines
from stressdash.tui.widgets.frames import frame_items
from stressdash.tui.widgets.waterfall import ClientBar, trace_lines

LADDERS = st.sampled_from([CONNECTIONS, DURATION])
GOOD_THEME = 'name = "mine"\n[colors]\nprimary = "#123456"\n'


class TestEmptyChart:
    @pytest.mark.parametrize(
        ("playback", "said"),
        [
            (None, "waiting for the first figures"),
            (Playback("1", 7.0, 15.0, 1.0, playing=True), "nothing of this was recorded"),
        ],
    )
    def test_a_replay_waits_for_no_figures(self, playback: Playback | None, said: str) -> None:
        lines = plot_lines(View(make_snapshot(series={}, playback=playback)), "where", 80, 8)
        assert said in lines[4][0][0]


class TestText:
    @given(st.text())
    def test_clean_text_holds_nothing_that_steers_a_terminal(self, text: str) -> None:
        assert clean(text).isprintable()
        assert not set(clean(text)) & set("\x1b\x9b\r\n\t\x07\u202e\u2028")

    def test_control_characters_are_made_visible(self) -> None:
        assert clean(HOSTILE).startswith("␛[31mred␛[0m [bold]not bold[/] \\x9b2J\\u202emirrored")

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("a\u200bb", "a\\u200bb"),
            ("admin\u3164", "admin\\u3164"),
            ("❤\ufe0f", "❤\\ufe0f"),
            ("z\u0301\u0302\u0303\u0304", "z\\u0301\\u0302\\u0303\\u0304"),
            ("caf\u0065\u0301", "caf\u0065\u0301"),
            ("👍🏽 🇪", "👍\\U0001f3fd \\U0001f1ea"),
            ("12\u202f000\u00a0€\u3000円", "12 000 €  円"),
        ],
    )
    def test_what_hides_is_made_visible_and_what_reads_is_left(self, text: str, shown: str) -> None:
        assert clean(text) == shown

    @given(st.text(), st.integers(0, 40), st.booleans())
    def test_fitted_text_has_its_width_in_cells(self, text: str, width: int, right: bool) -> None:
        assert cell_len(fit(clean(text), width, right=right)) == width

    @given(st.text(), st.integers(2, 40))
    def test_wrapped_text_never_is_wider(self, text: str, width: int) -> None:
        assert all(cell_len(piece) <= width for piece in wrap(clean(text), width))

    def test_prose_breaks_between_words(self) -> None:
        assert wrap("as many as it is asked for", 20) == ["as many as it is", "asked for"]

    def test_what_does_not_fit_is_cut_with_a_sign(self) -> None:
        assert wrap("abcdef" * 5, 10, limit=2) == ["abcdefabcd", "efabcdefa…"]

    @given(st.integers(0, 60), st.text("ab", max_size=80), st.text("cd", max_size=20))
    def test_the_right_end_is_kept_when_both_do_not_fit(self, width: int, left: str, right: str) -> None:
        line = ends([(left, "text")], [(right, "text")], width)
        assert line_width(line) <= max(width, len(left))

    def test_a_spark_ends_with_the_newest(self) -> None:
        assert spark((0, 1, 8), 5) == "   ▁█"


class TestFilter:
    @pytest.mark.parametrize(
        ("pattern", "passes"),
        [
            ("", True),
            ("RPC 1040", True),
            ("rpc 1041", False),
            ("!timeout", True),
            ("!1040", False),
            ("!", True),
        ],
    )
    def test_words_and_their_opposite(self, pattern: str, passes: bool) -> None:
        assert matches("rpc internal Error 1040", pattern) is passes


class TestLadder:
    @given(LADDERS, st.floats(0, 1))
    def test_a_place_is_a_step(self, ladder: Ladder, place: float) -> None:
        assert ladder.at(place) in ladder.fine

    @given(LADDERS, st.integers(-100, 20_000), st.integers(-100, 20_000))
    def test_places_rise_with_values(self, ladder: Ladder, one: int, other: int) -> None:
        low, high = sorted((one, other))
        assert 0 <= ladder.place(low) <= ladder.place(high) <= 1

    @given(LADDERS, st.integers(1, 10_000), st.booleans())
    def test_a_step_up_grows_until_the_end(self, ladder: Ladder, value: int, coarse: bool) -> None:
        held = ladder.hold(value)
        assert ladder.step(held, 1, coarse=coarse) > held or held == ladder.high
        assert ladder.step(held, -1, coarse=coarse) < held or held == ladder.low

    @pytest.mark.parametrize(("text", "value"), [("400", 400), ("1,000", 1_000), ("2k", 2_000)])
    def test_typed_counts(self, text: str, value: int) -> None:
        assert parse_number(text, CONNECTIONS) == value

    @pytest.mark.parametrize(("text", "seconds"), [("15", 15), ("90s", 90), ("2m", 120), ("1h", 3_600)])
    def test_typed_durations(self, text: str, seconds: int) -> None:
        assert parse_duration(text, DURATION) == seconds

    @pytest.mark.parametrize("text", ["", "x", "0", "10001", "1.5", "nan", "1e999"])
    def test_what_is_no_count_is_refused(self, text: str) -> None:
        with pytest.raises(UsageError):
            parse_number(text, CONNECTIONS)

    @pytest.mark.parametrize("text", ["", "m", "0", "2h", "inf", "-5"])
    def test_what_is_no_duration_is_refused(self, text: str) -> None:
        with pytest.raises(UsageError):
            parse_duration(text, DURATION)

    @pytest.mark.parametrize(
        ("before", "after", "is_jump"), [(10, 100, True), (400, 40, True), (50, 450, False)]
    )
    def test_tenfold_is_a_jump(self, before: int, after: int, is_jump: bool) -> None:
        assert Ladder.is_jump(before, after) is is_jump


class TestKeys:
    def test_no_place_has_a_key_twice(self) -> None:
        for place in PLACES:
            names = [name for key in KEYS if key.place == place for name in key.keys.split(",")]
            assert sorted(names) == sorted(set(names))

    def test_every_footer_names_keys_of_the_table(self) -> None:
        assert all(footer(screen) for screen in FOOTERS)

    def test_every_key_of_a_place_is_bound(self) -> None:
        assert all(len(bindings(place)) == sum(key.place == place for key in KEYS) for place in PLACES)

    def test_the_manual_lists_every_key(self) -> None:
        text = key_markdown()
        assert all(f"| `{key.shown}` | {key.help} |" in text for key in KEYS)


class TestThemes:
    def test_those_that_ship_are_good(self) -> None:
        themes, problems = load_themes(bundled("themes"))
        assert {theme.name for theme in themes} >= {
            "stressdash-dark",
            "stressdash-light",
            "stressdash-okabe-ito",
        }
        assert problems == []

    def test_a_bad_file_is_one_sentence_and_the_others_load(self, tmp_path: Path) -> None:
        (tmp_path / "bad.toml").write_text("name = ")
        (tmp_path / "good.toml").write_text(GOOD_THEME)
        themes, problems = load_themes(tmp_path)
        assert [theme.name for theme in themes] == ["mine"]
        assert len(problems) == 1
        assert "bad.toml was skipped: it is not TOML" in problems[0]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "no name"),
            ('name = "x"', "primary"),
            (GOOD_THEME + 'glow = "red"', "'glow' is not one of the colours"),
            (GOOD_THEME + 'error = "reddish"', "'reddish' is not a colour"),
            (GOOD_THEME + "error = 7", "'7' is not a colour"),
            ('series = ["red"]\n' + GOOD_THEME, "8 colours"),
            ("dark = 1\n" + GOOD_THEME, "true or false"),
            ("font = 1\n" + GOOD_THEME, "unknown key 'font'"),
        ],
    )
    def test_what_is_wrong_is_named(self, text: str, words: str) -> None:
        with pytest.raises(BadInput, match=words):
            parse_theme(text)

    def test_a_palette_without_variables_still_draws(self) -> None:
        palette = Palette({})
        assert palette.style("series-3-provisional").color != palette.style("series-3").color
        assert palette.style("no such role") == palette.style("text")


class TestSteering:
    async def test_many_wishes_become_the_first_and_the_last(self) -> None:
        sent: list[int] = []
        gate = asyncio.Event()

        async def send(value: int) -> bool:
            sent.append(value)
            await gate.wait()
            return True

        steering = Steering(send)
        assert steering.wish(1)
        task = asyncio.create_task(steering.run())
        await asyncio.sleep(0)
        for value in range(2, 50):
            assert not steering.wish(value)
        gate.set()
        await task
        assert sent == [1, 49]

    async def test_a_wish_lasts_until_a_picture_shows_it(self) -> None:
        async def send(value: int) -> bool:
            return True

        steering = Steering(send)
        steering.wish(7)
        await steering.run()
        steering.seen(3)
        assert steering.wanted == 7
        steering.seen(7)
        assert steering.wanted is None

    async def test_a_refused_wish_is_forgotten(self) -> None:
        async def send(value: int) -> bool:
            return False

        steering = Steering(send)
        steering.wish(7)
        await steering.run()
        assert steering.wanted is None


class TestFrames:
    def test_the_raise_site_comes_first_and_libraries_are_folded(self) -> None:
        heads = [
            item.line[-2][0] if len(item.line) > 1 else item.line[0][0]
            for item in frame_items(FRAMES, frozenset(), 60)
        ]
        assert "4 library frames (asyncmy)" in heads[0]
        assert [item.id for item in frame_items(FRAMES, frozenset(), 60) if item.id] == [
            "fold-0",
            "frame-4",
            "frame-5",
            "fold-6",
        ]

    def test_an_unfolded_group_shows_its_frames(self) -> None:
        ids = [item.id for item in frame_items(FRAMES, frozenset({"fold-0"}), 60)]
        assert ids[:5] == ["fold-0", "frame-0", "frame-1", "frame-2", "frame-3"]


class TestWaterfall:
    def test_the_client_stands_on_top_and_failures_are_marked(self) -> None:
        first = SPANS[0]
        bar = ClientBar(latency_us=182_000, sent_us=first.start_us - 30_000)
        lines = ["".join(text for text, _ in line) for line in trace_lines(Trace(TRACE_ID, SPANS), bar, 90)]
        assert [line.split()[0] for line in lines] == ["client", "service", "pool.acquire", "mysql"]
        assert "1040" in lines[-1]
        assert all("!" in line for line in lines[1:])

    @given(st.integers(0, 10**9), st.none() | st.integers(0, 10**16), st.integers(58, 200))
    def test_bars_never_leave_their_lines(self, latency_us: int, sent_us: int | None, width: int) -> None:
        lines = trace_lines(Trace(TRACE_ID, SPANS), ClientBar(latency_us, sent_us), width)
        assert all(line_width(line) <= width for line in lines)
