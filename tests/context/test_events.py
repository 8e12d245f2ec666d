"""Events of the page: each definition by hand, its edges, and what is unknown."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
import talib
from tests.context.page import (
    EXPECTS,
    NAN,
    STANCES,
    arrays_of,
    bars_of,
    days,
    events_of,
    macro_of,
    told,
)

from openapex.bars import Bars
from openapex.context.events import DEFINITIONS
from openapex.context.macro import Macro
from openapex.errors import BadInput

# RSI dips


def test_a_dip_is_entered_once_lasts_while_35_to_42_and_is_left_once() -> None:
    rsi = [NAN, 50.0, 42.0, 35.0, 38.0, 34.999, 41.0, 42.001, 60.0]
    found = events_of(bars_of([10.0] * 9), rsi=rsi)
    assert told(found, "rsi_dip") == [None, False, True, True, True, False, True, False, False]
    assert told(found, "rsi_dip_entered") == [None, False, True, False, False, False, True, False, False]
    assert told(found, "rsi_dip_left") == [None, None, False, False, False, True, False, True, False]
    assert found["rsi_dip_left"].last == date(2010, 1, 8)
    assert found["rsi_dip"].share_pct == 50.0
    assert dict(found["rsi_dip"].values) == {"rsi": 60.0}


def test_a_dip_on_the_first_known_session_is_a_dip_but_whether_it_was_entered_is_unknown() -> None:
    found = events_of(bars_of([10.0] * 5), rsi=[NAN, 40.0, 40.0, NAN, 50.0])
    assert told(found, "rsi_dip") == [None, True, True, None, False]
    assert told(found, "rsi_dip_entered") == [None, None, False, None, False]
    assert told(found, "rsi_dip_left") == [None, False, False, None, None]


def test_an_unknown_rsi_today_is_unknown_and_not_no() -> None:
    found = events_of(bars_of([10.0] * 2), rsi=[40.0, NAN])
    assert [found[name].is_now for name in ("rsi_dip_entered", "rsi_dip", "rsi_dip_left")] == [None] * 3
    assert found["rsi_dip"].last == date(2010, 1, 1)
    assert np.isnan(found["rsi_dip"].values["rsi"])


# The Fed


def test_the_fed_shifts_to_cutting_when_it_cuts_or_holds_while_cuts_are_expected() -> None:
    cases = [
        ("cutting", "cuts", True), ("cutting", "hikes", True), ("cutting", None, True), ("on hold", "cuts", True),
        ("on hold", "no change", False), ("on hold", "hikes", False), ("on hold", None, None),
        ("hiking", "cuts", False), ("hiking", None, False), (None, "cuts", None), (None, "hikes", None),
    ]  # fmt: skip
    stance = [STANCES.index(s) if s else -1 for s, _, _ in cases]
    expects = [EXPECTS.index(e) if e else -1 for _, e, _ in cases]
    found = events_of(bars_of([10.0] * len(cases)), stance=stance, expects=expects)
    # with an unknown stance, hikes expected: it may be cutting; so unknown
    assert told(found, "fed_shifting_to_cutting") == [is_so for _, _, is_so in cases]


@pytest.mark.parametrize(("n_quiet", "is_shift"), [(59, None), (60, True), (61, True)])
def test_a_fed_shift_needs_60_known_sessions_without(n_quiet: int, is_shift: bool | None) -> None:
    stance = [2] * n_quiet + [0] * 3
    found = told(events_of(bars_of([10.0] * len(stance)), stance=stance), "fed_shift")
    assert found == [False] * n_quiet + [is_shift, False, False]


@pytest.mark.parametrize(("n_quiet", "is_shift"), [(59, False), (60, True)])
def test_a_second_fed_shift_needs_60_sessions_since_the_first(n_quiet: int, is_shift: bool) -> None:
    stance = [2] * 60 + [0] + [2] * n_quiet + [0]
    found = told(events_of(bars_of([10.0] * len(stance)), stance=stance), "fed_shift")
    assert [i for i, so in enumerate(found) if so] == [60] + ([len(stance) - 1] if is_shift else [])
    assert found[-1] is is_shift


def test_unknown_sessions_neither_count_nor_break_the_60() -> None:
    stance = [2] * 30 + [-1] * 40 + [2] * 30 + [0]
    found = told(events_of(bars_of([10.0] * len(stance)), stance=stance), "fed_shift")
    assert found == [False] * 30 + [None] * 40 + [False] * 30 + [True]


def test_a_shift_in_force_from_the_start_is_unknown_once_and_no_later() -> None:
    found = told(events_of(bars_of([10.0] * 4), stance=[0, 0, 2, 0]), "fed_shift")
    assert found == [None, False, False, False]


# Volume


def test_a_volume_spike_is_2_times_or_more_and_in_the_band_up_to_3() -> None:
    ratio = [NAN, 1.999, 2.0, 2.5, 3.0, 3.001, 0.0]
    found = events_of(bars_of([10.0] * 7), relative_volume=ratio)
    assert told(found, "volume_spike") == [None, False, True, True, True, True, False]
    assert told(found, "volume_spike_in_band") == [None, False, True, True, True, False, False]
    assert dict(found["volume_spike"].values) == {"relative_volume": 0.0}


def test_a_spike_at_a_breakout_closes_above_the_highest_high_of_the_20_bars_before() -> None:
    close = [10.0] * 20 + [12.0, 12.5, 12.6, 14.0]
    high = [10.0] * 5 + [12.0] + [10.0] * 14 + [12.0, 13.0, 12.6, 14.5]
    ratio = [1.0] * 20 + [5.0, 2.0, 2.0, 1.9]
    found = events_of(bars_of(close, high=high), relative_volume=ratio)
    # 12.0 equals the highest high before; 12.5 is above it; 12.6 is under yesterday's 13.0; 14.0 has no spike
    assert told(found, "spike_at_breakout") == [False] * 20 + [False, True, False, False]
    assert dict(found["spike_at_breakout"].values) == {"relative_volume": 1.9, "close": 14.0, "highest_high_20": 13.0}


def test_a_spike_before_21_bars_may_be_at_a_breakout_and_unknown_volume_at_anything() -> None:
    ratio = [1.0] * 19 + [2.0, 2.0, NAN]
    found = told(events_of(bars_of([10.0] * 22), relative_volume=ratio), "spike_at_breakout")
    assert found == [False] * 19 + [None, False, None]


def test_a_high_that_is_unknown_hides_20_breakouts() -> None:
    high = [10.0] * 10 + [NAN] + [10.0] * 40
    found = events_of(bars_of([10.0] * 50 + [11.0], high=high), relative_volume=[2.0] * 51)
    assert told(found, "spike_at_breakout") == [None] * 31 + [False] * 19 + [True]


def test_unknown_volume_harms_only_its_windows_and_only_events_of_volume() -> None:
    volume = [100.0] * 25 + [NAN] + [100.0] * 24 + [200.0]
    close = [10.0 + (i % 2) for i in range(51)]
    found, full = events_of(bars_of(close, volume=volume)), events_of(bars_of(close))
    assert told(found, "volume_spike") == [None] * 20 + [False] * 5 + [None] * 21 + [False] * 4 + [True]
    assert told(found, "rsi_dip") == told(full, "rsi_dip")
    assert told(found, "rsi_dip").count(None) == 14


# Rotation days


def alternating(n: int, step: float, last: float) -> list[float]:
    """Return prices whose returns are +step, −step, …, then `last` percent."""
    price = [100.0]
    for i in range(n):
        price.append(price[-1] * (1 + (step if i % 2 == 0 else -step) / 100))
    return [*price, price[-1] * (1 + last / 100)]


@pytest.mark.parametrize(
    ("last", "up", "down"),
    [(2.02, True, False), (1.99, False, False), (-1.99, False, False), (-2.02, False, True)],
)
def test_a_rotation_day_is_beyond_2_standard_deviations_of_the_sessions_before(
    last: float, up: bool, down: bool
) -> None:
    # 252 leads of ±1 have a sample standard deviation of √(252/251) = 1.001990…; today's own lead is not among them
    bars = bars_of(alternating(300, 1.0, last))
    found = events_of(bars, bars_of([50.0] * 302, symbol="B"))
    assert (told(found, "rotation_day_up")[-1], told(found, "rotation_day_down")[-1]) == (up, down)
    values = found["rotation_day_up"].values
    assert values["relative_1_pct"] == pytest.approx(last, abs=1e-9)
    assert values["relative_1_sigmas"] == pytest.approx(last / (252 / 251) ** 0.5, abs=1e-9)
    assert found["rotation_day_up"].definition.startswith("daily return minus B's above +2 standard deviations")


@pytest.mark.parametrize(("factor", "is_up"), [(4.0, False), (4.0 + 2**-10, True)])
def test_exactly_2_standard_deviations_are_not_beyond(factor: float, is_up: bool) -> None:
    # 63 leads of +150, 63 of −150 and one of 0 have a sample variance of 126 · 150² / 126: exact in floats
    mine = [64.0] + [128.0, 64.0] * 63 + [64.0, 64.0 * factor]
    theirs = [64.0] + [32.0, 64.0] * 63 + [64.0, 64.0]
    found = events_of(bars_of(mine), bars_of(theirs, symbol="B"))
    values = found["rotation_day_up"].values
    assert values["relative_1_sigmas"] == 100 * (factor - 1) / 150
    assert told(found, "rotation_day_up")[-1] is is_up
    falls = events_of(bars_of(theirs), bars_of(mine, symbol="B"))
    assert told(falls, "rotation_day_down")[-1] is is_up


def test_rotation_is_known_from_126_leads_before_and_not_without_a_partner() -> None:
    bars = bars_of(alternating(130, 1.0, 9.0))
    found = events_of(bars, bars_of([50.0] * 132, symbol="B"))
    assert told(found, "rotation_day_up") == [None] * 127 + [False] * 4 + [True]
    alone = events_of(bars)
    assert told(alone, "rotation_day_up") == [None] * 132
    assert (alone["rotation_day_up"].last, alone["rotation_day_up"].n) == (None, 0)
    assert np.isnan(alone["rotation_day_up"].share_pct)
    nothing = bars_of([50.0], symbol="B").until(date(2000, 1, 1))
    assert told(events_of(bars, nothing), "rotation_day_up") == [None] * 132


def test_a_session_the_partner_lacks_is_unknown_and_the_next_return_spans_it() -> None:
    close = alternating(299, 1.0, 0.0)
    bars = bars_of(close)
    sessions = [day for i, day in enumerate(days(301)) if i != 299]
    found = events_of(bars, bars_of([50.0] * 300, symbol="B", sessions=sessions))
    assert told(found, "rotation_day_up")[299] is None
    assert found["rotation_day_up"].values["relative_1_pct"] == pytest.approx(100 * (close[300] / close[298] - 1))


def test_a_pair_that_never_parted_has_no_rotation_days_to_speak_of() -> None:
    bars = bars_of([50.0] * 300)
    assert told(events_of(bars, bars_of([20.0] * 300, symbol="B")), "rotation_day_up") == [None] * 300


# Policy days


def test_a_policy_day_is_a_change_of_the_target_and_unknown_10_days_after_the_series_ends() -> None:
    start = date(2015, 12, 10)
    target = {start + timedelta(days=i): 0.25 if i < 7 else 0.5 for i in range(10)}
    bars = bars_of([10.0] * 25, start=start - timedelta(days=2))
    found = events_of(bars, macro=Macro(macro_of("DFEDTARU", target)))
    # unknown before the second value; changed on 17 December; the last value is 10 days old on the 29th
    assert told(found, "policy_day") == [None] * 3 + [False] * 6 + [True] + [False] * 12 + [None] * 3
    assert found["policy_day"].last == date(2015, 12, 17)


def test_the_target_and_the_range_are_one_series() -> None:
    start, changed = date(2008, 12, 1), date(2008, 12, 16)
    target = {day: 1.0 for day in days(15, start)}
    limit = {day: 0.25 for day in days(10, changed)}
    frame = pl.concat([macro_of("DFEDTAR", target), macro_of("DFEDTARU", limit)])
    bars = bars_of([10.0] * 20, start=start)
    found = events_of(bars, macro=Macro(frame))
    assert told(found, "policy_day") == [None] + [False] * 14 + [True] + [False] * 4
    assert dict(found["policy_day"].values) == {"policy_pct": 0.25, "policy_change_pct": 0.0}
    alone = events_of(bars, macro=Macro(macro_of("DFEDTAR", target)))
    assert told(alone, "policy_day") == [None] + [False] * 14 + [None] * 5


def test_the_effective_rate_stands_in_for_the_target_from_the_day_it_is_known() -> None:
    start = date(2015, 12, 10)
    rate = dict(zip(days(8, start), [0.29, 0.43, 0.44, 0.59, 0.75, 0.59, 0.44, 0.44], strict=True))
    found = events_of(bars_of([10.0] * 9, start=start), macro=Macro(macro_of("DFF", rate, lag=1)))
    # changes of 0.14, 0.01, 0.15, 0.16, −0.16, −0.15, 0, each a day later
    assert told(found, "policy_day") == [None, None, False, False, True, True, True, True, False]


def test_the_effective_rate_says_nothing_before_2008_12_16_nor_where_the_target_is_known() -> None:
    old = {day: 1.0 + i for i, day in enumerate(days(8, date(2008, 12, 12)))}
    found = events_of(bars_of([10.0] * 8, start=date(2008, 12, 12)), macro=Macro(macro_of("DFF", old)))
    assert told(found, "policy_day") == [None] * 5 + [True] * 3
    start = date(2019, 9, 12)
    rate = {day: 2.0 + i for i, day in enumerate(days(8, start))}
    frame = pl.concat([macro_of("DFF", rate), macro_of("DFEDTARU", dict.fromkeys(days(8, start), 2.25))])
    assert told(events_of(bars_of([10.0] * 8, start=start), macro=Macro(frame)), "policy_day") == [None] + [False] * 7


def test_policy_is_unknown_from_monthly_data_alone() -> None:
    frame = macro_of("FEDFUNDS", {date(2015, m, 1): float(m) for m in range(1, 13)})
    found = events_of(bars_of([10.0] * 100, start=date(2015, 6, 1)), macro=Macro(frame))
    assert told(found, "policy_day") == [None] * 100


def test_a_target_published_later_does_not_reach_back() -> None:
    start = date(2015, 12, 10)
    target = {day: 0.25 if i < 5 else 0.5 for i, day in enumerate(days(10, start))}
    found = events_of(bars_of([10.0] * 13, start=start), macro=Macro(macro_of("DFEDTARU", target, lag=3)))
    assert told(found, "policy_day") == [None] * 4 + [False] * 4 + [True] + [False] * 4


# Leadership, driver


def test_leadership_changes_where_breadth_says_so_and_is_unknown_where_breadth_is() -> None:
    found = events_of(bars_of([10.0] * 4), breadth=[-1, 0, 2, 2], leadership=[1, 0, 1, 0])
    assert told(found, "leadership_change") == [None, False, True, False]


@pytest.mark.parametrize(
    ("two_year", "spread", "cfnai", "driver"),
    [
        (1.0, 0.99, -0.69, "rates"),
        (1.0, 1.0, 0.0, "undecided"),
        (1.0, 0.0, -0.7, "undecided"),
        (0.99, 1.0, 0.0, "credit or earnings"),
        (0.99, 0.0, -0.7, "credit or earnings"),
        (-3.0, 0.0, sum([-0.6, -0.7, -0.8]) / 3, "credit or earnings"),
        (-3.0, 0.0, sum([-0.69, -0.7, -0.71]) / 3, "credit or earnings"),
        (0.99, 0.99, -0.69, "undecided"),
        (NAN, 2.0, 0.0, None),
        (2.0, NAN, 0.0, None),
        (2.0, 0.0, NAN, None),
    ],
)
def test_what_drives_a_dip(two_year: float, spread: float, cfnai: float, driver: str | None) -> None:
    found = events_of(bars_of([10.0]), two_year=[two_year], spread=[spread], cfnai=[cfnai])
    assert found.driver == driver
    assert found.driver_reason.startswith(f"{driver or 'unknown'}: 2-year's 20-day change ")
    assert found.drivers.last == driver


def test_the_reason_names_the_numbers_and_what_is_unknown() -> None:
    found = events_of(bars_of([10.0]), two_year=[1.44], spread=[NAN], cfnai=[-0.123])
    assert found.driver_reason == (
        "unknown: 2-year's 20-day change +1.4 σ, spread's unknown, CFNAI's 3-month mean -0.12 "
        "(rates from +1 σ, credit or earnings from +1 σ or −0.70)"
    )


# All together


def test_every_event_has_title_definition_and_a_place_in_the_order_of_the_page() -> None:
    found = events_of(bars_of([10.0] * 3), rsi=[40.0] * 3)
    assert list(found.events) == list(found.history) == list(found.known) == list(DEFINITIONS)
    assert list(DEFINITIONS) == [
        "rsi_dip_entered", "rsi_dip", "rsi_dip_left", "fed_shifting_to_cutting", "fed_shift", "volume_spike",
        "volume_spike_in_band", "spike_at_breakout", "rotation_day_up", "rotation_day_down", "policy_day",
        "leadership_change",
    ]  # fmt: skip
    assert all(event.name == name and event.title and event.definition for name, event in found.events.items())


def test_without_macro_data_and_partner_only_events_of_price_and_volume_are_known() -> None:
    found = events_of(bars_of([10.0 + i % 3 for i in range(60)]))
    known = [name for name, event in found.events.items() if event.is_now is not None]
    assert known == ["rsi_dip_entered", "rsi_dip", "rsi_dip_left", "volume_spike", "volume_spike_in_band",
                     "spike_at_breakout"]  # fmt: skip
    assert found.driver is None


def test_arrays_given_are_used_as_if_computed() -> None:
    close = (100 + np.random.default_rng(5).normal(0.05, 1, 400).cumsum()).tolist()
    volume = np.random.default_rng(2).lognormal(0, 1, 400).tolist()
    bars = bars_of(close, volume=volume)
    mean = pd.Series(volume).rolling(20).mean().shift(1)
    given = events_of(bars, rsi=talib.RSI(np.array(close), 14), relative_volume=np.array(volume) / mean.to_numpy())
    for name in ("rsi_dip", "volume_spike", "spike_at_breakout"):
        assert told(given, name) == told(events_of(bars), name)
        assert given[name].n > 0


@pytest.mark.parametrize("name", ["rsi", "relative_volume"])
def test_an_array_of_another_length_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match=f"{name} has 2 rows, must be 3 as in bars"):
        events_of(bars_of([10.0] * 3), **{name: [1.0, 2.0]})


@pytest.mark.parametrize("name", ["sigmas of rates", "cfnai_ma3_history", "stances", "leadership"])
def test_weather_on_other_sessions_is_refused(name: str) -> None:
    bars, longer = bars_of([10.0] * 3), bars_of([10.0] * 4)
    wrong = arrays_of(longer)
    arrays = replace(
        arrays_of(bars), **{name.removesuffix(" of rates"): getattr(wrong, name.removesuffix(" of rates"))}
    )
    with pytest.raises(BadInput, match=f"{name} has 4 rows, must be 3 as in bars"):
        events_of(bars, arrays=arrays)


def test_one_symbol_is_asked_for() -> None:
    two = Bars.from_frame(pl.concat([bars_of([10.0]).frame(), bars_of([10.0], symbol="B").frame()]))
    with pytest.raises(BadInput, match="bars holds 2 symbols, must be one"):
        events_of(two)
    with pytest.raises(BadInput, match="other holds 2 symbols, must be one"):
        events_of(bars_of([10.0]), two)
