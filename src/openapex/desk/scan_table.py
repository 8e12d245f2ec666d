"""The table of a scan: one row a symbol, and by name and cause every symbol that has none."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl

from openapex.bars import Bars, BoolArray, FloatArray, IntArray
from openapex.context.panel_stats import panel_stats, ranks
from openapex.desk.bulk import Bulk
from openapex.desk.material import Material
from openapex.desk.prepared import known_by
from openapex.desk.ready import ready
from openapex.desk.universe import BENCHMARK, Universe
from openapex.errors import InsufficientHistory, NoData, UnknownSymbol
from openapex.score.model import Model
from openapex.score.panel import Panel, panel
from openapex.screens import COLUMNS
from openapex.signals import SIGNALS, least_bars
from openapex.signals.signal import SignalInputs, SignalName
from openapex.sources.source import ACTION_SCHEMA, BAR_SCHEMA, empty

MAX_AGE_DAYS = 7
"""Days behind the scan's session after which a symbol's last bar is stale."""
RANKED = {
    "score_rank": "score", "rsi_rank": "rsi", "relative_volume_rank": "relative_volume", "atr_pct_rank": "atr_pct",
    "ret_20_rank": "ret_20_pct", "relative_20_rank": "relative_20_pct",
}  # fmt: skip
"""Cross-sectional percentiles by the column they rank."""
_TYPES = {"text": pl.String(), "date": pl.Date(), "list of text": pl.List(pl.String()), "number": pl.Float64()}
TABLE_SCHEMA = pl.Schema(
    {
        name: pl.Int64() if name == "n_bars" else _TYPES[column.kind]
        for name, column in COLUMNS.items()
        if name not in RANKED
    }
)
"""Columns of a part's table: those of a scan without the ranks."""
ADVICE = """  apex scan --data PATH        your own CSV or Parquet file, or a folder
  apex import PATH             keep such files in the store
  apex scan --source demo      the embedded simulated market"""
KNOWN_LATE: tuple[SignalName, ...] = ("sentiment", "fundamentals")


