"""The table of a scan: one row a symbol, and by name and cause every symbol that has none."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import polars as pl

from openapex.bars import Bars, BoolArray, FloatArray
from openapex.context.panel_stats import panel_stats, ranks
from openapex.desk.bulk import Bulk, ready
from openapex.desk.material import Material
from openapex.desk.prepared import known_by
from openapex.desk.universe import Universe
from openapex.errors import InsufficientHistory, NoData, UnknownSymbol
from openapex.score.model import Model
from openapex.score.panel import Panel, panel
from openapex.signals import SIGNALS, least_bars
from openapex.signals.signal import SignalInputs, SignalName
from openapex.sources.source import ACTION_SCHEMA, BAR_SCHEMA, empty

MAX_AGE_DAYS = 7
"""Days behind the scan's session after which a symbol's last bar is stale."""
BENCHMARK = "SPY"
RANKED = {
    "score_rank": "score", "rsi_rank": "rsi", "relative_volume_rank": "relative_volume", "atr_pct_rank": "atr_pct",
    "ret_20_rank": "ret_20_pct", "relative_20_rank": "relative_20_pct",
}  # fmt: skip
"""Cross-sectional percentiles by the column they rank."""
KNOWN_LATE: tuple[SignalName, ...] = ("sentiment", "fundamentals")


@dataclass(frozen=True, slots=True)
class Refused:
    """A requested symbol without a row: the class of the fault and the sentence."""

    symbol: str
    cause: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """What became of a universe: ``n_requested = table.height + len(refused)``."""

    table: pl.DataFrame
    refused: tuple[Refused, ...]
    n_requested: int
    session: date
    n_bars: int
    is_compiled: bool


def scored(
    parts: Sequence[Bulk],
    asked: Universe | None,
    chosen: Model,
    *,
    as_of: date | None,
    now: datetime,
    keep: int,
    progress: Callable[[str], None],
) -> Scored:
    """Return one row for every symbol that can be scored, and a cause for every one that cannot.

    Raises
    ------
    NoData
        If no symbol can be scored.
    """
    progress("examining")
    bars = _together([ready(part, now, as_of) for part in parts])
    held = {name for part in parts for name in part.bars["symbol"].unique().to_list()}
    later = {name for part in parts for name in part.later}
    failed = {name: error for part in parts for name, error in part.failed.items()}
    names = list(asked.symbols) if asked else sorted({*held, *failed, *later})
    refused = {name: Refused(name, type(error).__name__, str(error)) for name, error in failed.items()}
    refused |= {
        name: Refused(name, UnknownSymbol.__name__, f"{name} is not in this data")
        for name in names
        if name not in refused and name not in held and name not in later
    }
    usable = set(bars.symbols)
    refused |= {
        name: Refused(name, NoData.__name__, f"{name} has no usable bar")
        for name in names
        if name not in refused and name not in usable
    }
    if not len(bars):
        raise NoData(f"none of {len(names)} symbols has a usable bar{f' by {as_of}' if as_of else ''}")
    last = bars.sessions[bars.offsets[1:] - 1]
    session: date = last[np.isin(bars.symbols, names)].max().item() if usable & set(names) else last.max().item()
    progress(f"scoring {len(bars.symbols):,} symbols, {len(bars):,} bars")
    made = panel(
        bars, chosen, _extra(bars, parts, as_of, now), keep=keep, on_compile=lambda what: progress("compiling")
    )
    fresh = last >= np.datetime64(session, "D") - MAX_AGE_DAYS
    known = ~np.all([np.isnan(column) for column in made.scores.values()], axis=0)
    lengths = np.diff(bars.offsets)
    for i, name in enumerate(bars.symbols):
        if not known[i]:
            refused[name] = Refused(
                name, InsufficientHistory.__name__, str(InsufficientHistory(name, int(lengths[i]), least_bars()))
            )
        elif not fresh[i]:
            refused[name] = Refused(name, "Stale", f"{name} ends on {last[i].item()}, the scan stands on {session}")
    row_of = {name: i for i, name in enumerate(bars.symbols)}
    rows = np.array([row_of[name] for name in names if name not in refused], dtype=np.int64)
    if not len(rows):
        raise NoData(f"none of {len(names)} symbols can be scored: {next(iter(refused.values())).reason}")
    table = _table(bars, made, rows, asked.sectors if asked else {})
    return Scored(
        table=table,
        refused=tuple(refused[name] for name in names if name in refused),
        n_requested=len(names),
        session=session,
        n_bars=len(bars),
        is_compiled=made.is_compiled,
    )


def _together(parts: Sequence[Bars]) -> Bars:
    """Return the bars of several parts, whose symbols differ, as one."""
    filled = [part for part in parts if len(part)]
    if len(filled) == 1:
        return filled[0]
    if not filled:
        return Bars.from_frame(pl.DataFrame(schema=BAR_SCHEMA))
    return Bars.from_frame(pl.concat([part.frame() for part in filled]))


def _extra(bars: Bars, parts: Sequence[Bulk], as_of: date | None, now: datetime) -> dict[SignalName, FloatArray]:
    """Return the histories of sentiment and fundamentals, computed for the symbols that have news or facts."""
    extra: dict[SignalName, FloatArray] = {}
    row_of = {name: i for i, name in enumerate(bars.symbols)}
    for part in parts:
        news, facts = _by_symbol(part.headlines), _by_symbol(part.facts)
        for name in dict.fromkeys([*news, *facts]):
            if name not in row_of:
                continue
            first, end = (int(edge) for edge in bars.offsets[row_of[name] : row_of[name] + 2])
            material = Material(
                name, part.source, part.simulated, part.basis, empty(BAR_SCHEMA), empty(ACTION_SCHEMA),
                news.get(name, part.headlines.clear()), facts.get(name, part.facts.clear()),
            )  # fmt: skip
            own = bars.one(name)
            inputs = SignalInputs(own, *known_by(material, own.sessions[-1].item(), as_of, now))
            for signal in KNOWN_LATE:
                extra.setdefault(signal, np.full(len(bars), np.nan))[first:end] = SIGNALS[signal].history(inputs).score
    return extra


def _by_symbol(frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {str(name): rows for (name,), rows in frame.partition_by("symbol", as_dict=True).items()}


def _table(bars: Bars, made: Panel, rows: np.ndarray, sectors: Mapping[str, str]) -> pl.DataFrame:
    """Return the table in the columns of `openapex.screens.COLUMNS`."""
    benchmark = bars.one(BENCHMARK) if BENCHMARK in bars.symbols else None
    stats = panel_stats(bars, made.values["atr"], benchmark)
    numbers: dict[str, FloatArray] = {
        **stats,
        "score": made.score,
        "coverage": made.coverage,
        "percentile": made.percentile,
        **{f"{name}_score": column for name, column in made.scores.items()},
        **{name: made.values[name] for name in ("rsi", "relative_volume", "percent_b")},
    }
    numbers = {name: column[rows] for name, column in numbers.items()}
    numbers |= {rank: ranks(numbers[name]) for rank, name in RANKED.items()}
    names = [bars.symbols[i] for i in rows.tolist()]
    return pl.DataFrame(
        {
            "symbol": pl.Series(names, dtype=pl.String),
            "session": bars.sessions[bars.offsets[1:] - 1][rows],
            "verdict": pl.Series([made.verdicts[i] for i in rows.tolist()], dtype=pl.String),
            "n_bars": np.diff(bars.offsets)[rows],
            "sector": pl.Series([sectors.get(name) for name in names], dtype=pl.String),
            "events": pl.Series(_events(made.events, rows), dtype=pl.List(pl.String)),
            **{name: pl.Series(column).fill_nan(None) for name, column in numbers.items()},
        }
    )


def _events(events: Mapping[str, BoolArray], rows: np.ndarray) -> list[list[str]]:
    """Return for each row the names of the events of its last bars, the newest first."""
    found: list[list[tuple[int, str]]] = [[] for _ in rows]
    for name, flags in events.items():
        own = flags[rows]
        for i in np.flatnonzero(own.any(axis=1)).tolist():
            found[i].append((int(np.flatnonzero(own[i])[-1]), name))
    return [[name for _, name in sorted(each, key=lambda one: (-one[0], one[1]))] for each in found]
