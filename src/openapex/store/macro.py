"""Macro series out of the store: of one source or of all real ones united, cut at what was known."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl

from openapex.store.files import read_file
from openapex.store.log import Snapshot
from openapex.store.reading import StoredMacro
from openapex.store.tables import TABLES
from openapex.store.vintages import DATE

TABLE = TABLES["macro"]


def stored_macro(
    root: Path, snapshot: Snapshot, series: Sequence[str], source: str | None, end: date | None
) -> StoredMacro:
    """Return what is held of some series; see `Store.find_macro`."""
    sources = snapshot.sources("macro") if source is None else (source,)
    parts = [_held(root, snapshot, name, series, end) for name in sources]
    if source is None:
        parts = [rows.filter(~pl.col("simulated")) for rows in parts]
    parts = [rows for rows in parts if rows.height]
    rows = parts[0] if len(parts) == 1 else _united(parts)
    found = rows.group_by("symbol", maintain_order=True).agg(
        pl.col("source").unique().sort(), pl.col("fetched_at").max()
    )
    names = found["symbol"].to_list()
    return StoredMacro(
        frame=rows.select(**TABLE.border),
        sources=dict(zip(names, map(tuple, found["source"].to_list()), strict=True)),
        simulated=bool(rows["simulated"].any()),
        fetched_at=dict(zip(names, found["fetched_at"].to_list(), strict=True)),
        version=snapshot.label,
    )


def _held(root: Path, snapshot: Snapshot, source: str, series: Sequence[str], end: date | None) -> pl.DataFrame:
    """Return the rows of one source with a column that names it, sorted."""
    is_wanted = pl.col("symbol").is_in(list(series))
    if end is not None:
        is_wanted &= pl.col("known_at") <= end
    parts = [read_file(root, file).filter(is_wanted) for file in snapshot.select("macro", source)]
    rows = pl.concat(parts) if parts else pl.DataFrame(schema=TABLE.schema)
    return rows.with_columns(source=pl.lit(source))


def _united(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return, for each reference date, the rows of the source that knows it best; sorted.

    Judged by the rows of that date alone, so that what became known of other dates cannot change the choice.
    """
    if not parts:
        return pl.DataFrame(schema={**TABLE.schema, "source": pl.String})
    rows = pl.concat(parts)
    ranks = rows.group_by(*DATE, "source").agg(pl.col("as_published").any(), pl.col("fetched_at").max())
    best = ranks.sort("as_published", "fetched_at", "source").unique(DATE, keep="last", maintain_order=True)
    return rows.join(best.select(*DATE, "source"), on=[*DATE, "source"], how="semi").sort(TABLE.key)


def series_names(root: Path, snapshot: Snapshot, source: str | None) -> tuple[str, ...]:
    """Return the names of the series that are held: of one source, or of all real ones."""
    names = set[str]()
    for owner in snapshot.sources("macro") if source is None else (source,):
        for file in snapshot.select("macro", owner):
            rows = read_file(root, file)
            names |= set(rows.filter(~pl.col("simulated") | (source is not None))["symbol"].unique())
    return tuple(sorted(names))
