"""What is said of every bar is what a universe that ends there says of its last one."""

import numpy as np
import pytest

from openapex.bars import FIELDS, Bars, FloatArray
from openapex.context.panel_stats import panel_stats
from openapex.context.stats_history import STATS, stats_history
from openapex.score.model import model
from openapex.score.panel import Panel, panel
from openapex.score.panel_history import (
    VALUE_SIGNALS,
    event_history,
    percentile_history,
    score_history,
    value_history,
    verdict_history,
)

APEX = model("apex")
BENCHMARK = "SPY"


def universe(seed: int = 4) -> Bars:
    """Four symbols of different lengths; one is silent some days, one has days without a volume or a price."""
    rng = np.random.default_rng(seed)
    days = np.arange("2021-01-01", "2022-12-01", dtype="datetime64[D]")
    columns: dict[str, list[FloatArray]] = {name: [] for name in FIELDS}
    sessions = []
    names = ("AAA", "BBB", "CCC", BENCHMARK)
    for name in names:
        kept = np.sort(rng.choice(len(days), 450 if name != "BBB" else 260, replace=False))
        kept = np.arange(len(days)) if name == BENCHMARK else kept
        close = 40 * np.cumprod(1 + rng.normal(0.0005, 0.02, len(kept)))
        spread = close * rng.uniform(0.0, 0.02, len(kept))
        volume = rng.uniform(5e5, 3e6, len(kept))
        total = close * np.linspace(0.9, 1.0, len(kept))
        if name == "CCC":
            volume[rng.choice(len(kept), 5)] = np.nan
            total[rng.choice(len(kept), 5)] = np.nan
        made = (close - spread / 2, close + spread, close - spread, close, total, volume)
        for field, column in zip(FIELDS, made, strict=True):
            columns[field].append(column)
        sessions.append(days[kept])
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in sessions])])
    arrays = {name: np.concatenate(parts) for name, parts in columns.items()}
    return Bars(names, offsets, np.concatenate(sessions), provisional=np.zeros(offsets[-1], bool), **arrays)


def cut_at(bars: Bars, ends: list[int]) -> Bars:
    """The first `ends` bars of each symbol."""
    rows = np.concatenate([np.arange(first, first + n) for first, n in zip(bars.offsets[:-1], ends, strict=True)])
    columns = {name: getattr(bars, name)[rows] for name in (*FIELDS, "sessions", "provisional")}
    return Bars(bars.symbols, np.concatenate([[0], np.cumsum(ends)]), **columns)


BARS = universe()
LENGTHS = np.diff(BARS.offsets)
CUTS = [
    [int(np.random.default_rng(seed).integers(1, n + 1)) for n in LENGTHS] for seed in range(12)
] + [[1, 1, 1, 1], [20, 21, 22, 699], LENGTHS.tolist()]  # fmt: skip


@pytest.fixture(scope="module", params=CUTS, ids=str)
def ended(request: pytest.FixtureRequest) -> tuple[Bars, Panel, np.ndarray]:
    short = cut_at(BARS, request.param)
    return short, panel(short, APEX), BARS.offsets[:-1] + np.array(request.param) - 1


def equal(told: FloatArray, last: FloatArray) -> bool:
    return np.array_equal(told, last, equal_nan=True)


def test_scores_composite_verdict_and_percentile(ended: tuple[Bars, Panel, np.ndarray]) -> None:
    _, last, at = ended
    made = score_history(BARS, APEX)
    assert all(equal(column[at], last.scores[name]) for name, column in made.scores.items())  # type: ignore[index]
    assert equal(made.score[at], last.score)
    assert equal(made.coverage[at], last.coverage)
    assert verdict_history(made.score, made.coverage, APEX).gather(at).to_list() == last.verdicts
    assert equal(percentile_history(made.score, made.coverage, BARS.offsets, APEX)[at], last.percentile)


def test_every_value_behind_the_signals(ended: tuple[Bars, Panel, np.ndarray]) -> None:
    _, last, at = ended
    made = value_history(BARS, list(VALUE_SIGNALS))
    assert set(made) == set(last.values)
    assert [name for name, column in made.items() if not equal(column[at], last.values[name])] == []


def test_events_of_the_last_ten_bars_newest_first(ended: tuple[Bars, Panel, np.ndarray]) -> None:
    _, last, at = ended
    told = event_history(BARS).gather(at).to_list()
    for i, names in enumerate(told):
        ages = {name: 9 - int(np.flatnonzero(flags[i])[-1]) for name, flags in last.events.items() if flags[i].any()}
        assert names == sorted(ages, key=lambda name: (ages[name], name))


def test_key_numbers(ended: tuple[Bars, Panel, np.ndarray]) -> None:
    short, last, at = ended
    made = stats_history(BARS, STATS, BARS.one(BENCHMARK))
    stats = panel_stats(short, last.values["atr"], BARS.one(BENCHMARK))
    assert [name for name, column in made.items() if not equal(column[at], stats[name])] == []


def test_without_a_benchmark_the_lead_over_it_is_unknown() -> None:
    assert np.isnan(stats_history(BARS, ["relative_20_pct"], None)["relative_20_pct"]).all()


def test_percentile_counts_ties_half_and_never_later_scores() -> None:
    score = np.array([50.0, 60.0, 60.0, 40.0, np.nan, 55.0, 70.0])
    coverage = np.where(np.isnan(score), 0.0, 1.0)
    made = percentile_history(score, coverage, np.array([0, 6, 7]), APEX)
    by_hand = [50.0, 75.0, 100 * (1 + 0.5 * 2) / 3, 12.5, np.nan, 100 * 2.5 / 5, 50.0]
    np.testing.assert_allclose(made, by_hand)
