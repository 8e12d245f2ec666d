"""Events of the page: each definition by hand, its edges, what is unknown, and that the past never changes."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import polars as pl
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from openapex.bars import Bars
from openapex.context.answer import Answer
from openapex.context.causal import States
from openapex.context.events import DEFINITIONS, PageEvents, page_events
from openapex.context.macro import Macro
from openapex.errors import BadInput

NAN = float("nan")
STANCES, EXPECTS = ("cutting", "on hold", "hiking"), ("cuts", "no change", "hikes")
BREADTHS = ("NARROW", "MIXED", "BROAD")


def days(n: int, start: date = date(2010, 1, 1)) -> list[date]:
    return [start + timedelta(days=i) for i in range(n)]


def bars_of(
    close: list[float],
    *,
    symbol: str = "A",
    start: date = date(2010, 1, 1),
    sessions: list[date] | None = None,
    high: list[float] | None = None,
    volume: list[float] | None = None,
) -> Bars:
    price = pl.Series(close, dtype=pl.Float64)
    frame = pl.DataFrame(
        {
            "symbol": symbol, "session": sessions or days(len(close), start), "open": price,
            "high": price if high is None else pl.Series(high, dtype=pl.Float64), "low": price, "close": price,
            "adj_close": price, "volume": pl.Series(volume or [100.0] * len(close), dtype=pl.Float64),
            "provisional": False,
        }
    )  # fmt: skip
    return Bars.from_frame(frame)


@dataclass
class Arrays:
    """What the events take of rates, credit, growth and breadth, all in one."""

    stances: States
    expectations: States
    sigmas: np.ndarray
    cfnai_ma3_history: np.ndarray
    states: States
    leadership: np.ndarray
    spread: np.ndarray


@dataclass
class Sigmas:
    sigmas: np.ndarray


def arrays_of(bars: Bars, **given: list[float]) -> Arrays:
    n = len(bars)

    def states(name: str, names: tuple[str, ...]) -> States:
        return States(bars.sessions, np.array(given.get(name, [-1] * n), dtype=np.int8), names)

    return Arrays(
        stances=states("stance", STANCES),
        expectations=states("expects", EXPECTS),
        sigmas=np.array(given.get("two_year", [NAN] * n)),
        cfnai_ma3_history=np.array(given.get("cfnai", [NAN] * n)),
        states=states("breadth", BREADTHS),
        leadership=np.array(given.get("leadership", [0] * n), dtype=bool),
        spread=np.array(given.get("spread", [NAN] * n)),
    )


def events_of(
    bars: Bars,
    other: Bars | None = None,
    *,
    macro: Macro | None = None,
    arrays: Arrays | None = None,
    rsi: list[float] | np.ndarray | None = None,
    relative_volume: list[float] | np.ndarray | None = None,
    **given: list[float],
) -> PageEvents:
    around = arrays or arrays_of(bars, **given)
    return page_events(
        bars, other, rates=around, credit=Sigmas(around.spread), growth=around, breadth=around,
        macro=macro or Macro.nothing(),
        rsi=None if rsi is None else np.array(rsi, dtype=float),
        relative_volume=None if relative_volume is None else np.array(relative_volume, dtype=float),
    )  # fmt: skip


def told(found: PageEvents, name: str) -> list[bool | None]:
    """Return yes, no or unknown on every session, and check that the event says the same of the last one."""
    history, known = found.history[name], found.known[name]
    assert not (history & ~known).any()
    answers = [bool(so) if knows else None for so, knows in zip(history, known, strict=True)]
    event = found[name]
    assert event.is_now is answers[-1]
    assert (event.n, event.n_sessions) == (answers.count(True), len(answers) - answers.count(None))
    return answers


def macro_of(series: str, values: dict[date, float], lag: int = 0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "series": [series] * len(values), "reference_date": list(values),
            "known_at": [day + timedelta(days=lag) for day in values], "value": list(values.values()),
        },
        schema={"series": pl.String, "reference_date": pl.Date, "known_at": pl.Date, "value": pl.Float64},
    )  # fmt: skip


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
    rate = dict(zip(days(8, start), [0.30, 0.43, 0.44, 0.59, 0.75, 0.59, 0.44, 0.44], strict=True))
    found = events_of(bars_of([10.0] * 9, start=start), macro=Macro(macro_of("DFF", rate, lag=1)))
    # changes of 0.13, 0.01, 0.15, 0.16, −0.16, −0.15, 0, each a day later
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


# Three values


def test_and_or_not_follow_the_three_valued_tables() -> None:
    values = (True, False, None)
    pairs = [(a, b) for a in values for b in values]

    def answer(column: list[bool | None]) -> Answer:
        return Answer(np.array([v is True for v in column]), np.array([v is not None for v in column]))

    def read(found: Answer) -> list[bool | None]:
        return [bool(so) if knows else None for so, knows in zip(found.is_so, found.known, strict=True)]

    left, right = answer([a for a, _ in pairs]), answer([b for _, b in pairs])
    assert read(left & right) == [True, False, None, False, False, False, None, False, None]
    assert read(left | right) == [True, True, True, True, False, None, True, None, None]
    assert read(~answer(list(values))) == [False, True, None]
    assert read(answer(list(values)).before()) == [None, True, False]


# The past never changes

N = 420


@cache
def world(seed: int) -> tuple[Bars, Bars, Macro, Arrays]:
    rng = np.random.default_rng(seed)

    def walk(symbol: str, keep: np.ndarray) -> Bars:
        close = 100 * np.exp(rng.normal(0, 0.01, N).cumsum())
        volume = rng.lognormal(0, 0.7, N)
        volume[rng.random(N) < 0.01] = NAN
        rows = np.flatnonzero(keep)
        day = [days(N)[i] for i in rows]
        return bars_of(close[rows].tolist(), symbol=symbol, sessions=day, high=(close[rows] * 1.002).tolist(),
                       volume=volume[rows].tolist())  # fmt: skip

    bars, other = walk("A", np.ones(N, dtype=bool)), walk("B", rng.random(N) > 0.05)

    def unknown(x: np.ndarray, mark: float) -> np.ndarray:
        return np.where(rng.random(N) < 0.05, mark, x)

    def runs(n_names: int) -> list[float]:
        return unknown(np.repeat(rng.integers(0, n_names, N // 35 + 1), 35)[:N], -1).tolist()

    arrays = arrays_of(
        bars, stance=runs(3), expects=runs(3), breadth=runs(3), leadership=(rng.random(N) < 0.02).tolist(),
        two_year=unknown(rng.normal(0, 1, N), NAN).tolist(), spread=unknown(rng.normal(0, 1, N), NAN).tolist(),
        cfnai=unknown(rng.normal(-0.5, 0.3, N), NAN).tolist(),
    )  # fmt: skip
    target = np.repeat(rng.integers(0, 4, N // 20 + 1) * 0.25, 20)[:N]
    known = {day: float(rate) for i, (day, rate) in enumerate(zip(days(N), target, strict=True)) if not 150 < i < 190}
    frame = pl.concat(
        [macro_of("DFEDTARU", {d: v for d, v in known.items() if d > date(2010, 4, 1)}), macro_of("DFF", known, lag=1)]
    )
    return bars, other, Macro(frame), arrays


@cache
def whole(seed: int) -> PageEvents:
    bars, other, macro, arrays = world(seed)
    return events_of(bars, other, macro=macro, arrays=arrays)


def cut(arrays: Arrays, bars: Bars) -> Arrays:
    k = len(bars)

    def states(one: States) -> States:
        return States(bars.sessions, one.codes[:k], one.names)

    return Arrays(states(arrays.stances), states(arrays.expectations), arrays.sigmas[:k], arrays.cfnai_ma3_history[:k],
                  states(arrays.states), arrays.leadership[:k], arrays.spread[:k])  # fmt: skip


def assert_starts_with(full: PageEvents, part: PageEvents, k: int) -> None:
    for name in DEFINITIONS:
        assert np.array_equal(full.history[name][:k], part.history[name]), name
        assert np.array_equal(full.known[name][:k], part.known[name]), name
    assert np.array_equal(full.drivers.codes[:k], part.drivers.codes)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 5), st.one_of(st.integers(1, 140), st.integers(141, N - 1)))
def test_the_past_never_changes(seed: int, k: int) -> None:
    bars, other, macro, arrays = world(seed)
    day = bars.sessions[k - 1].item()
    before = bars.until(day)
    part = events_of(before, other.until(day), macro=macro.until(day), arrays=cut(arrays, before))
    assert_starts_with(whole(seed), part, k)


def test_every_event_happens_in_the_worlds_of_these_tests() -> None:
    totals = dict.fromkeys(DEFINITIONS, 0)
    for seed in range(6):
        found = whole(seed)
        totals = {name: n + found[name].n for name, n in totals.items()}
    assert min(totals.values()) > 0, totals


@pytest.mark.parametrize("k", [1, 15, 21, 128, 300, N - 1])
@pytest.mark.parametrize("poison", [NAN, float("inf"), 1e9])
def test_a_poisoned_future_changes_nothing(k: int, poison: float) -> None:
    bars, other, macro, arrays = world(3)
    day = bars.sessions[k - 1].item()

    def poisoned(one: Bars) -> Bars:
        late = one.sessions > np.datetime64(day, "D")
        columns = ("open", "high", "low", "close", "adj_close", "volume")
        return replace(one, **{name: np.where(late, poison, getattr(one, name)) for name in columns})

    late = macro.frame.with_columns(value=pl.when(pl.col("known_at") > day).then(99.0).otherwise(pl.col("value")))
    with np.errstate(all="ignore"):
        found = events_of(poisoned(bars), poisoned(other), macro=Macro(late), arrays=arrays)
    full = whole(3)
    for name in DEFINITIONS:
        assert np.array_equal(found.history[name][:k], full.history[name][:k]), name
        assert np.array_equal(found.known[name][:k], full.known[name][:k]), name


def test_inputs_are_untouched() -> None:
    bars, other, macro, arrays = world(0)
    columns = [bars.close, bars.high, bars.volume, other.adj_close, arrays.sigmas, arrays.leadership,
               arrays.stances.codes]  # fmt: skip
    copies, frame = [column.copy() for column in columns], macro.frame.clone()
    events_of(bars, other, macro=macro, arrays=arrays)
    assert all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(columns, copies, strict=True))
    assert macro.frame.equals(frame)


# Real data


@pytest.mark.realdata
def test_iwm_against_spy_equals_pandas_and_talib(shared_data: Path) -> None:
    frame = pd.read_parquet(shared_data / "etf_daily.parquet").sort_values(["symbol", "date"])
    frame["date"] = pd.to_datetime(frame["date"])
    iwm, spy = (frame[frame.symbol == name].set_index("date") for name in ("IWM", "SPY"))

    def bars(rows: pd.DataFrame) -> Bars:
        rows = rows.reset_index()[["date", "symbol", "open", "high", "low", "close", "adj_close", "volume"]]
        polars = pl.from_pandas(rows).rename({"date": "session"})
        return Bars.from_frame(polars.with_columns(provisional=pl.lit(False)))

    rsi = pd.Series(talib.RSI(iwm.close.to_numpy(dtype=float), 14), iwm.index)
    dip = rsi.between(35, 42)
    ratio = iwm.volume / iwm.volume.rolling(20).mean().shift(1)
    lead = (iwm.adj_close.pct_change() - spy.adj_close.reindex(iwm.index).pct_change()) * 100
    sigmas = lead / lead.rolling(252, min_periods=126).std().shift(1)
    expected = {
        "rsi_dip": dip,
        "rsi_dip_entered": dip & ~dip.shift(1, fill_value=False),
        "rsi_dip_left": ~dip & dip.shift(1, fill_value=False),
        "volume_spike": ratio >= 2,
        "volume_spike_in_band": ratio.between(2, 3),
        "spike_at_breakout": (ratio >= 2) & (iwm.close > iwm.high.rolling(20).max().shift(1)),
        "rotation_day_up": sigmas > 2,
        "rotation_day_down": sigmas < -2,
    }
    mine = bars(iwm)
    found = events_of(mine, bars(spy))
    sessions = iwm.index.to_numpy()
    for name, series in expected.items():
        got = mine.sessions[found.history[name]]
        assert got.astype("datetime64[ns]").tolist() == sessions[series].astype("datetime64[ns]").tolist(), name
        assert found[name].n == int(series.sum()) > 20
    assert found["rsi_dip"].n_sessions == int(rsi.notna().sum())
    assert found["rotation_day_up"].n_sessions == int(sigmas.notna().sum())
    assert found["rotation_day_up"].values["relative_1_sigmas"] == pytest.approx(sigmas.iloc[-1], abs=1e-9)
    # July 2024: cool inflation figures sent small caps ahead on the 11th and for days after
    rotated = {str(day) for day in mine.sessions[found.history["rotation_day_up"]]}
    assert {"2024-07-11", "2024-07-16", "2024-11-06"} <= rotated


@pytest.mark.slow
def test_6500_bars_take_at_most_8_ms_given_rsi_and_relative_volume() -> None:
    rng = np.random.default_rng(0)
    n = 6500
    close = (100 * np.exp(rng.normal(0, 0.01, n).cumsum())).tolist()
    start = date(2000, 6, 1)
    bars, other = bars_of(close, start=start), bars_of(close[::-1], symbol="B", start=start)
    arrays = arrays_of(bars, stance=rng.integers(0, 3, n).tolist(), two_year=rng.normal(0, 1, n).tolist())
    macro = Macro(macro_of("DFEDTARU", {day: 1.0 for day in days(n - 3100, date(2008, 12, 16))}))
    rsi, ratio = rng.uniform(20, 80, n), rng.lognormal(0, 0.5, n)
    events_of(bars, other, macro=macro, arrays=arrays, rsi=rsi, relative_volume=ratio)
    spent = []
    for _ in range(20):
        begin = perf_counter()
        events_of(bars, other, macro=macro, arrays=arrays, rsi=rsi, relative_volume=ratio)
        spent.append(perf_counter() - begin)
    assert min(spent) <= 0.008, f"{1000 * min(spent):.1f} ms"