@dataclass(frozen=True, slots=True)
class Refused:
    """A requested symbol without a row: the class of the fault and the sentence."""

    symbol: str
    cause: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What one part of a universe gave: a table without what needs the whole (ranks, staleness), and who has no row."""

    table: pl.DataFrame
    refused: Mapping[str, Refused]
    held: frozenset[str]
    n_bars: int
    n_quarantined: int
    is_compiled: bool


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """The rows of a universe in parts, where they come from, and what scored them."""

    rows: tuple[Rows, ...]
    source: str
    version: str | None
    simulated: bool
    engine: str = "local"


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """What became of a universe: ``n_requested = table.height + len(refused)``."""

    table: pl.DataFrame
    refused: tuple[Refused, ...]
    n_requested: int
    session: date
    n_bars: int
    n_quarantined: int
    is_compiled: bool


def rows_of(
    parts: Sequence[Bulk],
    asked: Universe | None,
    chosen: Model,
    *,
    as_of: date | None,
    now: datetime,
    keep: int,
    progress: Callable[[str], None],
) -> Rows:
    """Return one row for every symbol of some parts that can be scored, and a cause for every one that cannot.

    A symbol's row depends on its own bars and the benchmark's alone, so a universe may be split.
    """
    progress("examining")
    made_ready = [ready(part, now) for part in parts]
    bars = together([one.bars for one in made_ready])
    n_quarantined = sum(one.n_quarantined for one in made_ready)
    held = {name for one in made_ready for name in one.symbols} | {name for part in parts for name in part.later}
    refused = {
        name: Refused(name, type(error).__name__, str(error)) for part in parts for name, error in part.failed.items()
    }
    refused |= {name: Refused(name, NoData.__name__, f"{name} has no usable bar") for name in held - set(bars.symbols)}
    if not len(bars):
        return Rows(pl.DataFrame(schema=TABLE_SCHEMA), refused, frozenset(held | set(refused)), 0, n_quarantined, True)
    progress(f"scoring {len(bars.symbols):,} symbols, {len(bars):,} bars")
    extra = late_scores(bars, parts, as_of, now)
    made = panel(bars, chosen, extra, keep=keep, on_compile=lambda what: progress("compiling, once"))
    known = ~np.all([np.isnan(column) for column in made.scores.values()], axis=0)
    lengths = np.diff(bars.offsets)
    for i in np.flatnonzero(~known).tolist():
        error = InsufficientHistory(bars.symbols[i], int(lengths[i]), least_bars())
        refused[bars.symbols[i]] = Refused(bars.symbols[i], type(error).__name__, str(error))
    wanted = None if asked is None else set(asked.symbols)
    rows = [i for i in np.flatnonzero(known).tolist() if wanted is None or bars.symbols[i] in wanted]
    table = _table(bars, made, np.array(rows, dtype=np.int64), asked.sectors if asked else {})
    return Rows(table, refused, frozenset(held | set(refused)), len(bars), n_quarantined, made.is_compiled)


def scored(parts: Sequence[Rows], asked: Universe | None) -> Scored:
    """Return the whole table of a universe: stale symbols left out by name, ranks over the rest.

    Raises
    ------
    NoData
        If no symbol can be scored.
    """
    held = {name for part in parts for name in part.held}
    names = list(asked.symbols) if asked else sorted(held)
    refused = {name: one for part in parts for name, one in part.refused.items()}
    refused |= {
        name: Refused(name, UnknownSymbol.__name__, f"{name} is not in this data") for name in names if name not in held
    }
    table = pl.concat([part.table for part in parts]) if parts else pl.DataFrame(schema=TABLE_SCHEMA)
    if not names:
        raise NoData(f"there is nothing to scan here. Try one of:\n{ADVICE}")
    if table.is_empty():
        why = f": {next(iter(refused.values())).reason}" if refused else ""
        raise NoData(f"none of {len(names)} symbols can be scored{why}")
    session: date = table["session"].max()  # type: ignore[assignment]
    is_fresh = table["session"] >= session - timedelta(days=MAX_AGE_DAYS)
    if not is_fresh.all():
        for name, last in table.filter(~is_fresh).select("symbol", "session").iter_rows():
            refused[name] = Refused(name, "Stale", f"{name} ends on {last}, the scan stands on {session}")
        table = table.filter(is_fresh)
    place = {name: i for i, name in enumerate(names)}
    places = [place[name] for name in table["symbol"]]
    if any(after < before for before, after in pairwise(places)):
        table = table[np.argsort(places)]
    numbers = table.select(pl.col(list(RANKED.values())).fill_null(float("nan")))
    return Scored(
        table=table.hstack(
            pl.DataFrame({rank: ranks(numbers[name].to_numpy()) for rank, name in RANKED.items()}).fill_nan(None)
        ),
        refused=tuple(refused[name] for name in names if name in refused),
        n_requested=len(names),
        session=session,
        n_bars=sum(part.n_bars for part in parts),
        n_quarantined=sum(part.n_quarantined for part in parts),
        is_compiled=all(part.is_compiled for part in parts),
    )


def together(parts: Sequence[Bars]) -> Bars:
    """Return the bars of several parts, whose symbols differ, as one."""
    filled = [part for part in parts if len(part)]
    if len(filled) == 1:
        return filled[0]
    if not filled:
        return Bars.from_frame(pl.DataFrame(schema=BAR_SCHEMA))
    return Bars.from_frame(pl.concat([part.frame() for part in filled]))


def late_scores(bars: Bars, parts: Sequence[Bulk], as_of: date | None, now: datetime) -> dict[SignalName, FloatArray]:
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


def _table(bars: Bars, made: Panel, rows: IntArray, sectors: Mapping[str, str]) -> pl.DataFrame:
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
    names = [bars.symbols[i] for i in rows.tolist()]
    columns = {
        "symbol": names,
        "session": bars.sessions[bars.offsets[1:] - 1][rows],
        "verdict": [made.verdicts[i] for i in rows.tolist()],
        "n_bars": np.diff(bars.offsets)[rows],
        "sector": [sectors.get(name) for name in names],
        "events": _events(made.events, rows),
        **numbers,
    }
    return pl.DataFrame(columns, schema_overrides=dict(TABLE_SCHEMA)).fill_nan(None).select(TABLE_SCHEMA.names())


def _events(events: Mapping[str, BoolArray], rows: IntArray) -> pl.Series:
    """Return for each row the names of the events of its last bars, the newest first."""
    names = sorted(events)
    places, ages = [], []
    for name in names:
        own = events[name][rows]
        places.append(np.flatnonzero(own.any(axis=1)))
        ages.append(np.argmax(own[places[-1], ::-1], axis=1))
    which = np.repeat(np.arange(len(names)), [len(place) for place in places])
    place = np.concatenate(places)
    every = np.arange(len(rows))  # a row without events gets an empty list by the null that each row ends with
    order = np.lexsort((which, np.concatenate(ages), place))
    order = np.concatenate([order, len(place) + every])[
        np.argsort(np.concatenate([place[order], every]), kind="stable")
    ]
    said = pl.Series([*names, None], dtype=pl.String).gather(
        np.concatenate([which, np.full(len(rows), len(names))])[order]
    )
    found = pl.DataFrame({"row": np.concatenate([place, every])[order], "name": said})
    return found.group_by("row", maintain_order=True).agg(pl.col("name").drop_nulls())["name"]
