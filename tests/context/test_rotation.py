"""Rotation against a twin in plain Python, weeks that close when the exchange says, and the past that stays."""

import math
import statistics
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.context.pairs import NAN, bars_of, exchange_days, walk, weekdays

from openapex.context.rotation import Rotation, TailPoint, quadrant_of, rotation
from openapex.errors import UnknownName

LONG = weekdays(420)
A, B = walk("AAA", LONG, 11), walk("BBB", LONG, 12)


def twin(ratio, window, step):
    """Return the last rs_ratio and rs_momentum by the words of docs/context.md, in lists and `statistics`."""
    x = [100 * math.log(value) for value in ratio]

    def standing(values):
        out = []
        for i in range(len(values)):
            seen = values[max(0, i - window + 1) : i + 1]
            known = len(seen) == window and None not in seen
            out.append(100 + (seen[-1] - statistics.fmean(seen)) / statistics.stdev(seen) if known else None)
        return out

    strength = standing(x)
    change = [
        b - a if a is not None and b is not None else None
        for a, b in zip([None] * step + strength, strength, strict=False)
    ]
    return strength, standing(change)


def test_rotation_is_the_distance_from_the_trailing_mean_in_standard_deviations():
    strength, momentum = twin((A.adj_close / B.adj_close).tolist(), 63, 10)
    found = rotation(A, B)
    assert (found.window, found.step, found.weekly, found.symbol, found.benchmark) == (63, 10, False, "AAA", "BBB")
    assert found.session == LONG[-1].item()
    np.testing.assert_allclose([p.rs_ratio for p in found.tail], strength[-8:], rtol=1e-11)
    np.testing.assert_allclose([p.rs_momentum for p in found.tail], momentum[-8:], rtol=1e-11)
    assert [p.session for p in found.tail] == LONG[-8:].tolist()


def test_weekly_rotation_is_the_same_on_fridays():
    fridays = np.flatnonzero(np.arange(420) % 5 == 4)
    strength, momentum = twin((A.adj_close / B.adj_close)[fridays].tolist(), 26, 2)
    found = rotation(A, B, weekly=True)
    assert (found.window, found.step, found.weekly) == (26, 2, True)
    np.testing.assert_allclose([p.rs_ratio for p in found.tail], strength[-8:], rtol=1e-11)
    np.testing.assert_allclose([p.rs_momentum for p in found.tail], momentum[-8:], rtol=1e-11)
    assert all(p.session.isoweekday() == 5 for p in found.tail)


def test_the_last_of_the_tail_is_today():
    found = rotation(A, B)
    today = TailPoint(found.session, found.rs_ratio, found.rs_momentum, found.quadrant)
    assert found.tail[-1] == today
    assert len(found.tail) == 8


def test_a_steady_lead_is_31_rows_over_their_own_spread():
    days = weekdays(200)
    a, b = bars_of("A", days, np.exp(0.001 * np.arange(200))), bars_of("B", days, np.full(200, 5.0))
    found = rotation(a, b)
    assert found.rs_ratio == pytest.approx(100 + 31 / math.sqrt(63 * 64 / 12), abs=1e-9)  # sd of 1..n: sqrt(n(n+1)/12)
    assert math.isnan(found.rs_momentum)  # strength stands still: no spread
    assert found.quadrant is None


def test_nothing_moved_is_unknown():
    found = rotation(bars_of("A", LONG, 3.0 * B.adj_close), B)
    assert math.isnan(found.rs_ratio)
    assert math.isnan(found.rs_momentum)
    assert found.quadrant is None
    assert len(found.tail) == 8


@pytest.mark.parametrize(
    ("across", "up", "quadrant"),
    [
        (101.0, 101.0, "leading"),
        (100.0, 100.0, "leading"),
        (100.0, 99.9, "weakening"),
        (99.9, 99.9, "lagging"),
        (99.9, 100.0, "improving"),
        (NAN, 101.0, None),
        (101.0, NAN, None),
    ],
)
def test_quadrants(across, up, quadrant):
    assert quadrant_of(across, up) == quadrant


@pytest.mark.parametrize(
    ("weekly", "rows", "has_strength", "has_momentum"),
    [
        (False, 62, False, False), (False, 63, True, False), (False, 134, True, False), (False, 135, True, True),
        (True, 25, False, False), (True, 26, True, False), (True, 52, True, False), (True, 53, True, True),
    ],
)  # fmt: skip
def test_warm_up_is_unknown_and_no_longer_than_needed(weekly, rows, has_strength, has_momentum):
    day = LONG[rows * 5 - 1 if weekly else rows - 1].item()
    found = rotation(A.until(day), B.until(day), weekly=weekly)
    assert math.isnan(found.rs_ratio) is not has_strength
    assert math.isnan(found.rs_momentum) is not has_momentum
    assert (found.quadrant is None) is not has_momentum


