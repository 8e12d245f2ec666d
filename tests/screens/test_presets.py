"""Presets: what each selects, that its names exist, and that a faulty file is refused by name."""

import re
import time
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from openapex.errors import BadExpression, BadInput, UnknownName
from openapex.screens import COLUMNS, PRESETS, parsed, preset, presets_of
from openapex.signals import SIGNALS
from openapex.signals.signal import PriceSignal

ROW: dict[str, Any] = {
    "symbol": "A", "score": 60.0, "score_rank": 50.0, "verdict": "HOLD", "rsi": 50.0, "relative_volume": 1.0,
    "atr_pct": 2.0, "atr_pct_rank": 50.0, "percent_b": 0.5, "distance_sma_50_pct": 5.0, "distance_sma_200_pct": 5.0,
    "relative_20_pct": 1.0, "relative_20_rank": 50.0, "below_52w_high_pct": -5.0, "events": [],
}  # fmt: skip
CASES: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]]]] = [
    (
        "rsi-dip",
        [{"rsi": 35.0}, {"rsi": 42.0}],
        [{"rsi": 34.9}, {"rsi": 42.1}, {"rsi": 40.0, "distance_sma_200_pct": -1.0}, {"rsi": None}],
    ),
    (
        "oversold-in-uptrend",
        [{"rsi": 29.9}],
        [{"rsi": 30.0}, {"rsi": 20.0, "distance_sma_200_pct": 0.0}, {"rsi": 20.0, "distance_sma_200_pct": None}],
    ),
    (
        "pullback-to-sma-50",
        [{"distance_sma_50_pct": -2.0, "rsi": 49.0}, {"distance_sma_50_pct": 2.0, "rsi": 49.0}],
        [
            {"distance_sma_50_pct": 2.1, "rsi": 49.0},
            {"distance_sma_50_pct": 0.0, "rsi": 50.0},
            {"distance_sma_50_pct": 0.0, "rsi": 49.0, "distance_sma_200_pct": -0.1},
        ],
    ),
    (
        "volume-breakout",
        [{"events": ["squeeze", "breakout_20_on_spike"]}],
        [{"events": ["volume_spike_up"]}, {"events": None}],
    ),
    (
        "golden-cross",
        [{"events": ["golden_cross"]}],
        [{"events": ["golden_cross", "death_cross"]}, {"events": ["death_cross"]}],
    ),
    (
        "death-cross",
        [{"events": ["death_cross"]}],
        [{"events": ["golden_cross", "death_cross"]}, {"events": ["golden_cross"]}],
    ),
    (
        "squeeze",
        [{"events": ["squeeze"]}],
        [
            {"events": ["squeeze_release_up", "squeeze"]},
            {"events": ["squeeze_release_down", "squeeze"]},
            {"events": ["squeeze_release_up"]},
        ],
    ),
    (
        "squeeze-release",
        [{"events": ["squeeze_release_up"]}, {"events": ["squeeze_release_down", "squeeze"]}],
        [{"events": ["squeeze"]}],
    ),
    (
        "rotation-leaders",
        [{"relative_20_rank": 90.0}],
        [
            {"relative_20_rank": 89.9},
            {"relative_20_rank": 95.0, "relative_20_pct": 0.0},
            {"relative_20_rank": 95.0, "distance_sma_50_pct": -1.0},
        ],
    ),
    (
        "rotation-laggards",
        [{"relative_20_rank": 10.0, "relative_20_pct": -1.0}],
        [{"relative_20_rank": 10.1, "relative_20_pct": -1.0}, {"relative_20_rank": 5.0}],
    ),
    ("52-week-high", [{"below_52w_high_pct": -1.0}, {"below_52w_high_pct": 0.0}], [{"below_52w_high_pct": -1.1}]),
    ("buys", [{"verdict": "BUY"}], [{"verdict": "HOLD"}, {"verdict": None, "score": 90.0}]),
    ("sells", [{"verdict": "SELL"}], [{"verdict": "HOLD"}, {"verdict": None, "score": 10.0}]),
    ("bullish-extremes", [{"score_rank": 95.0}], [{"score_rank": 94.9}]),
    ("bearish-extremes", [{"score_rank": 5.0}], [{"score_rank": 5.1}]),
    (
        "quiet",
        [{"atr_pct_rank": 10.0, "relative_volume": 0.79}],
        [{"atr_pct_rank": 10.1, "relative_volume": 0.5}, {"atr_pct_rank": 5.0, "relative_volume": 0.8}],
    ),
]
GOOD = """
[mine]
title = "t"
sentence = "s"
where = "rsi < 20"
sort = "rsi"
descending = false
columns = ["symbol", "rsi"]
"""


