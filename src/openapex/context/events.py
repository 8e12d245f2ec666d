"""Events of the page: yes, no or unknown on every session, with definition, count and the numbers of today."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Protocol

import numpy as np

from openapex.bars import Bars, BoolArray, FloatArray, SessionArray
from openapex.context.answer import Answer, shifted
from openapex.context.causal import NAN, UNKNOWN, CodeArray, States, trailing_mean_and_std
from openapex.context.macro import Macro
from openapex.context.rates import RANGE_SINCE
from openapex.errors import BadInput
from openapex.indicators.relative_volume import RELATIVE_VOLUME
from openapex.indicators.rsi import RSI
from openapex.indicators.step import interpreted

DIP = (35.0, 42.0)
SPIKE, BAND = 2.0, 3.0
BREAKOUT_BARS = 20
ROTATION_WINDOW, ROTATION_LEAST, ROTATION_SIGMAS = 252, 126, 2.0
QUIET = 60
"""Known sessions without a shift after which one is the first."""
EFFECTIVE_MOVE_PCT = 0.15
"""A day's move of the effective rate that is a decision: since the target is a range it moves little by itself."""
DRIVER_SIGMAS, WEAK_ACTIVITY = 1.0, -0.7
DRIVERS = ("rates", "credit or earnings", "undecided")

DEFINITIONS: Mapping[str, tuple[str, str]] = {
    "rsi_dip_entered": ("RSI dip entered", "first session with RSI(14) in 35–42"),
    "rsi_dip": ("RSI dip", "RSI(14) in 35–42"),
    "rsi_dip_left": ("RSI dip left", "first session after one with RSI(14) in 35–42"),
    "fed_shifting_to_cutting": (
        "Fed shifting to cutting",
        "the Fed is cutting, or on hold while the market expects cuts",
    ),
    "fed_shift": ("Fed shift", "first session of the Fed shifting to cutting after 60 known ones that were not"),
    "volume_spike": ("Volume spike", "volume 2 times or more the mean of the 20 bars before"),
    "volume_spike_in_band": ("Volume spike 2–3×", "volume 2 to 3 times the mean of the 20 bars before"),
    "spike_at_breakout": (
        "Spike at breakout",
        "volume spike, and a close above the highest high of the 20 bars before",
    ),
    "rotation_day_up": (
        "Rotation day up",
        "daily return minus {other}'s above +2 standard deviations of the 252 sessions before",
    ),
    "rotation_day_down": (
        "Rotation day down",
        "daily return minus {other}'s below −2 standard deviations of the 252 sessions before",
    ),
    "policy_day": (
        "Policy day",
        "the Fed's target changed from the session before, or without it the effective rate by 0.15 or more",
    ),
    "leadership_change": (
        "Leadership change",
        "first BROAD session after a run of 20 or more NARROW ones with no BROAD between",
    ),
}
"""Title and definition of every event, in the order of the page."""


class RateArrays(Protocol):
    """What the events need of the rates: two states and the 2-year's 20-day change in sigmas, on the bars' sessions."""

    @property
    def stances(self) -> States:
        """Cutting, on hold, hiking."""
        ...

    @property
    def expectations(self) -> States:
        """Cuts, no change, hikes."""
        ...

    @property
    def sigmas(self) -> FloatArray:
        """The 2-year's 20-day change in sigmas."""
        ...


class CreditArrays(Protocol):
    """What the events need of credit."""

    @property
    def sigmas(self) -> FloatArray:
        """The spread's 20-day change in sigmas."""
        ...


class GrowthArrays(Protocol):
    """What the events need of growth."""

    @property
    def cfnai_ma3_history(self) -> FloatArray:
        """CFNAI's 3-month mean as it stood on each session."""
        ...


class BreadthArrays(Protocol):
    """What the events need of breadth."""

    @property
    def leadership(self) -> BoolArray:
        """Where leadership changed."""
        ...

    @property
    def states(self) -> States:
        """NARROW, MIXED, BROAD; leadership is unknown where they are."""
        ...


