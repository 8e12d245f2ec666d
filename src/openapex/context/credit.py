"""Credit and risk appetite: what investors ask for lending to weak companies, and whether that has become a crunch."""

from dataclasses import dataclass, field
from datetime import date

import numpy as np

from openapex.bars import Bars, FloatArray, SessionArray
from openapex.context.causal import (
    NAN,
    UNKNOWN,
    CodeArray,
    States,
    difference,
    in_sigmas,
    last_day,
    last_of,
    percentile,
    percentiles,
)
from openapex.context.macro import Macro, Tail
from openapex.context.relative import relative_returns

SPREAD = "BAMLH0A0HYM2"
CHANGE = 20
LEAST_SPREADS = 504
"""Spreads below which their percentile, and so the state, is unknown."""
STATES = ("CALM", "STRAINED", "CRUNCH")
CALM, STRAINED, CRUNCH = range(3)


@dataclass(frozen=True, slots=True)
class Credit:
    """Credit on a session, by the keys of docs/context.md; NaN and None are unknown.

    `known_at` and `reference_date` are those of the spread shown, `state_since` the first session of the state,
    `last_confirmed` the last on which stood what begins it (for CALM: what ends STRAINED).
    `states` and `sigmas` are the histories on all sessions, for other modules.
    """

    spread_pct: float
    spread_change_20_pct: float
    spread_percentile: float
    spread_change_20_sigmas: float
    state: str | None
    state_since: date | None
    last_confirmed: date | None
    vix: float
    vix_percentile: float
    hyg_ief_20_pct: float
    history_since: date | None
    known_at: date | None
    reference_date: date | None
    states: States = field(repr=False, compare=False, metadata={"internal": True})
    sigmas: FloatArray = field(repr=False, compare=False, metadata={"internal": True})


def credit(macro: Macro, sessions: SessionArray, pair: tuple[Bars, Bars] | None) -> Credit:
    """Return credit as known at the close of the last session, with its histories.

    Parameters
    ----------
    macro : Macro
        BAMLH0A0HYM2 and VIXCLS, as far as there are any.
    sessions : array of datetime64[D], shape (n,)
        Strictly increasing.
    pair : tuple of Bars or None
        HYG and IEF; their relative return is unknown without them, and where they did not trade on the last session.
    """
    tail = macro.tail(SPREAD, CHANGE + 1) or Tail.nothing(CHANGE + 1)
    change = difference(tail.newest, tail.values[:, 0])
    new = change[tail.is_new]
    in_sd = in_sigmas(new)
    rank = percentiles(tail.newest[tail.is_new], LEAST_SPREADS)
    states = tail.states(sessions, crunches(rank, new), STATES)
    sigmas = tail.on(sessions, tail.carried(in_sd))
    vix = macro.tail("VIXCLS", 1) or Tail.nothing(1)
    shown = macro.standing(SPREAD, sessions)
    return Credit(
        spread_pct=last_of(tail.on(sessions[-1:])),
        spread_change_20_pct=last_of(tail.on(sessions[-1:], change)),
        spread_percentile=last_of(tail.on(sessions[-1:], tail.carried(rank))),
        spread_change_20_sigmas=last_of(sigmas),
        state=states.last,
        state_since=states.since,
        last_confirmed=_last_confirmed(states, tail.on(sessions, tail.carried(rank)), tail.on(sessions, change)),
        vix=last_of(vix.on(sessions[-1:])),
        vix_percentile=percentile(vix.history(sessions, vix.newest)),
        hyg_ief_20_pct=_relative_20_pct(pair, sessions),
        history_since=_history_since(macro, sessions),
        known_at=shown.known_at if shown else None,
        reference_date=shown.reference_date if shown else None,
        states=states,
        sigmas=sigmas,
    )


def crunches(rank: FloatArray, change: FloatArray) -> CodeArray:
    """Return CALM, STRAINED or CRUNCH (0, 1, 2) on every publication, `UNKNOWN` where a part is.

    Parameters
    ----------
    rank : array of float, shape (n,)
        Percentile of the spread in its history so far.
    change : array of float, shape (n,)
        The spread minus that of 20 publications earlier, percentage points.

    Notes
    -----
    CRUNCH begins at a percentile of 90 and a rise of 1.0 and stands until the rise is gone.  STRAINED begins at 80 or a
    rise of 1.0, or when a CRUNCH ends, and stands until below 70 and a rise below 0.5.

    Examples
    --------
    >>> crunches(np.array([50.0, 80.0, 95.0, 75.0, 75.0, 69.0]), np.array([0.0, 0.2, 1.0, 0.1, 0.0, 0.4])).tolist()
    [0, 1, 2, 2, 1, 0]
    """
    out, state = [], CALM
    for p, d in zip(rank.tolist(), change.tolist(), strict=True):
        if p != p or d != d:
            state = CALM
            out.append(UNKNOWN)
            continue
        if (p >= 90 and d >= 1.0) or (state == CRUNCH and d > 0):
            state = CRUNCH
        elif state == CALM:
            state = STRAINED if p >= 80 or d >= 1.0 else CALM
        else:
            state = CALM if p < 70 and d < 0.5 else STRAINED
        out.append(state)
    return np.array(out, dtype=np.int8)


def _last_confirmed(states: States, rank: FloatArray, change: FloatArray) -> date | None:
    if states.last is None:
        return None
    confirms = {
        "CRUNCH": (rank >= 90) & (change >= 1.0),
        "STRAINED": (rank >= 80) | (change >= 1.0),
        "CALM": (rank < 70) & (change < 0.5),
    }
    return last_day(states.sessions[confirms[states.last]])


def _history_since(macro: Macro, sessions: SessionArray) -> date | None:
    """Return the first reference date of the spread known on the last session."""
    if not len(sessions):
        return None
    references, _ = macro.latest(SPREAD, sessions[-1].item())
    return references[0].item() if len(references) else None


def _relative_20_pct(pair: tuple[Bars, Bars] | None, sessions: SessionArray) -> float:
    """Return the 20-session return of one minus the other's, by total return, on the last session if both traded."""
    if pair is None or not len(sessions):
        return NAN
    common, moved = relative_returns(*pair)
    at = int(np.searchsorted(common, sessions[-1]))
    return float(moved[at]) if at < len(common) and common[at] == sessions[-1] else NAN
