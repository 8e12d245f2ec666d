"""Causal statistics: each against a slow, obvious twin, and against itself on a cut series."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.context.published import weekdays

from openapex.context.causal import (
    NAN,
    UNKNOWN,
    States,
    held,
    in_sigmas,
    last_of,
    percentile,
    percentiles,
    rows_known,
    sides,
    trailing_mean_and_std,
)

number = st.one_of(st.just(NAN), st.integers(-300, 300).map(lambda i: i / 100))
series = st.lists(number, max_size=80).map(lambda x: np.array(x, dtype=np.float64))

CAUSAL = {
    "mean": lambda x: trailing_mean_and_std(x, 20, 5)[0],
    "std": lambda x: trailing_mean_and_std(x, 20, 5)[1],
    "in_sigmas": lambda x: in_sigmas(x, 20, 5),
    "percentiles": lambda x: percentiles(x, 3),
    "held": lambda x: held(x, hold=4),
    "sides": lambda x: sides(x, 0.5),
}


@pytest.mark.parametrize("name", CAUSAL)
@given(x=series, data=st.data())
def test_a_longer_series_changes_no_earlier_bit(name, x, data):
    cut = data.draw(st.integers(0, len(x)))
    assert CAUSAL[name](x[:cut]).tobytes() == CAUSAL[name](x)[:cut].tobytes()


@given(series)
def test_trailing_mean_and_std_are_those_of_the_window_without_its_gaps(x):
    mean, std = trailing_mean_and_std(x, 20, 5)
    for i in range(len(x)):
        window = x[max(0, i - 19) : i + 1]
        window = window[~np.isnan(window)]
        if len(window) < 5:
            assert np.isnan(mean[i])
            assert np.isnan(std[i])
        else:
            assert mean[i] == pytest.approx(window.mean(), abs=1e-12)
            assert std[i] == pytest.approx(window.std(ddof=1), abs=1e-7)
            assert std[i] ** 2 == pytest.approx(window.var(ddof=1), abs=1e-11)


def test_sigma_is_known_from_252_values_on_and_forgets_after_756():
    x = np.tile([1.0, -1.0], 600)
    x[0] = 1000.0
    _, std = trailing_mean_and_std(x)
    assert np.flatnonzero(~np.isnan(std))[0] == 251
    assert std[755] > 30
    assert std[756] == pytest.approx(np.sqrt(756 / 755), abs=1e-9)


def test_values_in_sigmas_are_distances_from_zero_not_from_a_mean():
    x = 5.0 + np.tile([1.0, -1.0], 126)
    assert in_sigmas(x)[-1] == pytest.approx(4.0 / np.sqrt(252 / 251))


def test_values_without_spread_have_no_sigma_also_after_others():
    """Running sums leave 1e-7 of the values before: 0.1 once stood 860,000 sigmas from zero."""
    assert np.isnan(in_sigmas(np.array([1.0, -0.3] + [0.1] * 900))[-1])
    assert np.isnan(in_sigmas(np.full(300, 0.1))).all()


@given(series)
def test_percentiles_are_the_percentile_of_every_prefix(x):
    assert percentiles(x, 3).tolist() == pytest.approx([percentile(x[: i + 1], 3) for i in range(len(x))], nan_ok=True)


@given(series)
def test_percentile_counts_lower_values_and_half_the_ties(x):
    known = [v for v in x.tolist() if v == v]
    if not len(x) or x[-1] != x[-1]:
        assert np.isnan(percentile(x, 1))
        return
    points = sum(1.0 if v < x[-1] else 0.5 if v == x[-1] else 0.0 for v in known)
    assert percentile(x, 1) == pytest.approx(100 * points / len(known))


def test_percentile_is_known_from_252_known_values_on():
    x = np.append(np.arange(250.0), [NAN, 250.0])
    assert np.isnan(percentile(x))
    assert percentile(np.append(x, 251.0)) == pytest.approx(100 * 251.5 / 252)
    assert np.isnan(percentile(np.append(x, [251.0, NAN])))
    assert np.isnan(percentile(np.empty(0)))


@given(series)
def test_held_is_the_side_of_a_confirmation_less_than_hold_values_old(z):
    z = 2 * z
    expected = []
    for i, value in enumerate(z):
        if value != value:
            expected.append(UNKNOWN)
            continue
        start = i
        while start > 0 and z[start - 1] == z[start - 1]:
            start -= 1
        confirmed = [j for j in range(max(start, i - 3), i + 1) if abs(z[j]) >= 1]
        expected.append(1 if not confirmed else 2 if z[confirmed[-1]] >= 1 else 0)
    assert held(z, hold=4).tolist() == expected


def test_a_held_state_outlives_its_confirmation_by_19_values():
    assert held(np.array([1.0] + [0.999] * 20)).tolist() == [2] * 20 + [1]
    assert held(np.array([-1.0] + [-0.999] * 20)).tolist() == [0] * 20 + [1]


def test_a_held_state_ends_when_the_other_side_is_confirmed():
    assert held(np.array([0.9, 1.0, -0.9, -1.0, 0.0, 1.0])).tolist() == [1, 2, 2, 0, 0, 2]


def test_an_unknown_value_is_an_unknown_state_and_forgets():
    assert held(np.array([2.0, NAN, 0.5])).tolist() == [2, UNKNOWN, 1]
    assert held(np.empty(0)).tolist() == []


@pytest.mark.parametrize("hundredths", range(0, 900, 7))
def test_sides_takes_decimal_figures_at_their_word(hundredths):
    high, low = (hundredths + 10) / 100, hundredths / 100
    assert sides(np.array([high - low, low - high]), 0.10).tolist() == [2, 0]
    assert sides(np.array([high - 0.01 - low, low - high + 0.01]), 0.10).tolist() == [1, 1]


def test_last_of_nothing_is_unknown():
    assert np.isnan(last_of(np.empty(0)))
    assert last_of(np.array([1.0, 2.0])) == 2.0


def test_rows_known_is_the_last_at_or_before():
    known = np.array(["2024-01-02", "2024-01-04"], dtype="datetime64[D]")
    days = np.array(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04", "2024-02-01"], dtype="datetime64[D]")
    assert rows_known(known, days).tolist() == [-1, 0, 0, 1, 1]
    assert rows_known(known[:0], days).tolist() == [-1] * 5


class TestStates:
    DAYS = weekdays("2024-01-01", 6)
    NAMES = ("LOW", "HIGH")

    def states(self, *codes):
        return States(self.DAYS[: len(codes)], np.array(codes, dtype=np.int8), self.NAMES)

    def test_say_what_stands_and_since_when(self):
        states = self.states(1, 0, 1, 1, 1)
        assert (states.last, states.since, states.n_sessions) == ("HIGH", date(2024, 1, 3), 3)
        assert states.is_("HIGH").tolist() == [True, False, True, True, True]

    def test_never_interrupted_stand_since_the_first_session(self):
        assert (self.states(0, 0).since, self.states(0, 0).n_sessions) == (date(2024, 1, 1), 2)

    @pytest.mark.parametrize("codes", [(), (1, -1), (-1,)])
    def test_unknown_stand_since_never(self, codes):
        states = self.states(*codes)
        assert (states.last, states.since, states.n_sessions) == (None, None, 0)

    def test_on_other_sessions_are_the_last_before_unless_too_old(self):
        states = self.states(0, 1)
        others = np.array(["2023-12-29", "2024-01-01", "2024-01-09", "2024-01-10"], dtype="datetime64[D]")
        assert states.on(others, max_age_days=7).codes.tolist() == [UNKNOWN, 0, 1, UNKNOWN]
        assert self.states().on(others).codes.tolist() == [UNKNOWN] * 4