@dataclass(frozen=True, slots=True)
class PageEvent:
    """One event on the last session and in the history behind it.

    Parameters
    ----------
    name, title, definition : str
        Key, words for people, and what exactly is asked.
    is_now : bool or None
        The answer on the last session; None is unknown.
    last : date or None
        The last session on which it was so.
    n, n_sessions : int
        Sessions on which it was so, of those on which it is known.
    share_pct : float
        `n` in percent of `n_sessions`; NaN when none is known.
    values : mapping of str to float
        The numbers behind the answer on the last session; NaN is unknown.
    """

    name: str
    title: str
    definition: str
    is_now: bool | None
    last: date | None
    n: int
    n_sessions: int
    share_pct: float
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PageEvents:
    """Every event of the page by name, and what drives a dip.

    Parameters
    ----------
    events : mapping of str to PageEvent
        The names of `DEFINITIONS`, in their order.
    driver : str or None
        One of `DRIVERS` on the last session, dip or not; None is unknown.
    driver_reason : str
        The numbers that decide, in one sentence.
    history, known : mapping of str to array of bool, shape (n_bars,)
        Where each event was so, and where that is known; never so where unknown.
    drivers : States
        `driver` on every session.
    """

    events: Mapping[str, PageEvent]
    driver: str | None
    driver_reason: str
    history: Mapping[str, BoolArray] = field(repr=False, compare=False, metadata={"internal": True})
    known: Mapping[str, BoolArray] = field(repr=False, compare=False, metadata={"internal": True})
    drivers: States = field(repr=False, compare=False, metadata={"internal": True})

    def __getitem__(self, name: str) -> PageEvent:
        return self.events[name]


def page_events(  # noqa: PLR0913  two of them only hand over what the caller has computed already
    bars: Bars,
    other: Bars | None,
    *,
    rates: RateArrays,
    credit: CreditArrays,
    growth: GrowthArrays,
    breadth: BreadthArrays,
    macro: Macro,
    rsi: FloatArray | None = None,
    relative_volume: FloatArray | None = None,
) -> PageEvents:
    """Return every event of the page, each known at the close of its session.

    Parameters
    ----------
    bars : Bars
        One symbol, at least one bar.
    other : Bars or None
        The benchmark (for the benchmark itself its rival) that rotation days compare with; None leaves them unknown.
    rates, credit, growth, breadth
        Their arrays and states on `bars.sessions`.
    macro : Macro
        For the policy rate: DFEDTARU, DFEDTAR, DFF.
    rsi, relative_volume : array of float, shape (n_bars,), optional
        RSI(14) and relative volume (20) of `bars` where the caller has them already.

    Raises
    ------
    BadInput
        If `bars` does not hold exactly one symbol, `other` more than one, or an array has another length.

    Notes
    -----
    Where today's RSI or volume is unknown, so is every event made of it.  A change of policy stands on the first
    session on which it is known: of the target the day it takes effect, of the effective rate the business day after
    that.  1.5 ms on 6,500 bars with RSI and relative volume given.
    """
    if len(bars.symbols) != 1:
        raise BadInput(f"bars holds {len(bars.symbols)} symbols, must be one")
    if other is not None and len(other.symbols) > 1:
        raise BadInput(f"other holds {len(other.symbols)} symbols, must be one")
    rsi = interpreted(RSI, [bars.close])[0] if rsi is None else rsi
    if relative_volume is None:
        relative_volume = interpreted(RELATIVE_VOLUME, [bars.volume])[0]
    _require_length(bars, rsi, relative_volume, rates, credit, growth, breadth)
    answers, values = _of_price(bars, rsi, relative_volume)
    for more, numbers in (_of_rotation(bars, other), _of_policy(macro, bars.sessions), _of_weather(rates, breadth)):
        answers |= more
        values |= numbers
    partner = other.symbols[0] if other is not None and other.symbols else "the benchmark"
    parts = (rates.sigmas, credit.sigmas, growth.cfnai_ma3_history)
    drivers = States(bars.sessions, _drivers(*parts), DRIVERS)
    return PageEvents(
        events=MappingProxyType(
            {name: _event(name, answers[name], values.get(name, {}), bars.sessions, partner) for name in DEFINITIONS}
        ),
        driver=drivers.last,
        driver_reason=_driver_reason(drivers.last, *(float(part[-1]) for part in parts)),
        history=MappingProxyType({name: answers[name].is_so for name in DEFINITIONS}),
        known=MappingProxyType({name: answers[name].known for name in DEFINITIONS}),
        drivers=drivers,
    )


