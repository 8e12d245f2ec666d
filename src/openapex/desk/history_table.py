"""The table of a scan for every past session at once: which rows a condition would have selected, and which it could.

A universe is worked through some symbols at a time, and of each only the columns that the condition names are made.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from openapex.bars import FIELDS, Bars, BoolArray, FloatArray
from openapex.context.stats_history import STATS, stats_history
from openapex.desk.scan_table import RANKED, TABLE_SCHEMA
from openapex.desk.universe import BENCHMARK, Universe
from openapex.score.model import Model
from openapex.score.panel_history import (
    VALUE_SIGNALS,
    ScoreHistory,
    event_history,
    percentile_history,
    score_history,
    value_history,
    verdict_history,
)
from openapex.screens import Expression
from openapex.signals.signal import SignalName

PART_BARS = 200_000
"""Bars worked on at a time: all columns of such a part take some 100 MB."""
N_NEWEST = 10
ALWAYS = ("symbol", "session", "close", "score", "verdict")
"""Columns of the newest hits, beside those that the condition names."""


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """Rows of a universe's bars, shape (n_bars,): those with a score, those selected; and the newest of these."""

    is_scored: BoolArray
    is_hit: BoolArray
    newest: pl.DataFrame
    is_compiled: bool


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What the past is made of.

    Parameters
    ----------
    bars : Bars
        The universe, and the benchmark.
    model : Model
    extra : mapping of signal name to array, shape (n_bars,)
        Histories of sentiment and fundamentals.
    asked : Universe or None
        Whose symbols count; None is all of them.
    """

    bars: Bars
    model: Model
    extra: Mapping[SignalName, FloatArray]
    asked: Universe | None


def past(source: Source, condition: Expression, progress: Callable[[str], None] = lambda text: None) -> Past:
    """Return which bars a condition would have selected on their day.

    Notes
    -----
    Ranks are among the symbols with a scored bar on the session; everything else is the symbol's own up to its bar.
    """
    n = len(source.bars)
    is_scored, is_hit = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    ranks = _ranks(source, [name for name in condition.names if name in RANKED], progress)
    names = [*ALWAYS, *(name for name in condition.names if name not in ALWAYS)]
    newest: list[pl.DataFrame] = []
    is_compiled = True
    for part, rows in _parts(source.bars):
        progress(f"looking back at {part.symbols[0]} to {part.symbols[-1]}")
        made = _scores(source, part, rows, progress)
        is_scored[rows] = made.is_scored & _is_asked(source, part)
        table = table_of(source, part, made, [name for name in names if name not in RANKED])
        table = table.with_columns(pl.Series(name, ranks[name][rows]) for name in ranks)
        table = table.with_columns(_row=pl.int_range(rows.start, rows.stop, dtype=pl.Int64))
        hits = condition.filter(table.filter(pl.Series(is_scored[rows])))
        is_hit[hits["_row"].to_numpy()] = True
        newest.append(_newest(hits.select(names)))
        is_compiled &= made.is_compiled
    return Past(is_scored, is_hit, _newest(pl.concat(newest)), is_compiled)


def table_of(source: Source, part: Bars, made: ScoreHistory, names: Collection[str]) -> pl.DataFrame:
    """Return columns of a scan, all but ranks, on every bar of some symbols."""
    lengths = np.diff(part.offsets)
    wanted = [name for name in names if name in VALUE_SIGNALS]
    values = value_history(part, [*wanted, "atr"] if "atr_pct" in names else wanted)
    stats = stats_history(part, [name for name in names if name in STATS], _benchmark(source.bars))
    symbols = pl.Series(part.symbols, dtype=pl.String)
    sectors = source.asked.sectors if source.asked else {}
    of_symbol = np.repeat(np.arange(len(part.symbols)), lengths)
    make: dict[str, Callable[[], pl.Series | FloatArray]] = {
        "symbol": lambda: symbols.gather(of_symbol),
        "session": lambda: pl.Series(part.sessions),
        "close": lambda: part.close,
        "score": lambda: made.score,
        "coverage": lambda: made.coverage,
        "verdict": lambda: verdict_history(made.score, made.coverage, source.model),
        "percentile": lambda: percentile_history(made.score, made.coverage, part.offsets, source.model),
        "atr_pct": lambda: 100 * values["atr"] / part.close,
        "n_bars": lambda: pl.Series(np.arange(len(part)) - np.repeat(part.offsets[:-1], lengths) + 1),
        "sector": lambda: pl.Series([sectors.get(name) for name in part.symbols], dtype=pl.String).gather(of_symbol),
        "events": lambda: event_history(part),
    }
    columns = {name: _column(name, part, made, values, stats, make) for name in names}
    return pl.DataFrame(
        {
            name: pl.Series(column).fill_nan(None) if isinstance(column, np.ndarray) else column
            for name, column in columns.items()
        },
        schema_overrides={name: kind for name, kind in TABLE_SCHEMA.items() if name in columns},
    )


def _column(
    name: str,
    part: Bars,
    made: ScoreHistory,
    values: Mapping[str, FloatArray],
    stats: Mapping[str, FloatArray],
    make: Mapping[str, Callable[[], pl.Series | FloatArray]],
) -> pl.Series | FloatArray:
    if name in make:
        return make[name]()
    if name in stats:
        return stats[name]
    if name in values:
        return values[name]
    scores: Mapping[str, FloatArray] = {str(signal): column for signal, column in made.scores.items()}
    missing: FloatArray = np.full(len(part), np.nan)
    return scores.get(name.removesuffix("_score"), missing)


def _ranks(source: Source, names: Collection[str], progress: Callable[[str], None]) -> dict[str, pl.Series]:
    """Return cross-sectional percentiles on every bar, each among the scored symbols of its session."""
    if not names:
        return {}
    columns = {RANKED[name]: np.full(len(source.bars), np.nan) for name in names}
    for part, rows in _parts(source.bars):
        progress(f"ranking {part.symbols[0]} to {part.symbols[-1]}")
        made = _scores(source, part, rows, progress)
        counts = pl.Series(made.is_scored & _is_asked(source, part))
        table = table_of(source, part, made, list(columns))
        for name, column in columns.items():
            column[rows] = table.select(pl.when(counts).then(name)).to_series().fill_null(float("nan")).to_numpy()
    days = pl.Series("session", source.bars.sessions)
    out = {}
    for name in names:
        frame = pl.DataFrame({"session": days, "x": pl.Series(columns[RANKED[name]]).fill_nan(None)})
        place = pl.col("x").rank("average").over("session") - 0.5  # lower ones, and half of the equal ones
        out[name] = frame.select(100.0 * place / pl.col("x").count().over("session")).to_series()
    return out


def _scores(source: Source, part: Bars, rows: slice, progress: Callable[[str], None]) -> ScoreHistory:
    extra = {name: column[rows] for name, column in source.extra.items()}
    return score_history(part, source.model, extra, on_compile=lambda what: progress("compiling, once"))


def _is_asked(source: Source, part: Bars) -> BoolArray:
    if source.asked is None:
        return np.ones(len(part), dtype=np.bool_)
    wanted = set(source.asked.symbols)
    return np.repeat(np.array([name in wanted for name in part.symbols]), np.diff(part.offsets))


def _benchmark(bars: Bars) -> Bars | None:
    return bars.one(BENCHMARK) if BENCHMARK in bars.symbols else None


def _newest(hits: pl.DataFrame) -> pl.DataFrame:
    return hits.sort("session", "symbol", descending=[True, False]).head(N_NEWEST)


def _parts(bars: Bars) -> Iterator[tuple[Bars, slice]]:
    """Yield the bars of some symbols at a time, as views, and their rows."""
    begin = 0
    while begin < len(bars.symbols):
        most = bars.offsets[begin] + PART_BARS
        stop = max(begin + 1, int(np.searchsorted(bars.offsets, most, side="right")) - 1)
        rows = slice(int(bars.offsets[begin]), int(bars.offsets[stop]))
        columns = {name: getattr(bars, name)[rows] for name in (*FIELDS, "sessions", "provisional")}
        yield Bars(bars.symbols[begin:stop], bars.offsets[begin : stop + 1] - rows.start, **columns), rows
        begin = stop
