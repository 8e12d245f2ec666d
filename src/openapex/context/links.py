"""Links the page claims: the ratio with rate cuts, RSI with the cycle, what followed spikes, dips and regimes; with n.

Each describes the past up to the last session; none is a test or a forecast (docs/context.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

import numpy as np

from openapex.bars import Bars, BoolArray, FloatArray, IntArray, SessionArray
from openapex.context.causal import LEAST, NAN, UNKNOWN, WINDOW, States, difference
from openapex.context.relative import common_rows
from openapex.indicators.rsi import RSI
from openapex.indicators.step import interpreted

CHANGE = 20
"""Sessions of a change, and of what follows an event or a state."""
MONTHS, LEAST_MONTHS = 120, 60
RSI_BARS = 3000
"""Bars that hold 120 months and a year for RSI to forget its start."""
LEAST_EVENTS = 10
ANY = "any"
BESIDE: Mapping[str, tuple[str, ...]] = {
    "rotation": ("rotation_day_up", "rotation_day_down"),
    "policy": ("policy_day",),
}
"""What a volume spike may stand beside, and the events it is made of."""


@dataclass(frozen=True, slots=True)
class ConvictionLink:
    """Correlation of 20-session changes of ratio and rate-cut conviction; `n_independent` of the `n` do not overlap.

    Positive: more cuts priced in went with the symbol ahead.
    """

    correlation: float
    n: int
    n_independent: int


@dataclass(frozen=True, slots=True)
class CycleLink:
    """Correlation of the monthly mean of RSI with CFNAI's 3-month mean, over the same `n` months for both."""

    symbol: float
    benchmark: float
    difference: float
    n: int


@dataclass(frozen=True, slots=True)
class SpikeLink:
    """Share of volume spikes within one session of a rotation or policy day, and that share of all sessions.

    `beside` names the kinds of days that are known: "rotation", "policy".
    """

    share_pct: float
    base_pct: float
    n: int
    n_sessions: int
    beside: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AfterLink:
    """Mean relative return in the 20 sessions after an event, and after all sessions on which it is known."""

    mean_pct: float
    base_pct: float
    n: int
    n_sessions: int


@dataclass(frozen=True, slots=True)
class LeadAfter:
    """Mean relative return in the 20 sessions after each of `n`, of which `n_independent` do not overlap."""

    mean_pct: float
    n: int
    n_independent: int


@dataclass(frozen=True, slots=True)
class Links:
    """What the page says belongs together, as far as it did; NaN and a small n are unknown.

    `spike_breakout` is of volume spikes at breakouts, `dip` of dips entered, `regimes` of each state and of "any".
    """

    conviction: ConvictionLink
    cycle: CycleLink
    spike: SpikeLink
    spike_breakout: AfterLink
    dip: AfterLink
    regimes: Mapping[str, LeadAfter]


class Happened(Protocol):
    """Where each event was so, and where that is known, on the sessions of the bars."""

    @property
    def history(self) -> Mapping[str, BoolArray]:
        """Where it was so."""
        ...

    @property
    def known(self) -> Mapping[str, BoolArray]:
        """Where that is known."""
        ...


