"""Breadth: do small caps keep up with the few large ones, and how many stocks take part (docs/context.md)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from openapex.bars import Bars, BoolArray, FloatArray, SessionArray
from openapex.context.causal import (
    NAN,
    UNKNOWN,
    CodeArray,
    States,
    held,
    in_sigmas,
    last_day,
    percentile,
    rows_known,
    trailing_mean_and_std,
)
from openapex.context.macro import SERIES, Macro
from openapex.context.relative import name_of, relative_returns
from openapex.context.universe import Universe

STATES = ("NARROW", "MIXED", "BROAD")
NARROW, BROAD = 0, 2
ENTER = 1.0
DRAMATIC_PERCENTILE = 95.0
NARROW_RUN = 20
"""NARROW sessions in a row that a change of leadership ends."""
MAX_AGE_DAYS = 7
"""Days for which the pair's numbers stand where it did not trade."""
SHARES_ABOVE_200 = {"S5TH": "S&P 500 stocks", "MMTH": "US stocks"}
"""Series of shares above the 200-session mean, the first fresh one counts, and what each counts."""
NYSE = "NYSE issues"


@dataclass(frozen=True, slots=True)
class Counts:
    """What one set of stocks or issues did by the session; NaN and None are what nobody counted of it."""

    universe: str
    n_stocks: int | None = None
    share_above_50_pct: float = NAN
    share_above_200_pct: float = NAN
    advancers: int | None = None
    decliners: int | None = None
    advance_decline_pct: float = NAN
    new_highs: int | None = None
    new_lows: int | None = None


@dataclass(frozen=True, slots=True)
class Breadth:
    """Breadth on one session; the keys are defined in docs/context.md, NaN and None are unknown.

    Parameters
    ----------
    small, large : str or None
        The pair that is compared; None without bars.
    session : date or None
        Session of the pair that its numbers stand on: the newest at or before the last one asked for.
    state_since : date or None
        First session of the pair in today's state, without interruption.
    last_confirmed : date or None
        Last session on which the lead was a σ or more in the state's direction; None for MIXED, which has none.
    advancers, decliners, new_highs, new_lows : int or None
        Both of a pair are of one day.
    counts : tuple of Counts
        Every set that is known, on its own: published ones first, the stored stocks last.
    universe : str or None
        What the shares count: the stored stocks where there are enough, else the first published set.  Advancers and
        decliners count the same stocks if these are stored, else NYSE issues, as `new_highs` and `new_lows` always do.
    states : States
        The state on every session asked for.
    leadership : array of bool
        The changes of leadership on the sessions asked for; one on a day that is none of them stands on the next.
    """

    small: str | None
    large: str | None
    session: date | None = None
    relative_20_pct: float = NAN
    relative_20_sigmas: float = NAN
    relative_20_percentile: float = NAN
    threshold_pct: float = NAN
    state: str | None = None
    state_since: date | None = None
    last_confirmed: date | None = None
    is_dramatic: bool | None = None
    leadership_change: bool | None = None
    last_leadership_change: date | None = None
    share_above_50_pct: float = NAN
    share_above_200_pct: float = NAN
    advancers: int | None = None
    decliners: int | None = None
    advance_decline_pct: float = NAN
    new_highs: int | None = None
    new_lows: int | None = None
    universe: str | None = None
    n_stocks: int | None = None
    counts: tuple[Counts, ...] = ()
    states: States = field(kw_only=True, repr=False, compare=False, metadata={"internal": True})
    leadership: BoolArray = field(kw_only=True, repr=False, compare=False, metadata={"internal": True})

    @property
    def told(self) -> Counts | None:
        """The set whose share above the 200-session mean is told in one line: a published one, else the stored."""
        return next((one for one in self.counts if not math.isnan(one.share_above_200_pct)), None)


def breadth(
    small: Bars | None, large: Bars | None, macro: Macro, sessions: SessionArray, universe: Universe | None = None
) -> Breadth:
    """Return the breadth on the last of `sessions`, and its state on all of them.

    Parameters
    ----------
    small, large : Bars or None
        One symbol each: IWM and QQQ; None where there are none.
    macro : Macro
        Market breadth series, used where known: S5TH or MMTH, ADV, DECL, MAHN, MALN.
    sessions : array of datetime64[D]
        Strictly increasing.
    universe : Universe or None
        What the stored symbols did on the last session; None where they are too few.

    Returns
    -------
    Breadth

    Raises
    ------
    BadInput
        If either of the pair holds several symbols.
    """
    days, lead = _lead(small, large)
    until = int(rows_known(days, sessions[-1:])[0]) + 1 if len(sessions) else 0
    days, lead = days[:until], lead[:until]
    sigmas = in_sigmas(lead)
    pair = States(days, held(sigmas, ENTER), STATES)
    states = pair.on(sessions, MAX_AGE_DAYS)
    changes = days[leadership_changes(pair.codes)]
    leadership = _carried(changes, sessions)
    return Breadth(
        small=(name_of(small) or None) if small is not None else None,
        large=(name_of(large) or None) if large is not None else None,
        **_pair(pair, lead, sigmas, sessions),
        leadership_change=None if states.last is None else bool(leadership[-1]),
        last_leadership_change=last_day(changes),
        **_counted(tuple(_counts(macro, sessions[-1:], universe))),
        states=states,
        leadership=leadership,
    )