@pytest.mark.parametrize(("name", "hits", "misses"), CASES, ids=[case[0] for case in CASES])
def test_preset_selects_its_rows_and_no_near_miss(
    name: str, hits: list[dict[str, Any]], misses: list[dict[str, Any]]
) -> None:
    rows = [ROW | {"symbol": "hit"} | change for change in hits]
    rows += [ROW | {"symbol": "miss"} | change for change in [*misses, {}]]
    frame = pl.DataFrame(rows, schema_overrides={"events": pl.List(pl.String)})
    assert preset(name).where.filter(frame)["symbol"].to_list() == ["hit"] * len(hits)


def least_seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(20):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def test_presets_are_read_in_a_millisecond_and_filter_3000_rows_in_five() -> None:
    frame = pl.concat([pl.DataFrame([ROW], schema_overrides={"events": pl.List(pl.String)})] * 3_000, rechunk=True)
    for one in PRESETS.values():
        assert least_seconds(lambda where=one.where: parsed(where.text)) < 0.001  # type: ignore[misc]
        assert least_seconds(lambda where=one.where: where.filter(frame)) < 0.005  # type: ignore[misc]


def test_every_preset_has_its_rows() -> None:
    assert [case[0] for case in CASES] == list(PRESETS)


@pytest.mark.parametrize("one", PRESETS.values(), ids=list(PRESETS))
def test_every_name_in_a_preset_exists(one: Any) -> None:
    events = {name for signal in SIGNALS.values() if isinstance(signal, PriceSignal) for name in signal.event_names}
    assert set(re.findall(r"'([a-z0-9_]+)' (?:not )?in events", one.where.text)) <= events
    assert {*one.where.names, one.sort, *one.columns} <= set(COLUMNS)


@pytest.mark.parametrize("one", PRESETS.values(), ids=list(PRESETS))
def test_a_preset_shows_what_it_selects_and_sorts_by(one: Any) -> None:
    assert one.columns[:3] == ("symbol", "score", "verdict")
    assert one.sort in one.columns
    assert set(one.where.names) <= set(one.columns)


@pytest.mark.parametrize("one", PRESETS.values(), ids=list(PRESETS))
def test_no_preset_promises_anything(one: Any) -> None:
    words = f"{one.title} {one.sentence}".lower()
    assert not re.search(
        r"\b(profit|outperform\w*|will rise|will fall|winning|best|guarantee\w*|opportunit\w*)\b", words
    )
    assert one.sentence.endswith(".")


def test_unknown_preset_is_met_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"preset is 'rsidip'.*Did you mean 'rsi-dip'\?"):
        preset("rsidip")


def test_good_file_is_read() -> None:
    mine = presets_of(GOOD)["mine"]
    assert (mine.name, mine.title, mine.sentence, mine.sort) == ("mine", "t", "s", "rsi")
    assert (mine.where.text, mine.columns, mine.descending) == ("rsi < 20", ("symbol", "rsi"), False)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[mine]", "[mine", "presets are not TOML"),
        ("[mine]", "[My Preset]", "presets are not TOML"),
        ("[mine]", "['My Preset']", "name of preset is 'My Preset', must be lower-case words"),
        ("[mine]", "x = 1\n[mine]", "preset x has 1, must have exactly"),
        ('title = "t"\n', "", "preset mine has .* must have exactly"),
        ('title = "t"', 'title = "t"\nextra = 1', "preset mine has .*'extra'.* must have exactly"),
        ('title = "t"', "title = 3", "title of preset mine is 3, must be one line of text"),
        ('title = "t"', 'title = " "', "title of preset mine is ' '"),
        ('sentence = "s"', 'sentence = "a\\nb"', "sentence of preset mine"),
        ("descending = false", "descending = 0", "descending of preset mine is 0, must be true or false"),
        ('columns = ["symbol", "rsi"]', "columns = []", "columns of preset mine"),
        ('columns = ["symbol", "rsi"]', 'columns = "rsi"', "columns of preset mine"),
        ('columns = ["symbol", "rsi"]', 'columns = ["rsi", "rsi"]', "must name each column once"),
        ('sort = "rsi"', 'sort = "events"', "sort of preset mine is 'events', must be a column that has an order"),
    ],
)
def test_bad_file_is_refused_by_name(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInput, match=message):
        presets_of(GOOD.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('["symbol", "rsi"]', '["symbol", "rsii"]', "column of preset mine is 'rsii'.*Did you mean 'rsi'"),
        ('["symbol", "rsi"]', '["symbol", 3]', "column of preset mine is '3'"),
        ('sort = "rsi"', 'sort = "rsii"', "column of preset mine is 'rsii'"),
        ("rsi < 20", "'golden' in events", "events is 'golden'"),
    ],
)
def test_bad_names_in_a_file_are_met_with_the_nearest(old: str, new: str, message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        presets_of(GOOD.replace(old, new))


def test_a_condition_that_cannot_be_read_is_pointed_at() -> None:
    with pytest.raises(BadExpression, match=r"character 7"):
        presets_of(GOOD.replace("rsi < 20", "rsi < 'x'"))
