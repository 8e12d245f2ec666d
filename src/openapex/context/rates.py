"""Rates: where the 2-year yield goes, what the Fed does, and what the market expects of it.

Statistics of the 2-year are taken over its publications, one per new reference date; a session shows what stood at its
close.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from openapex.bars import FloatArray, SessionArray
from openapex.context.causal import States, difference, held, in_sigmas, last_day, last_of, percentile, sides
from openapex.context.macro import Macro, Tail

ENTER = 1.0
CHANGE = 20
"""Publications looked back on for a change: about a month."""
POLICY_DAYS = 91
RANGE_SINCE = np.datetime64("2008-12-16", "D")
"""The Fed's target is a range from here on; before it is one rate."""
HALF_RANGE_PCT = 0.125
"""Middle of the range below its upper limit: it is a quarter wide."""
STANCE_PCT = 0.10
EXPECTS_PCT = 0.25
STATES = ("FALLING", "STEADY", "RISING")
STANCES = ("cutting", "on hold", "hiking")
EXPECTATIONS = ("cuts", "no change", "hikes")


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates on a session, by the keys of docs/context.md; NaN and None are unknown.

    `known_at` and `reference_date` are those of the 2-year yield shown, `state_since` the first session of the state,
    `last_confirmed` the last on which a change of a σ or more stood in its direction (None for STEADY, which has none).
    The other fields are the histories on all sessions, for other modules.
    """

    two_year_pct: float
    ten_year_pct: float
    curve_pct: float
    two_year_change_20_pct: float
    two_year_change_20_sigmas: float
    two_year_change_20_percentile: float
    state: str | None
    state_since: date | None
    last_confirmed: date | None
    policy_pct: float
    policy_series: str | None
    policy_change_91d_pct: float
    stance: str | None
    conviction_pct: float
    conviction_percentile: float
    expects: str | None
    known_at: date | None
    reference_date: date | None
    states: States = field(repr=False, compare=False, metadata={"internal": True})
    stances: States = field(repr=False, compare=False, metadata={"internal": True})
    expectations: States = field(repr=False, compare=False, metadata={"internal": True})
    sigmas: FloatArray = field(repr=False, compare=False, metadata={"internal": True})
    conviction: FloatArray = field(repr=False, compare=False, metadata={"internal": True})


def rates(macro: Macro, sessions: SessionArray) -> Rates:
    """Return rates as known at the close of the last session, with their histories.

    Parameters
    ----------
    macro : Macro
        DGS2, DGS10, T10Y2Y and a policy rate (DFF, DFEDTARU and DFEDTAR, or FEDFUNDS), as far as there are any.
    sessions : array of datetime64[D], shape (n,)
        Strictly increasing.

    Notes
    -----
    On each session the policy rate is the first of effective rate, target (the middle of its range) and monthly mean
    that is fresh on it, and its change is that of the same one, so that no step between two passes for one of the Fed.
    """
    tail = macro.tail("DGS2", CHANGE + 1) or Tail.nothing(CHANGE + 1)
    change = difference(tail.newest, tail.values[:, 0])
    in_sd = in_sigmas(change[tail.is_new])
    states = tail.states(sessions, held(in_sd, ENTER), STATES)
    sigmas = tail.on(sessions, tail.carried(in_sd))
    policy, policy_change, series = _policy(macro, sessions)
    conviction = difference(tail.on(sessions), policy)
    stances = States(sessions, sides(policy_change, STANCE_PCT), STANCES)
    expectations = States(sessions, sides(conviction, EXPECTS_PCT), EXPECTATIONS)
    shown = macro.standing("DGS2", sessions)
    return Rates(
        two_year_pct=last_of(tail.on(sessions[-1:])),
        ten_year_pct=last_of(macro.on("DGS10", sessions[-1:])),
        curve_pct=last_of(macro.on("T10Y2Y", sessions[-1:])),
        two_year_change_20_pct=last_of(tail.on(sessions[-1:], change)),
        two_year_change_20_sigmas=last_of(sigmas),
        two_year_change_20_percentile=percentile(tail.history(sessions, change)),
        state=states.last,
        state_since=states.since,
        last_confirmed=_last_confirmed(states, sigmas),
        policy_pct=last_of(policy),
        policy_series=series,
        policy_change_91d_pct=last_of(policy_change),
        stance=stances.last,
        conviction_pct=last_of(conviction),
        conviction_percentile=percentile(conviction),
        expects=expectations.last,
        known_at=shown.known_at if shown else None,
        reference_date=shown.reference_date if shown else None,
        states=states,
        stances=stances,
        expectations=expectations,
        sigmas=sigmas,
        conviction=conviction,
    )


def _last_confirmed(states: States, sigmas: FloatArray) -> date | None:
    if states.last not in ("FALLING", "RISING"):
        return None
    toward = sigmas if states.last == "RISING" else -sigmas
    return last_day(states.sessions[toward >= ENTER])


def _policy(macro: Macro, sessions: SessionArray) -> tuple[FloatArray, FloatArray, str | None]:
    """Return policy rate and its change since 91 days before on every session, and the series on the last."""
    policy = change = np.full(len(sessions), np.nan)
    shown = None
    for name, rate in reversed(tuple(_POLICY_RATES.items())):
        level = rate(macro, sessions)
        is_fresh = ~np.isnan(level)
        if not is_fresh.any():
            continue
        policy = np.where(is_fresh, level, policy)
        change = np.where(is_fresh, difference(level, rate(macro, sessions - POLICY_DAYS)), change)
        shown = name if is_fresh[-1] else shown
    if shown == "target":
        shown = target_series(macro, sessions)
    return policy, change, shown


def target_series(macro: Macro, sessions: SessionArray) -> str:
    """Return which series says the Fed's target on the last session, or would."""
    last = sessions[-1:]
    is_range = not np.isnan(macro.on("DFEDTARU", last)).all() or (last >= RANGE_SINCE).all()
    return "DFEDTARU" if is_range else "DFEDTAR"


def _target(macro: Macro, sessions: SessionArray) -> FloatArray:
    """Return the Fed's target, from 2008-12-16 the middle of its range."""
    middle = difference(macro.on("DFEDTARU", sessions), np.array(HALF_RANGE_PCT))
    if "DFEDTAR" not in macro:
        return middle
    single = np.where(sessions < RANGE_SINCE, macro.on("DFEDTAR", sessions), np.nan)
    return np.where(np.isnan(middle), single, middle)


_POLICY_RATES: Mapping[str, Callable[[Macro, SessionArray], FloatArray]] = {
    "DFF": lambda macro, sessions: macro.on("DFF", sessions),
    "target": _target,
    "FEDFUNDS": lambda macro, sessions: macro.on("FEDFUNDS", sessions),
}
"""The policy rate, best first: the first that is fresh on a session stands on it."""
