"""How delivered rows meet stored ones: pure, so that order and repetition cannot matter.

A row is new, revised, unchanged or superseded.  Nothing is ever deleted, and a provisional bar never replaces a
settled one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from openapex.store.tables import Table


@dataclass(frozen=True, slots=True)
class Merged:
    """The rows to store from now on (None: nothing changed), and what became of the delivered ones."""

    rows: pl.DataFrame | None
    n_new: int = 0
    n_revised: int = 0
    n_unchanged: int = 0
    n_superseded: int = 0

    def plus(self, other: "Merged") -> "Merged":
        """Return the sum of the counts."""
        return Merged(
            None,
            self.n_new + other.n_new,
            self.n_revised + other.n_revised,
            self.n_unchanged + other.n_unchanged,
            self.n_superseded + other.n_superseded,
        )


UNCOUNTED = Merged(None)
"""Nothing changed, nothing was delivered."""


def canonical(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return rows with one spelling of unknown (null), of zero, and of a flag that was not given (false)."""
    floats = [name for name, kind in table.delivered.items() if kind == pl.Float64]
    flags = [name for name, kind in table.delivered.items() if kind == pl.Boolean]
    return rows.with_columns(
        *((pl.col(name) + 0.0).fill_nan(None) for name in floats), *(pl.col(name).fill_null(False) for name in flags)
    )


def is_row(table: Table) -> pl.Expr:
    """Tell which rows can be kept: the key is known, and a bar has a price.

    Providers send bars without any price for days on which only a dividend was paid.
    """
    known = pl.all_horizontal(pl.col(name).is_not_null() for name in table.key)
    if table.kind != "bars":
        return known
    return known & pl.any_horizontal(pl.col(name).is_not_null() for name in ("open", "high", "low", "close"))


def distinct(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return one row per key: the last one, where a settled bar counts as later than a provisional one."""
    if table.kind == "bars":
        rows = rows.sort("provisional", descending=True, maintain_order=True)
    return rows.unique(list(table.key), keep="last", maintain_order=True)


def merged(stored: pl.DataFrame, delivered: pl.DataFrame, table: Table) -> Merged:
    """Merge delivered rows (in the table's schema, any order, repeats allowed) into stored ones (sorted, unique)."""
    incoming = distinct(delivered, table)
    n_repeated = delivered.height - incoming.height
    key, values = list(table.key), list(table.values)
    is_touched = pl.col("symbol").is_in(incoming["symbol"].unique().to_list())  # of a bucket's 75, often one
    touched = stored.filter(is_touched)
    known = touched.select(*key, *(pl.col(name).alias(f"old_{name}") for name in values), is_held=pl.lit(True))
    met = incoming.join(known, on=key, how="left", maintain_order="left")
    is_same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"old_{name}")) for name in values)
    is_held = pl.col("is_held").is_not_null()
    is_worse = pl.col("provisional") & ~pl.col("old_provisional") if table.kind == "bars" else pl.lit(False)
    fate = (
        pl.when(~is_held).then(pl.lit("new")).when(is_worse & ~is_same).then(pl.lit("superseded"))
        .when(is_same).then(pl.lit("unchanged")).otherwise(pl.lit("revised"))
    )  # fmt: skip
    judged = met.select(*incoming.columns, fate=fate)
    count = dict(judged["fate"].value_counts().iter_rows())
    changed = judged.filter(pl.col("fate").is_in(["new", "revised"])).drop("fate")
    rows = None
    if changed.height:
        kept = touched.join(changed, on=key, how="anti") if count.get("revised") else touched
        rows = in_order([stored.filter(~is_touched), pl.concat([kept, changed]).sort(key)])
    return Merged(
        rows, count.get("new", 0), count.get("revised", 0), count.get("unchanged", 0),
        count.get("superseded", 0) + n_repeated,
    )  # fmt: skip


def in_order(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return sorted frames, each with symbols of its own, as one sorted frame.

    A symbol's rows need no sorting, only their place: a tenth of the time of a sort.
    """
    slices: list[tuple[str, pl.DataFrame]] = []
    for part in parts:
        start = 0
        for symbol, length in part["symbol"].rle().struct.unnest().select("value", "len").iter_rows():
            slices.append((symbol, part.slice(start, length)))
            start += length
    slices.sort(key=lambda one: one[0])
    return pl.concat([rows for _, rows in slices], rechunk=True) if slices else parts[0]
