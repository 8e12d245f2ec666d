"""Growth: whether activity, jobless claims and payrolls speed up or slow down, by release date.

Each statistic is taken from the values as they stood on its day of publication: a revision changes nothing before it.
A statistic of values that are not of consecutive months or weeks is unknown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeAlias

import numpy as np

from openapex.bars import FloatArray, SessionArray
from openapex.context.causal import UNKNOWN, States, last_of, sides
from openapex.context.macro import Macro, Tail

STATES = ("SLOWING", "STEADY", "ACCELERATING")
MONTH, WEEK = np.timedelta64(1, "M"), np.timedelta64(7, "D")
DECISIVE = 2
"""Votes on one side that make a state, and known votes below which there is none."""

Statistic: TypeAlias = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True, slots=True)
class Indicator:
    """One series that votes: how its level and change come from its last values, and how large a change counts.

    `up` is 1 where more is better, -1 where less is; `period` is the time from one value to the next.
    """

    series: str
    window: int
    period: np.timedelta64
    statistic: Statistic
    limit: float
    up: int

    def tail(self, macro: Macro) -> Tail:
        """Return its windows as they stood; nothing is known of those in which a month or week is missing."""
        tail = macro.tail(self.series, self.window) or Tail.nothing(self.window)
        unit = np.datetime_data(self.period)[0]
        span = tail.reference.astype(f"datetime64[{unit}]") - tail.oldest.astype(f"datetime64[{unit}]")
        has_gap = ~np.isnat(tail.oldest) & (span != (self.window - 1) * self.period)
        return replace(tail, values=np.where(has_gap[:, None], np.nan, tail.values))


def _activity(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the mean of the last 3 months, and minus the mean of the 3 before."""
    level = values[:, 3:].mean(axis=1)
    return level, level - values[:, :3].mean(axis=1)


def _claims(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the mean of the last 4 weeks, and its change in percent against the mean of the 4 that are 13 older."""
    level = values[:, 13:].mean(axis=1)
    return level, 100.0 * (level / values[:, :4].mean(axis=1) - 1.0)


def _payrolls(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the mean monthly change over 3 months, and minus that of the 3 before."""
    level = (values[:, 6] - values[:, 3]) / 3.0
    return level, level - (values[:, 3] - values[:, 0]) / 3.0


INDICATORS: Mapping[str, Indicator] = {
    "cfnai": Indicator("CFNAI", 6, MONTH, _activity, 0.10, 1),
    "claims": Indicator("ICSA", 17, WEEK, _claims, 3.0, -1),
    "payrolls": Indicator("PAYEMS", 7, MONTH, _payrolls, 25.0, 1),
}


@dataclass(frozen=True, slots=True)
class Growth:
    """Growth on a session, by the keys of docs/context.md; NaN and None are unknown.

    `votes` holds 1 (up), 0, -1 (down) or None per indicator, `n_votes` how many are known, `balance` ups minus downs.
    `known_at` and `reference_date` are those of the newest publication shown, `state_since` the first session of the
    state.  `states` and `cfnai_ma3_history` are the histories on all sessions, for other modules.
    """

    cfnai_ma3: float
    cfnai_ma3_change: float
    claims_4w: float
    claims_change_13w_pct: float
    payrolls_3m: float
    payrolls_change_3m: float
    votes: Mapping[str, int | None]
    n_votes: int
    balance: int | None
    state: str | None
    state_since: date | None
    unemployment_pct: float
    recession: bool | None
    known_at: date | None
    reference_date: date | None
    states: States = field(repr=False, compare=False, metadata={"internal": True})
    cfnai_ma3_history: FloatArray = field(repr=False, compare=False, metadata={"internal": True})


def growth(macro: Macro, sessions: SessionArray) -> Growth:
    """Return growth as known at the close of the last session, with its histories.

    Parameters
    ----------
    macro : Macro
        CFNAI, ICSA, PAYEMS, UNRATE and USREC, as far as there are any.
    sessions : array of datetime64[D], shape (n,)
        Strictly increasing.
    """
    found = {name: _on(macro, one, sessions) for name, one in INDICATORS.items()}
    levels = {name: level for name, (level, _, _) in found.items()}
    changes = {name: last_of(change) for name, (_, change, _) in found.items()}
    ballots = np.stack([vote for _, _, vote in found.values()])
    n_votes = np.count_nonzero(~np.isnan(ballots), axis=0)
    balance = np.where(n_votes >= DECISIVE, np.nansum(ballots, axis=0), np.nan)
    states = States(sessions, sides(balance, DECISIVE), STATES)
    votes = {name: _whole(last_of(vote)) for name, vote in zip(found, ballots, strict=True)}
    recession = last_of(macro.on("USREC", sessions[-1:]))
    shown = [macro.standing(name, sessions) for name in (*(one.series for one in INDICATORS.values()), "UNRATE")]
    newest = max((one for one in shown if one), key=lambda one: one.known_at, default=None)
    return Growth(
        cfnai_ma3=last_of(levels["cfnai"]),
        cfnai_ma3_change=changes["cfnai"],
        claims_4w=last_of(levels["claims"]),
        claims_change_13w_pct=changes["claims"],
        payrolls_3m=last_of(levels["payrolls"]),
        payrolls_change_3m=changes["payrolls"],
        votes=votes,
        n_votes=sum(vote is not None for vote in votes.values()),
        balance=_whole(last_of(balance)),
        state=states.last,
        state_since=states.since,
        unemployment_pct=last_of(macro.on("UNRATE", sessions[-1:])),
        recession=None if np.isnan(recession) else recession == 1.0,
        known_at=newest.known_at if newest else None,
        reference_date=newest.reference_date if newest else None,
        states=states,
        cfnai_ma3_history=levels["cfnai"],
    )


def activity_by_month(macro: Macro) -> tuple[SessionArray, FloatArray]:
    """Return the months of CFNAI and its 3-month mean up to each, as it was first published."""
    one = INDICATORS["cfnai"]
    tail = one.tail(macro)
    return tail.reference[tail.is_new], one.statistic(tail.values)[0][tail.is_new]


def _on(macro: Macro, one: Indicator, sessions: SessionArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return level, change and vote (NaN where unknown) of one indicator on every session."""
    tail = one.tail(macro)
    level, change = one.statistic(tail.values)
    codes = sides(change, one.limit)
    vote = np.where(codes == UNKNOWN, np.nan, one.up * (codes - 1.0))
    return tail.on(sessions, level), tail.on(sessions, change), tail.on(sessions, vote)


def _whole(x: float) -> int | None:
    return None if np.isnan(x) else int(x)