def conviction_link(bars: Bars, benchmark: Bars | None, conviction: FloatArray) -> ConvictionLink:
    """Return how the ratio to the benchmark moved with the market's rate-cut conviction in the last 756 sessions.

    Parameters
    ----------
    bars, benchmark : Bars
        One symbol each; None makes it unknown.
    conviction : array of float, shape (n_bars,)
        2-year yield minus policy rate on the sessions of `bars`: the lower, the more cuts are priced in.

    Notes
    -----
    On common sessions: the 20-session relative return and minus the change of `conviction` over the same sessions,
    where both are known; unknown below 252 pairs.
    """
    if benchmark is None:
        return ConvictionLink(NAN, 0, 0)
    rows, lead = _leads(bars, benchmark, WINDOW + CHANGE)
    level = conviction[rows]
    more_cuts = difference(level[:-CHANGE], level[CHANGE:])
    both = ~np.isnan(lead + more_cuts)
    n = int(np.count_nonzero(both))
    return ConvictionLink(correlation(lead[both], more_cuts[both], LEAST), n, n // CHANGE)


def cycle_link(
    bars: Bars, rsi: FloatArray, benchmark: Bars | None, activity: tuple[SessionArray, FloatArray]
) -> CycleLink:
    """Return how the monthly mean of RSI went with CFNAI's 3-month mean in the last 120 months known.

    Parameters
    ----------
    bars : Bars
        One symbol.
    rsi : array of float, shape (n_bars,)
        RSI(14) of `bars`.
    benchmark : Bars or None
        Its RSI is computed here, from its last 3,000 bars.
    activity : tuple of arrays
        Months and CFNAI's 3-month mean of each, as first published.

    Notes
    -----
    A month counts once it is over and if RSI is known on all its sessions; unknown below 60 months.
    """
    series = [_by_month(bars.sessions, rsi), (activity[0].astype("datetime64[M]"), activity[1])]
    if benchmark is not None:
        close = benchmark.close[-RSI_BARS:]
        series.append(_by_month(benchmark.sessions, interpreted(RSI, [close])[0]))
    months, (mine, cycle, *theirs) = _joined(series, bars.sessions[-1].astype("datetime64[M]"))
    of_symbol = correlation(mine, cycle, LEAST_MONTHS)
    of_other = correlation(theirs[0], cycle, LEAST_MONTHS) if theirs else NAN
    return CycleLink(of_symbol, of_other, of_symbol - of_other, len(months))


def _by_month(sessions: SessionArray, values: FloatArray) -> tuple[SessionArray, FloatArray]:
    """Return the months of the last 3,000 sessions but the first, which may be cut, and the mean in each."""
    values = values[-RSI_BARS:]
    months = sessions[-len(values) :].astype("datetime64[M]")
    starts = np.flatnonzero(months[1:] != months[:-1]) + 1
    if not len(starts):
        return months[:0], values[:0]
    counts = np.diff(np.append(starts, len(months)))
    return months[starts], np.add.reduceat(values, starts) / counts


def _joined(
    series: Sequence[tuple[SessionArray, FloatArray]], this_month: np.datetime64
) -> tuple[SessionArray, list[FloatArray]]:
    """Return the last 120 months over on which every one of the series is known, and their values on them."""
    known = [(months[~np.isnan(values)], values[~np.isnan(values)]) for months, values in series]
    shared = reduce(np.intersect1d, (months for months, _ in known))
    shared = shared[shared < this_month][-MONTHS:]
    return shared, [values[np.searchsorted(months, shared)] for months, values in known]


def spike_link(happened: Happened) -> SpikeLink:
    """Return how often volume spikes stood within one session of a rotation or policy day, beside all sessions.

    Notes
    -----
    Sessions count that have one before and one after and on which all of it is known; kinds of days known on fewer than
    252 sessions are left out.  The share is unknown below 10 spikes.
    """
    kinds = {
        name: (
            np.logical_or.reduce([happened.history[event] for event in events]),
            np.logical_and.reduce([happened.known[event] for event in events]),
        )
        for name, events in BESIDE.items()
    }
    beside = tuple(name for name, (_, known) in kinds.items() if np.count_nonzero(known) >= LEAST)
    spike, counts = happened.history["volume_spike"], happened.known["volume_spike"]
    if not beside or len(spike) < 3:
        return SpikeLink(NAN, NAN, 0, 0, ())
    is_day = np.logical_or.reduce([kinds[name][0] for name in beside])
    knows = np.logical_and.reduce([kinds[name][1] for name in beside])
    inner = knows[:-2] & knows[1:-1] & knows[2:] & counts[1:-1]
    near = (is_day[:-2] | is_day[1:-1] | is_day[2:])[inner]
    spikes = near[spike[1:-1][inner]]
    return SpikeLink(_mean(100.0 * spikes, LEAST_EVENTS), _mean(100.0 * near, LEAST), len(spikes), len(near), beside)


def after_link(bars: Bars, benchmark: Bars | None, happened: Happened, event: str) -> AfterLink:
    """Return the mean relative return in the 20 sessions after an event, beside that after all sessions.

    Notes
    -----
    On common sessions; only those count whose 20 sessions are over.  The mean is unknown below 10 events.
    """
    if benchmark is None:
        return AfterLink(NAN, NAN, 0, 0)
    rows, lead = _leads(bars, benchmark)
    is_so, known = (of[event][rows[: len(lead)]] for of in (happened.history, happened.known))
    after, base = lead[is_so], lead[known]
    return AfterLink(_mean(after, LEAST_EVENTS), _mean(base, LEAST), len(after), len(base))


def leads_after(bars: Bars, benchmark: Bars | None, states: States) -> dict[str, LeadAfter]:
    """Return the mean relative return in the 20 sessions after those in each state, and after all known ones ("any").

    Parameters
    ----------
    bars, benchmark : Bars
        One symbol each; None makes it unknown.
    states : States
        On the sessions of `bars`.

    Notes
    -----
    On common sessions; only those count whose 20 sessions are over.  The mean is unknown below 20 sessions.
    """
    lead, codes = np.empty(0), np.empty(0, dtype=np.int8)
    if benchmark is not None:
        rows, lead = _leads(bars, benchmark)
        codes = states.codes[rows[: len(lead)]]
    chosen = {name: lead[codes == code] for code, name in enumerate(states.names)} | {ANY: lead[codes != UNKNOWN]}
    return {name: LeadAfter(_mean(one, CHANGE), len(one), len(one) // CHANGE) for name, one in chosen.items()}


def _leads(bars: Bars, benchmark: Bars, newest: int | None = None) -> tuple[IntArray, FloatArray]:
    """Return the rows of the (`newest`) common sessions, and the relative return in the 20 after each but the last."""
    rows, other = common_rows(bars, benchmark)
    if newest is not None:
        rows, other = rows[-newest:], other[-newest:]
    mine, theirs = bars.adj_close[rows], benchmark.adj_close[other]
    return rows, 100.0 * (mine[CHANGE:] / mine[:-CHANGE] - theirs[CHANGE:] / theirs[:-CHANGE])


def _mean(values: FloatArray, least: int) -> float:
    return float(values.mean()) if len(values) >= least else NAN


def correlation(x: FloatArray, y: FloatArray, least: int) -> float:
    """Return Pearson's correlation of two series without NaN, NaN below `least` pairs or where one did not move.

    Examples
    --------
    >>> round(correlation(np.array([1.0, 2.0, 4.0]), np.array([2.0, 1.0, 0.0]), least=3), 4)
    -0.982
    """
    if len(x) < max(least, 2) or (x == x[0]).all() or (y == y[0]).all():
        return NAN
    x, y = x - x.mean(), y - y.mean()
    return float((x * y).sum() / ((x * x).sum() * (y * y).sum()) ** 0.5)
