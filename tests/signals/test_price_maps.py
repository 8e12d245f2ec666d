"""The score maps: values worked out by hand from docs/signals.md, continuity, symmetry, range."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openapex.signals.bollinger import bollinger_score, squeeze_tightness
from openapex.signals.fibonacci import fibonacci_score, touch_and_turn
from openapex.signals.ma_cross import ma_cross_score
from openapex.signals.macd import macd_score
from openapex.signals.rsi import rsi_score
from openapex.signals.shapes import in_atr, polyline, side_of, sma_200_trend, squash
from openapex.signals.volume import breakout_strength, day_push, volume_score

HAND = [
    # RSI: straight lines between published knots
    (rsi_score, (50.0, 0.0), 50.0),
    (rsi_score, (30.0, 0.0), 70.0),
    (rsi_score, (75.0, 0.0), 25.0),  # half-way from (70, 30) to (80, 20)
    (rsi_score, (38.4, 1.0), 92.0),  # the page's dip zone in an uptrend
    (rsi_score, (46.0, 1.0), 88.0),  # half-way from (42, 92) to (50, 84)
    (rsi_score, (75.0, 1.0), 46.0),
    (rsi_score, (25.0, 1.0), 86.5),
    (rsi_score, (46.0, 0.5), 71.0),  # half-way from the range's 54 to the uptrend's 88
    (rsi_score, (25.0, -1.0), 54.0),  # oversold in a downtrend: only mildly bullish
    (rsi_score, (61.6, -1.0), 8.0),  # the mirror of the dip zone
    # MACD: 25 points each, squash(3/4) = 0.6 and squash(4/3) = 0.8 (3-4-5 triangle)
    (macd_score, (0.6, 4.0 / 15.0), 85.0),
    (macd_score, (-0.6, 4.0 / 15.0), 55.0),
    (macd_score, (0.0, 0.0), 50.0),
    # MA cross: 20 · 0.8 + 15 · 0.6 − 15 · 0.6
    (ma_cross_score, (8.0 / 3.0, 0.6, -1.5), 66.0),
    (ma_cross_score, (0.0, 0.0, 0.0), 50.0),
    # Bollinger
    (bollinger_score, (0.25, 0.0, 0.0), 65.0),
    (bollinger_score, (1.1, 0.0, 0.0), 16.0),
    (bollinger_score, (0.25, 1.0, 0.0), 88.0),
    (bollinger_score, (0.75, -1.0, 0.0), 12.0),
    (bollinger_score, (0.9, 0.0, 1.0), 68.0),  # half-way from (0.8, 56) to (1, 80)
    (bollinger_score, (0.0, 0.0, 0.5), 50.0),  # half of reversion's 80, half of the break's 20
    # volume: 25 · squash(0.075 / 0.1) + 15 · 0.5 + 10
    (volume_score, (0.075, 0.5, 1.0), 82.5),
    (volume_score, (0.0, 0.0, 0.0), 50.0),
    (day_push, (11.0, 9.0, 10.5, 0.5), 0.5),
    (day_push, (10.0, 10.0, 10.0, 0.5), 0.25),  # no range: only the change counts
    (breakout_strength, (0.25, -3.0, 1.5), 0.25),
    (breakout_strength, (-3.0, 0.5, 2.0), -1.0),
    # Fibonacci: half-way between 50 % (80) and 61.8 % (85), then 0.4 of a reaction
    (fibonacci_score, (1.0, 0.559, 0.0), 82.5),
    (fibonacci_score, (1.0, 0.559, 0.4), 88.5),
    (fibonacci_score, (-1.0, 0.559, 0.0), 17.5),
    (touch_and_turn, (-0.1, 0.2), 0.32),
    # the parts
    (squash, (0.75,), 0.6),
    (squash, (-4.0 / 3.0,), -0.8),
    (in_atr, (3.0, 1.5, 100.0), 2.0),
    (in_atr, (0.0, 0.0, 100.0), 0.0),
    (in_atr, (1e-14, 1e-15, 100.0), 1e-7),  # rounding noise in a market that stands still
    (side_of, (0.5, -1.0), 1.0),
    (side_of, (-0.5, 1.0), -1.0),
    (side_of, (1e-7, -1.0), -1.0),  # on the line: still the side it came from
    (side_of, (0.0, 1.0), 1.0),
    (sma_200_trend, (2.0, -0.5), 0.0),
    (sma_200_trend, (9.0, 9.0), 1.0),
    (squeeze_tightness, (1.1, 1.0, 0.0), 0.6),
    (squeeze_tightness, (9.0, 1.0, 0.7), 0.6),
]


@pytest.mark.parametrize(("score_map", "at", "expected"), HAND, ids=lambda x: getattr(x, "__name__", None))
def test_maps_give_the_values_worked_out_by_hand(score_map, at, expected):
    assert score_map(*at) == pytest.approx(expected, abs=1e-9)


RSI_AXIS, UNIT, TREND, WIDE = (0.0, 100.0), (0.0, 1.0), (-1.0, 1.0), (-50.0, 50.0)
MAPS = [
    (rsi_score, (RSI_AXIS, TREND)),
    (macd_score, (WIDE, WIDE)),
    (bollinger_score, ((-1.5, 2.5), TREND, UNIT)),
    (volume_score, (TREND, TREND, TREND)),
    (ma_cross_score, (WIDE, WIDE, WIDE)),
    (partial(fibonacci_score, 1.0), ((-3.0, 4.0), TREND)),
    (partial(fibonacci_score, -1.0), ((-3.0, 4.0), TREND)),
]
NAMES = ["rsi", "macd", "bollinger", "volume", "ma_cross", "upswing", "downswing"]
STEEPEST = {"rsi": 35.0, "macd": 126.0, "bollinger": 130.0, "volume": 251.0, "ma_cross": 19.0, "upswing": 125.0}
STEEPEST["downswing"] = STEEPEST["upswing"]


@pytest.mark.parametrize(("score_map", "box"), MAPS, ids=NAMES)
@given(data=st.data())
def test_score_is_0_to_100_everywhere(score_map, box, data):
    point = [data.draw(st.floats(low, high)) for low, high in box]
    assert -1e-9 <= score_map(*point) <= 100.0 + 1e-9


@pytest.mark.parametrize(("name", "score_map", "box"), [(n, *m) for n, m in zip(NAMES, MAPS, strict=True)], ids=NAMES)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_maps_have_no_cliffs(name, score_map, box, axis):
    """Along every axis, from 30 random points, a small step never moves the score by more than the steepest slope."""
    axis %= len(box)
    grid = np.linspace(*box[axis], 4001)
    width = grid[1] - grid[0]
    rng = np.random.default_rng(0)
    for _ in range(30):
        point = [rng.uniform(low, high) for low, high in box]
        scores = [score_map(*point[:axis], x, *point[axis + 1 :]) for x in grid.tolist()]
        assert np.abs(np.diff(scores)).max() <= STEEPEST[name] * width + 1e-9


@given(st.floats(0, 100), st.floats(-1, 1))
def test_rsi_map_is_its_own_mirror(rsi, trend):
    assert rsi_score(rsi, trend) == pytest.approx(100.0 - rsi_score(100.0 - rsi, -trend), abs=1e-9)


@given(st.floats(-1.5, 2.5), st.floats(-1, 1), st.floats(0, 1))
def test_bollinger_map_is_its_own_mirror(b, trend, tightness):
    mirror = bollinger_score(1.0 - b, -trend, tightness)
    assert bollinger_score(b, trend, tightness) == pytest.approx(100.0 - mirror, abs=1e-6)


@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(-50, 50))
def test_trend_maps_are_odd_and_rise(x, y, z):
    assert macd_score(-x, -y) == pytest.approx(100.0 - macd_score(x, y), abs=1e-9)
    assert ma_cross_score(-x, -y, -z) == pytest.approx(100.0 - ma_cross_score(x, y, z), abs=1e-9)
    assert macd_score(x + 1.0, y) >= macd_score(x, y)
    assert ma_cross_score(x, y, z + 1.0) >= ma_cross_score(x, y, z)


def test_in_an_uptrend_rsi_has_one_best_zone_and_no_other_peak():
    """The contradiction not to copy: "higher is better" and "lower is better" at once."""
    slopes = np.sign(np.diff([rsi_score(float(rsi), 1.0) for rsi in range(101)]))
    turns = slopes[slopes != 0]
    assert np.count_nonzero(np.diff(turns)) == 1
    assert turns[0] == 1
    assert turns[-1] == -1


@given(st.floats(0, 100), st.floats(-1, 1), st.floats(-1, 1))
def test_at_the_same_rsi_a_better_trend_never_scores_less(rsi, one, other):
    assert rsi_score(rsi, max(one, other)) >= rsi_score(rsi, min(one, other)) - 1e-9


@given(st.floats(-1, 2), st.floats(-1, 1), st.floats(-1, 1))
def test_at_the_same_percent_b_rising_bands_never_score_less(b, one, other):
    assert bollinger_score(b, max(one, other), 0.0) >= bollinger_score(b, min(one, other), 0.0) - 1e-9


def test_polyline_is_flat_outside_its_knots():
    assert [polyline(x, (0.0, 1.0), (5.0, 7.0)) for x in (-9.0, 0.5, 9.0)] == [5.0, 6.0, 7.0]