_Found = tuple[dict[str, Answer], dict[str, dict[str, float]]]
"""Answers, and the numbers behind them on the last session, by the event's name."""


def _of_price(bars: Bars, rsi: FloatArray, ratio: FloatArray) -> _Found:
    dip = Answer.of((rsi >= DIP[0]) & (rsi <= DIP[1]), rsi)
    spike = Answer.of(ratio >= SPIKE, ratio)
    high = _highest_before(bars.high, BREAKOUT_BARS)
    answers = {
        "rsi_dip_entered": (dip & ~dip.before()).given(rsi),
        "rsi_dip": dip,
        "rsi_dip_left": (dip.before() & ~dip).given(rsi),
        "volume_spike": spike,
        "volume_spike_in_band": Answer.of((ratio >= SPIKE) & (ratio <= BAND), ratio),
        "spike_at_breakout": (spike & Answer.of(bars.close > high, bars.close, high)).given(ratio),
    }
    index, volume = {"rsi": float(rsi[-1])}, {"relative_volume": float(ratio[-1])}
    values = {name: index if name.startswith("rsi") else volume for name in answers}
    breakout = {"close": float(bars.close[-1]), "highest_high_20": float(high[-1])}
    return answers, values | {"spike_at_breakout": volume | breakout}


def _highest_before(high: FloatArray, window: int) -> FloatArray:
    """Return the highest of the `window` bars before each; NaN where one of them is unknown."""
    out = np.full(len(high), NAN)
    if len(high) > window:
        out[window:] = np.lib.stride_tricks.sliding_window_view(high[:-1], window).max(axis=1)
    return out


def _of_rotation(bars: Bars, other: Bars | None) -> _Found:
    lead, spread = np.full(len(bars), NAN), np.full(len(bars), NAN)
    if other is not None and len(other):
        _, mine, theirs = np.intersect1d(bars.sessions, other.sessions, assume_unique=True, return_indices=True)
        lead[mine] = 100.0 * (_returns(bars.adj_close[mine]) - _returns(other.adj_close[theirs]))
        _, deviation = trailing_mean_and_std(lead[mine], ROTATION_WINDOW, ROTATION_LEAST)
        spread[mine] = shifted(np.where(deviation > 0, deviation, NAN), NAN)
    sigmas = lead / spread
    answers = {
        "rotation_day_up": Answer.of(sigmas > ROTATION_SIGMAS, sigmas),
        "rotation_day_down": Answer.of(sigmas < -ROTATION_SIGMAS, sigmas),
    }
    values = {"relative_1_pct": float(lead[-1]), "relative_1_sigmas": float(sigmas[-1])}
    return answers, {name: values for name in answers}


def _returns(price: FloatArray) -> FloatArray:
    return price / shifted(price, NAN) - 1.0


def _of_policy(macro: Macro, sessions: SessionArray) -> _Found:
    """Answer from the target where it is known on two sessions in a row, elsewhere from the effective rate."""
    upper, single = _standing(macro, "DFEDTARU", sessions), _standing(macro, "DFEDTAR", sessions)
    target = np.where(np.isnan(upper) & (sessions < RANGE_SINCE), single, upper)
    effective = _standing(macro, "DFF", sessions, since=RANGE_SINCE)
    change, moved = _change(target), _change(effective)
    is_so = np.where(np.isnan(change), np.abs(moved) >= EFFECTIVE_MOVE_PCT, change != 0.0)
    change = np.where(np.isnan(change), moved, change)
    rate = target[-1] if not np.isnan(target[-1]) else effective[-1]
    values = {"policy_pct": float(rate), "policy_change_pct": float(change[-1])}
    return {"policy_day": Answer.of(is_so, change)}, {"policy_day": values}


