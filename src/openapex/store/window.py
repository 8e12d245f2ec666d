"""All bars of a span of days, of every symbol, for what is counted across the market."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from openapex.adjust import Basis
from openapex.store.log import Snapshot
from openapex.store.tables import TABLES, Kind


@dataclass(frozen=True, slots=True)
class Window:
    """Bars and actions of one real source between two days, as delivered; `basis` of the bars."""

    source: str
    basis: Basis
    bars: pl.DataFrame
    actions: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Holding:
    """All that one real source holds of the symbols it serves best, as delivered, known by a day.

    `later` are the symbols whose bars all lie after that day.
    """

    source: str
    basis: Basis
    bars: pl.DataFrame
    actions: pl.DataFrame
    headlines: pl.DataFrame
    facts: pl.DataFrame
    version: str
    later: frozenset[str]


def windows(root: Path, snapshot: Snapshot, first: date, last: date) -> tuple[Window, ...]:
    """Return what every real source holds from `first` to `last`, the source with the most symbols first."""
    found = []
    for source in snapshot.sources():
        bars = _between(root, snapshot, "bars", source, first, last).filter(~pl.col("simulated"))
        actions = _between(root, snapshot, "actions", source, first, last)
        for (basis,), rows in bars.partition_by("basis", as_dict=True).items():
            window = Window(
                source, str(basis), rows.select(list(TABLES["bars"].delivered)),  # type: ignore[arg-type]
                actions.select(list(TABLES["actions"].delivered)),
            )  # fmt: skip
            found.append((rows["symbol"].n_unique(), source, window))
    return tuple(window for _, _, window in sorted(found, key=lambda one: (-one[0], one[1])))


def _between(root: Path, snapshot: Snapshot, kind: Kind, source: str, first: date, last: date) -> pl.DataFrame:
    paths = [root / file.path for file in snapshot.select(kind, source)]
    if not paths:
        return pl.DataFrame(schema=TABLES[kind].schema)
    return pl.scan_parquet(paths, glob=False).filter(pl.col("session").is_between(first, last)).collect()


def holdings(root: Path, snapshot: Snapshot, symbols: Sequence[str] | None, end: date | None) -> tuple[Holding, ...]:
    """Return what is held of some symbols, by default of all: each from the source that `Store.find` would choose."""
    last, found = end or date.max, []
    for source, names in _served(root, snapshot, symbols).items():
        bars = _between(root, snapshot, "bars", source, date.min, last).filter(~pl.col("simulated"))
        rest = {kind: _of(root, snapshot, kind, source, names) for kind in ("actions", "headlines", "facts")}
        rest["actions"] = rest["actions"].filter(pl.col("session") <= last)
        bars = bars.filter(pl.col("symbol").is_in(names))
        for (basis,), rows in bars.partition_by("basis", as_dict=True).items():
            shown = rows.sort("symbol", "session").select(list(TABLES["bars"].delivered))
            later = frozenset(names) - frozenset(bars["symbol"].unique().to_list())
            found.append(
                Holding(source, str(basis), shown, **rest, version=snapshot.label, later=later)  # type: ignore[arg-type]
            )
    return tuple(found)


def _served(root: Path, snapshot: Snapshot, symbols: Sequence[str] | None) -> dict[str, list[str]]:
    """Return by source the symbols that it serves: of several the one fetched last, then of the latest session."""
    parts = []
    for source in snapshot.sources():
        paths = [root / file.path for file in snapshot.select("bars", source)]
        rows = pl.scan_parquet(paths, glob=False).filter(~pl.col("simulated"))
        if symbols is not None:
            rows = rows.filter(pl.col("symbol").is_in(list(symbols)))
        spans = rows.group_by("symbol").agg(pl.col("fetched_at").max(), pl.col("session").max()).collect()
        parts.append(spans.with_columns(source=pl.lit(source)))
    if not parts:
        return {}
    rank = ["fetched_at", "session", "source"]
    best = pl.concat(parts).sort(["symbol", *rank], descending=[False, True, True, True])
    chosen = best.unique("symbol", keep="first", maintain_order=True)
    return {
        str(source): part["symbol"].to_list() for (source,), part in chosen.partition_by("source", as_dict=True).items()
    }


def _of(root: Path, snapshot: Snapshot, kind: Kind, source: str, names: Sequence[str]) -> pl.DataFrame:
    paths = [root / file.path for file in snapshot.select(kind, source)]
    if not paths:
        return pl.DataFrame(schema=TABLES[kind].delivered)
    rows = pl.scan_parquet(paths, glob=False).filter(pl.col("symbol").is_in(list(names))).collect()
    return rows.select(list(TABLES[kind].delivered)).sort(list(TABLES[kind].key))
