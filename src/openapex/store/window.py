"""All bars of a span of days, of every symbol, for what is counted across the market."""

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