def _standing(macro: Macro, series: str, sessions: SessionArray, since: np.datetime64 | None = None) -> FloatArray:
    """Return the newest value known on each session, about a day not before `since`; NaN where there is none."""
    tail = macro.tail(series, 1)
    if tail is None:
        return np.full(len(sessions), NAN)
    return tail.on(sessions, None if since is None else np.where(tail.reference >= since, tail.newest, NAN))


def _change(x: FloatArray) -> FloatArray:
    """Return the change since the session before, rates having two decimals (1.90 − 1.75 is not 0.15 in floats)."""
    return np.round(x - shifted(x, NAN), 6)


def _of_weather(rates: RateArrays, breadth: BreadthArrays) -> _Found:
    is_cutting, is_holding = _is(rates.stances, "cutting"), _is(rates.stances, "on hold")
    shifting = is_cutting | (is_holding & _is(rates.expectations, "cuts"))
    has_breadth = breadth.states.codes >= 0
    answers = {
        "fed_shifting_to_cutting": shifting,
        "fed_shift": shifting.first_after(QUIET),
        "leadership_change": Answer(breadth.leadership & has_breadth, has_breadth),
    }
    return answers, {}


def _is(states: States, name: str) -> Answer:
    return Answer(states.is_(name), states.codes >= 0)


def _drivers(two_year: FloatArray, spread: FloatArray, activity: FloatArray) -> CodeArray:
    by_rates = two_year >= DRIVER_SIGMAS
    by_credit = (spread >= DRIVER_SIGMAS) | (np.round(activity, 9) <= WEAK_ACTIVITY)
    codes = np.where(by_rates == by_credit, 2, np.where(by_rates, 0, 1))
    return np.where(np.isnan(two_year + spread + activity), UNKNOWN, codes).astype(np.int8)


def _driver_reason(driver: str | None, two_year: float, spread: float, activity: float) -> str:
    parts = (
        ("2-year's 20-day change", two_year, f"{two_year:+.1f} σ"),
        ("spread's", spread, f"{spread:+.1f} σ"),
        ("CFNAI's 3-month mean", activity, f"{activity:+.2f}"),
    )
    told = ", ".join(f"{name} {'unknown' if np.isnan(value) else text}" for name, value, text in parts)
    return f"{driver or 'unknown'}: {told} (rates from +1 σ, credit or earnings from +1 σ or −0.70)"


def _event(name: str, answer: Answer, values: Mapping[str, float], sessions: SessionArray, partner: str) -> PageEvent:
    title, definition = DEFINITIONS[name]
    rows, n_known = np.flatnonzero(answer.is_so), int(np.count_nonzero(answer.known))
    return PageEvent(
        name=name,
        title=title,
        definition=definition.format(other=partner),
        is_now=bool(answer.is_so[-1]) if answer.known[-1] else None,
        last=sessions[rows[-1]].item() if len(rows) else None,
        n=len(rows),
        n_sessions=n_known,
        share_pct=100.0 * len(rows) / n_known if n_known else NAN,
        values=MappingProxyType(dict(values)),
    )


def _require_length(
    bars: Bars,
    rsi: FloatArray,
    relative_volume: FloatArray,
    rates: RateArrays,
    credit: CreditArrays,
    growth: GrowthArrays,
    breadth: BreadthArrays,
) -> None:
    lengths = {
        "rsi": len(rsi), "relative_volume": len(relative_volume), "stances": len(rates.stances.codes),
        "expectations": len(rates.expectations.codes), "sigmas of rates": len(rates.sigmas),
        "sigmas of credit": len(credit.sigmas), "cfnai_ma3_history": len(growth.cfnai_ma3_history),
        "leadership": len(breadth.leadership), "states of breadth": len(breadth.states.codes),
    }  # fmt: skip
    for name, n in lengths.items():
        if n != len(bars):
            raise BadInput(f"{name} has {n} rows, must be {len(bars)} as in bars")
