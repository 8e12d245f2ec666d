"""Did it work?  The past hits of a screen and what came after them, beside what came after everything else."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import reduce
from operator import and_
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from openapex.bars import Bars, BoolArray, FloatArray, IntArray
from openapex.desk.bulk import bulk, data_path
from openapex.desk.days import day
from openapex.desk.frames import Columns
from openapex.desk.history_table import Past, Source, past
from openapex.desk.plain import plain
from openapex.desk.ready import ready
from openapex.desk.scan import NOT_COMPILED, asked_universe
from openapex.desk.scan_table import late_scores, together
from openapex.desk.universe import BENCHMARK
from openapex.errors import BadInput, NoData
from openapex.score.model import model as scoring_model
from openapex.screens import Expression, parsed
from openapex.screens import preset as named_preset

HORIZONS = (5, 20, 60)
ENTRY = "next open"
NOT_INDEPENDENT = (
    "overlapping hits, and hits of one day, are not independent: n_apart counts those that do not overlap; "
    "no interval is given yet"
)
SURVIVORS = "the universe is today's list: what was delisted is missing, so every return here is too good"
SPLIT_CLOSE = "close is adjusted for later splits too: a price limit in the past is not the price that was quoted"


@dataclass(frozen=True, slots=True)
class After:
    """What came after the hits over one horizon; returns in percent, NaN where there is none.

    Parameters
    ----------
    horizon : int
        Sessions held: from the open after the hit to the close of the `horizon`-th session after it.
    n, n_apart : int
        Hits whose horizon has passed, and how many of them do not overlap within their symbol.
    mean_pct, median_pct, positive_share : float
        Their total returns.
    base_n, base_mean_pct, base_median_pct, base_positive_share : int, float
        The same of every scored bar of the universe in the span.
    matched_mean_pct : float
        The universe's mean return from the same sessions, each session weighed by its hits.
    difference_pct : float
        ``mean_pct - matched_mean_pct``, percentage points.
    """

    horizon: int
    n: int
    n_apart: int
    mean_pct: float
    median_pct: float
    positive_share: float
    base_n: int
    base_mean_pct: float
    base_median_pct: float
    base_positive_share: float
    matched_mean_pct: float
    difference_pct: float


@dataclass(frozen=True, slots=True, eq=False)
class HitsReport:
    """The past hits of a screen.

    Parameters
    ----------
    where : str
        The whole condition, the preset's included.
    start, end : date
        First and last session looked at.
    is_pit : bool
        True if the universe is that of each day; False if it is today's.
    n_bars : int
        Scored bars in the span: where the condition could have been true.
    n_hits, n_entries, n_symbols : int
        Where it was true; how many of these follow a bar of their symbol on which it was not; symbols among them.
    n_sessions, n_hit_sessions : int
        Sessions with a scored bar, and those of them with a hit.
    after : tuple of After
        One for each horizon.
    newest : polars.DataFrame
        The last hits, newest first.
    """

    universe: str
    model: str
    where: str
    preset: str | None
    simulated: bool
    is_pit: bool
    start: date
    end: date
    n_universe: int
    n_bars: int
    n_hits: int
    n_entries: int
    n_symbols: int
    n_sessions: int
    n_hit_sessions: int
    after: tuple[After, ...]
    newest: pl.DataFrame
    source: str
    seconds: float
    warnings: tuple[str, ...]

    @property
    def share_of_sessions(self) -> float:
        """Share of the sessions that have at least one hit, 0 to 1."""
        return self.n_hit_sessions / self.n_sessions

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; unknown numbers are None, dates ISO text."""
        return {
            "universe": self.universe,
            "model": self.model,
            "where": self.where,
            "preset": self.preset,
            "simulated": self.simulated,
            "is_pit": self.is_pit,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "entry": ENTRY,
            "universe_symbols": self.n_universe,
            "bars": self.n_bars,
            "hits": self.n_hits,
            "entries": self.n_entries,
            "symbols": self.n_symbols,
            "sessions": self.n_sessions,
            "hit_sessions": self.n_hit_sessions,
            "share_of_sessions": self.share_of_sessions,
            "after": plain(self.after),
            "newest": [plain(row) for row in self.newest.iter_rows(named=True)],
            "source": self.source,
            "seconds": round(self.seconds, 3),
            "warnings": list(self.warnings),
        }