def test_fewer_rows_make_a_shorter_tail():
    found = rotation(A.until(LONG[4].item()), B)
    assert [p.session for p in found.tail] == LONG[:5].tolist()
    assert math.isnan(found.rs_ratio)
    for weekly in (False, True):
        nothing = rotation(A.until(date(1990, 1, 1)), B, weekly=weekly)
        assert (nothing.session, nothing.quadrant, nothing.tail) == (None, None, ())
        assert math.isnan(nothing.rs_ratio)


# --- the past never changes -------------------------------------------------------------------------------------------


def full_sample(a, b):
    """Return a rotation graph as some draw it: against mean and spread of the whole sample."""
    x = np.log(a.adj_close / b.adj_close[: len(a)])
    strength = 100 + (x - x.mean()) / (x.std(ddof=1) if len(x) > 1 else 1.0)
    change = np.r_[np.full(10, NAN), strength[10:] - strength[:-10]]
    has = len(x) > 12
    momentum = 100 + (change - np.nanmean(change)) / np.nanstd(change, ddof=1) if has else np.full(len(x), NAN)
    points = zip(a.sessions.tolist(), strength.tolist(), momentum.tolist(), strict=True)
    tail = tuple(TailPoint(day, across, up, quadrant_of(across, up)) for day, across, up in points)[-8:]
    return replace(rotation(a, b), tail=tail, **{name: getattr(tail[-1], name) for name in TailPoint.__slots__})


def assert_tail_is_what_was_said_then(graph, a, b):
    """Compare each row of the tail, bit for bit, with what stood there on its own day."""
    for point in graph(a, b).tail:
        then = graph(a.until(point.session), b.until(point.session)).tail[-1]
        assert repr(then) == repr(point)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 999), st.integers(1, 420), st.booleans())
def test_the_tail_is_what_was_said_then(seed, n, weekly):
    a, b = walk("A", LONG[:n], seed), walk("B", LONG[:n], seed + 1)
    assert_tail_is_what_was_said_then(lambda x, y: rotation(x, y, weekly=weekly), a, b)


def test_a_full_sample_rotation_would_be_caught():
    with pytest.raises(AssertionError):
        assert_tail_is_what_was_said_then(full_sample, A, B)
    with pytest.raises(AssertionError):
        assert_tail_is_what_was_said_then(full_sample, A.until(LONG[40].item()), B.until(LONG[40].item()))


@settings(deadline=None, max_examples=20)
@given(st.floats(1e-3, 1e3), st.booleans())
def test_the_unit_of_a_price_changes_nothing(c, weekly):
    plain, scaled = (rotation(x, B, weekly=weekly) for x in (A, bars_of("AAA", LONG, c * A.adj_close)))
    assert [p.quadrant for p in scaled.tail] == [p.quadrant for p in plain.tail]
    np.testing.assert_allclose([p.rs_ratio for p in scaled.tail], [p.rs_ratio for p in plain.tail], rtol=1e-9)
    np.testing.assert_allclose([p.rs_momentum for p in scaled.tail], [p.rs_momentum for p in plain.tail], rtol=1e-9)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 999))
def test_swapping_the_pair_mirrors_it_around_100(seed):
    a, b = walk("A", LONG, seed), walk("B", LONG, seed + 1)
    one, two = rotation(a, b), rotation(b, a)
    assert one.rs_ratio + two.rs_ratio == pytest.approx(200.0, abs=1e-9)
    assert one.rs_momentum + two.rs_momentum == pytest.approx(200.0, abs=1e-8)


# --- weeks ------------------------------------------------------------------------------------------------------------

NYSE = exchange_days("2021-11-01", "2024-04-12")
EARLY = {date(2022, 4, 14), date(2023, 4, 6), date(2024, 3, 28)}
"""Thursdays before Good Friday, the only weeks from 2022-04 to 2024-04 that do not end on a Friday.

Source: nyse.com/markets/hours-calendars.
"""
X, Y = walk("X", NYSE, 21), walk("Y", NYSE, 22)


def weekly_on(day: date) -> Rotation:
    return rotation(X.until(day), Y.until(day), weekly=True)


def test_scenario_36_weekly_uses_the_last_closed_week():
    days = [day for day in NYSE.tolist() if day >= date(2023, 3, 1)]
    stood, n_open = repr(weekly_on(days[0])), 0
    for day in days[1:]:
        now = weekly_on(day)
        if day.isoweekday() == 5 or day in EARLY:
            assert now.session == day
            assert repr(now) != stood
            assert repr(now.tail[:-1]) == repr(weekly_on(day - timedelta(days=1)).tail[1:])
            stood = repr(now)
        else:
            assert repr(now) == stood, day
            n_open += 1
    assert not math.isnan(now.rs_momentum)
    assert n_open > 200