def _lead(small: Bars | None, large: Bars | None) -> tuple[SessionArray, FloatArray]:
    if small is None or large is None:
        return np.empty(0, dtype="datetime64[D]"), np.empty(0)
    return relative_returns(small, large)


def _pair(pair: States, lead: FloatArray, sigmas: FloatArray, sessions: SessionArray) -> dict[str, Any]:
    """Return the pair's numbers on its last day, nothing if that is too old."""
    if not len(lead) or (sessions[-1] - pair.sessions[-1]).astype(np.int64) > MAX_AGE_DAYS:
        return {}
    rank = percentile(np.abs(lead))
    return {
        "session": pair.sessions[-1].item(),
        "relative_20_pct": float(lead[-1]),
        "relative_20_sigmas": float(sigmas[-1]),
        "relative_20_percentile": percentile(lead),
        "threshold_pct": float(trailing_mean_and_std(lead)[1][-1]),
        "state": pair.last,
        "state_since": pair.since,
        "last_confirmed": _last_confirmed(pair, sigmas),
        "is_dramatic": None if rank != rank else rank >= DRAMATIC_PERCENTILE,
    }


def _last_confirmed(pair: States, sigmas: FloatArray) -> date | None:
    if pair.last not in ("NARROW", "BROAD"):
        return None
    return last_day(pair.sessions[np.abs(sigmas) >= ENTER])  # the other direction would have changed the state


def leadership_changes(codes: CodeArray) -> BoolArray:
    """Return the first BROAD sessions after a long NARROW run, whatever MIXED lay between; the unknown forgets."""
    out, run, is_armed = [], 0, False
    for code in codes.tolist():
        out.append(code == BROAD and is_armed)
        run = run + 1 if code == NARROW else 0
        is_armed = (is_armed or run >= NARROW_RUN) and code not in (BROAD, UNKNOWN)
    return np.array(out, dtype=np.bool_)


def _carried(days: SessionArray, sessions: SessionArray) -> BoolArray:
    """Return the sessions on which something that happened on `days` is first known; before the first is forgotten."""
    out = np.zeros(len(sessions), dtype=np.bool_)
    at = np.searchsorted(sessions, days)
    at, days = at[at < len(sessions)], days[at < len(sessions)]
    out[at[days >= sessions[:1]]] = True
    return out


def _counts(macro: Macro, today: SessionArray, universe: Universe | None) -> Iterator[Counts]:
    """Yield what is known of each set; two counts that belong together are of one day."""
    if len(today):
        for series, name in SHARES_ABOVE_200.items():
            share = float(macro.on(series, today)[0])
            if not np.isnan(share):
                yield Counts(name, share_above_200_pct=share)
        up, down = _of_one_day(macro, "ADV", "DECL", today)
        highs, lows = (_count(value) for value in _of_one_day(macro, "MAHN", "MALN", today))
        if not np.isnan(up) or highs is not None:
            yield Counts(
                NYSE, advancers=_count(up), decliners=_count(down), advance_decline_pct=_balance(up, down),
                new_highs=highs, new_lows=lows,
            )  # fmt: skip
    if universe is not None:
        yield Counts(
            universe.name,
            universe.n_stocks,
            universe.share_above_50_pct,
            universe.share_above_200_pct,
            universe.advancers,
            universe.decliners,
            _balance(universe.advancers, universe.decliners),
        )


def _counted(counts: tuple[Counts, ...]) -> dict[str, Any]:
    """Return each number once: of the stored stocks where they are counted, else of the first set that has it."""
    found: dict[str, Any] = {"counts": counts}
    stored = [one for one in counts if one.n_stocks is not None]
    shares = stored or [one for one in counts if one.share_above_200_pct == one.share_above_200_pct]
    moves = stored or [one for one in counts if one.advancers is not None]
    extremes = [one for one in counts if one.new_highs is not None]
    for sets, names in (
        (extremes, ("new_highs", "new_lows")),
        (moves, ("advancers", "decliners", "advance_decline_pct", "universe")),
        (shares, ("share_above_50_pct", "share_above_200_pct", "universe", "n_stocks")),
    ):
        found |= {name: getattr(one, name) for one in sets[:1] for name in names}
    return found


def _of_one_day(macro: Macro, one: str, other: str, today: SessionArray) -> tuple[float, float]:
    """Return the values of two series on the newest day that both are about, NaN where that is none or too old."""
    oldest = (today[0] - min(SERIES[name].max_age_days for name in (one, other))).item()
    days, values = macro.latest(one, today[0].item(), since=oldest)
    other_days, other_values = macro.latest(other, today[0].item(), since=oldest)
    _, at, other_at = np.intersect1d(days, other_days, assume_unique=True, return_indices=True)
    return (float(values[at[-1]]), float(other_values[other_at[-1]])) if len(at) else (NAN, NAN)


def _count(value: float) -> int | None:
    return None if value != value else round(value)


def _balance(advancers: float, decliners: float) -> float:
    moved = advancers + decliners
    return 100.0 * (advancers - decliners) / moved if moved > 0 else NAN