def history(
    universe: "str | Sequence[str] | None" = None,
    *,
    data: "str | Path | Columns | None" = None,
    source: str | None = None,
    where: str | None = None,
    preset: str | None = None,
    start: "date | str | None" = None,
    as_of: "date | str | None" = None,
    model: str = "apex",
    horizons: Sequence[int] = HORIZONS,
    now: datetime | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> HitsReport:
    """Return every past hit of a screen, and what came after.

    Parameters
    ----------
    universe, data, source, where, preset, as_of, model, now, progress
        As in `openapex.desk.scan.scan`; a condition or a preset is needed.
    start : date or ISO text, optional
        First session of a hit; by default the first scored one.
    horizons : sequence of int, default `HORIZONS`
        Sessions held.

    Raises
    ------
    BadInput
        If an argument breaks its rule, or there is no condition.
    NoData
        If no bar of the span can be scored.

    Notes
    -----
    A hit is known at the close of its session and looks at nothing later.  The return begins at the next session's
    open (its close where the open is unknown) and counts the symbol's own sessions.  A break of scale restarts a
    symbol's history (docs/data-quality.md), so hits before it are not told.
    """
    begin = time.perf_counter()
    now, cut, first, chosen = now or datetime.now(UTC), day(as_of), day(start, "start"), scoring_model(model)
    condition = _condition(where, preset)
    for horizon in horizons:
        if horizon < 1:
            raise BadInput(f"horizon is {horizon}, must be at least 1")
    asked = asked_universe(universe)
    wanted = None if asked is None else list(dict.fromkeys((*asked.symbols, BENCHMARK)))
    progress("reading")
    path = data_path(data)
    parts = bulk(wanted, source=source, data=path, as_of=cut, now=now, progress=progress)
    bars = together([ready(part, now).bars for part in parts])
    made = past(Source(bars, chosen, late_scores(bars, parts, cut, now), asked), condition, progress)
    in_span = np.ones(len(bars), bool) if first is None else bars.sessions >= np.datetime64(first, "D")
    scored = made.is_scored & in_span
    if not scored.any():
        raise NoData(f"no bar of {asked.name if asked else 'the data'} can be scored" + _since(first, cut))
    hits = np.flatnonzero(made.is_hit & in_span)
    days = bars.sessions[scored]
    return HitsReport(
        universe=asked.name if asked else "all",
        model=chosen.name,
        where=condition.text,
        preset=preset,
        simulated=any(part.simulated for part in parts),
        is_pit=False,
        start=days.min().item(),
        end=days.max().item(),
        n_universe=_n_symbols(bars, np.flatnonzero(scored)),
        n_bars=int(scored.sum()),
        n_hits=len(hits),
        n_entries=int((entries(made.is_hit, bars.offsets) & in_span).sum()),
        n_symbols=_n_symbols(bars, hits),
        n_sessions=len(np.unique(days)),
        n_hit_sessions=len(np.unique(bars.sessions[hits])),
        after=tuple(after(bars, scored, hits, horizon) for horizon in horizons),
        newest=made.newest.filter(pl.col("session") >= first) if first else made.newest,
        source=", ".join(dict.fromkeys(part.source for part in parts)),
        seconds=time.perf_counter() - begin,
        warnings=_warnings(condition, made),
    )


def entries(is_hit: BoolArray, offsets: IntArray) -> BoolArray:
    """Return the hits that begin a run: on their symbol's bar before, the condition was not true."""
    before = np.concatenate([[False], is_hit[:-1]])
    before[offsets[:-1][offsets[:-1] < len(before)]] = False
    begins: BoolArray = is_hit & ~before
    return begins


def forward_returns(bars: Bars, horizon: int) -> FloatArray:
    """Return the total return in percent from the open after each bar to the close `horizon` bars after it.

    Returns
    -------
    array of float, shape (n_bars,)
        NaN where the horizon has not passed or a price is unknown.
    """
    out = np.full(len(bars), np.nan)
    ends = np.repeat(bars.offsets[1:], np.diff(bars.offsets))
    rows = np.flatnonzero(np.arange(len(bars)) + horizon < ends)
    opening = bars.open[rows + 1] / bars.close[rows + 1]
    opening[~(opening > 0)] = 1.0
    out[rows] = 100 * (bars.adj_close[rows + horizon] / (bars.adj_close[rows + 1] * opening) - 1)
    return out


def after(bars: Bars, scored: BoolArray, hits: IntArray, horizon: int) -> After:
    """Return what came after some bars, beside all scored ones and those of the same sessions.

    Parameters
    ----------
    bars : Bars
        The universe.
    scored : array of bool, shape (n_bars,)
        The bars that a hit could have been.
    hits : array of int
        Rows of the hits, rising.
    horizon : int
        Sessions held.
    """
    returns = forward_returns(bars, horizon)
    base = np.flatnonzero(scored & ~np.isnan(returns))
    chosen = hits[~np.isnan(returns[hits])]
    days = (bars.sessions - bars.sessions.min()).astype(np.int64)
    n_days = int(days.max()) + 1
    sums, counts = np.bincount(days[base], returns[base], n_days), np.bincount(days[base], minlength=n_days)
    matched = sums[days[chosen]] / np.maximum(counts[days[chosen]], 1)
    own, whole = returns[chosen], returns[base]
    mean, market = _mean(own), _mean(matched)
    return After(
        horizon, len(chosen), len(apart(chosen, bars.offsets, horizon)), mean, _median(own), _mean(own > 0),
        len(base), _mean(whole), _median(whole), _mean(whole > 0), market, mean - market,
    )  # fmt: skip


def apart(rows: IntArray, offsets: IntArray, horizon: int) -> list[int]:
    """Return the rows, first come first served, that stand at least `horizon` bars apart within their symbol.

    Examples
    --------
    >>> apart(np.array([0, 2, 5, 6, 9]), np.array([0, 8, 12]), 5)
    [0, 5, 9]
    """
    kept: list[int] = []
    owners = np.searchsorted(offsets, rows, side="right").tolist()
    free, last = 0, -1
    for row, owner in zip(rows.tolist(), owners, strict=True):
        if owner != last or row >= free:
            kept.append(row)
            free, last = row + horizon, owner
    return kept


def _condition(where: str | None, preset_name: str | None) -> Expression:
    tests = [named_preset(preset_name).where] if preset_name is not None else []
    tests += [parsed(where)] if where else []
    if not tests:
        raise BadInput("where is missing, must be a condition or a preset: the history of a screen needs a screen")
    return reduce(and_, tests)


def _since(first: date | None, cut: date | None) -> str:
    return (f" from {first}" if first else "") + (f" up to {cut}" if cut else "")


def _n_symbols(bars: Bars, rows: IntArray) -> int:
    return len(np.unique(np.searchsorted(bars.offsets, rows, side="right")))


def _mean(values: "FloatArray | BoolArray") -> float:
    return float(values.mean()) if len(values) else float("nan")


def _median(values: FloatArray) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def _warnings(condition: Expression, made: Past) -> tuple[str, ...]:
    found = [SURVIVORS, NOT_INDEPENDENT]
    if "close" in condition.names:
        found.append(SPLIT_CLOSE)
    return tuple(found if made.is_compiled else [*found, NOT_COMPILED])