@pytest.mark.parametrize(
    ("day", "stands_on"),
    [
        ("2023-04-05", "2023-03-31"),  # Wednesday before Good Friday
        ("2023-04-06", "2023-04-06"),  # Thursday before Good Friday closes the week
        ("2023-11-22", "2023-11-17"),  # Wednesday before Thanksgiving: the short Friday is still to come
        ("2023-11-24", "2023-11-24"),  # that Friday, closed at 13:00
        ("2024-01-16", "2024-01-12"),  # a week that begins on Tuesday
        ("2024-03-27", "2024-03-22"),
        ("2024-03-28", "2024-03-28"),
        ("2024-04-01", "2024-03-28"),
    ],
)
def test_a_week_is_closed_when_the_exchange_has_no_later_session_in_it(day, stands_on):
    assert weekly_on(date.fromisoformat(day)).session == date.fromisoformat(stands_on)


@pytest.mark.parametrize(
    ("day", "stands_on"),
    [
        ("2001-09-07", "2001-09-07"),
        ("2001-09-10", "2001-09-07"),  # nobody knew on Monday that it was the week's last session
        ("2001-09-17", "2001-09-10"),  # the next session tells
        ("2004-06-10", "2004-06-04"),  # Friday was closed for a funeral, by announcement
        ("2004-06-14", "2004-06-10"),
        ("2012-10-26", "2012-10-26"),  # Monday and Tuesday were closed for the storm Sandy
        ("2012-11-01", "2012-10-26"),
        ("2012-11-02", "2012-11-02"),
        ("2008-12-24", "2008-12-19"),  # Christmas was on Thursday: Friday is still to come
        ("2009-12-24", "2009-12-24"),  # Christmas was on Friday
        ("2009-04-09", "2009-04-09"),  # Good Friday
        ("2010-12-31", "2010-12-31"),  # New Year's Day was on Saturday: no holiday
    ],
)
def test_scenario_36_a_closure_that_nobody_planned_ends_no_week(day, stands_on):
    days = exchange_days("2000-06-01", day)
    a, b = walk("A", days, 3), walk("B", days, 4)
    assert rotation(a, b, weekly=True).session == date.fromisoformat(stands_on)


def test_a_missing_friday_bar_leaves_the_week_open_until_the_next_begins():
    kept = np.array([day != date(2023, 11, 10) for day in NYSE.tolist()])
    gappy = bars_of("X", NYSE[kept], X.adj_close[kept])
    for day, stands_on in ((date(2023, 11, 10), date(2023, 11, 3)), (date(2023, 11, 13), date(2023, 11, 9))):
        assert rotation(gappy.until(day), Y.until(day), weekly=True).session == stands_on


def test_a_market_that_never_closes_ends_its_week_on_sunday():
    days = np.arange("2023-01-01", "2024-06-01", dtype="datetime64[D]")
    a, b = walk("BTC-USD", days, 5), walk("ETH-USD", days, 6)
    found = {
        day: rotation(a.until(date(2024, 5, day)), b, weekly=True, calendar=None).session for day in (17, 18, 19, 20)
    }
    sunday_before, sunday = date(2024, 5, 12), date(2024, 5, 19)
    assert found == {17: sunday_before, 18: sunday_before, 19: sunday, 20: sunday}


def test_before_the_calendar_begins_a_week_closes_only_when_the_next_begins():
    days = weekdays(40, "1965-01-04")
    a, b = walk("A", days, 1), walk("B", days, 2)
    for weekday, stands_on in ((4, 39 - 5), (0, 34)):
        day = days[35 + weekday].item()
        assert rotation(a.until(day), b.until(day), weekly=True).session == days[stands_on].item()


def test_another_exchange_closes_its_own_weeks():
    days = exchange_days("2024-04-22", "2024-05-02")
    a = bars_of("A", days, np.arange(1.0, len(days) + 1))
    stands_on = {name: rotation(a, a, weekly=True, calendar=name).session for name in ("XNYS", "XTKS")}
    assert stands_on == {"XNYS": date(2024, 4, 26), "XTKS": date(2024, 5, 2)}  # Friday was Constitution Day in Japan


def test_an_unknown_exchange_is_refused():
    with pytest.raises(UnknownName, match="calendar is 'XNYZ'"):
        rotation(A.until(LONG[2].item()), B, weekly=True, calendar="XNYZ")
