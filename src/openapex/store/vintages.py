"""How delivered macro rows meet stored ones: what was once known on a day stays what was known on that day.

A row is either *as published* (a vintage: its value is the one that was public on `known_at`) or *guessed*: today's,
perhaps revised value, dated by a table of release lags.  A vintage is trusted; a guess is, for the first value of its
reference date only.  A guess that differs from the newest value held counts from the day it was fetched: that day is
when we know of the revision.  So no refetch changes what a reader as of an earlier day sees.
"""

from dataclasses import replace

import polars as pl

from openapex.store.merging import UNCOUNTED, Merged, distinct, in_order, merged
from openapex.store.tables import Table

DATE = ["symbol", "reference_date"]
"""What names a macro value, whenever it became known."""


def merged_macro(stored: pl.DataFrame, delivered: pl.DataFrame, table: Table) -> Merged:
    """Merge delivered rows (in the table's schema, any order, repeats allowed) into stored ones (sorted, unique)."""
    rows = distinct(delivered.sort("as_published", maintain_order=True), table)
    vintages, guesses = rows.filter("as_published"), rows.filter(~pl.col("as_published"))
    first = merged(stored, vintages, table)
    held = stored if first.rows is None else first.rows
    kept = _without_disproved(held) if vintages.height else held
    second = _with_guesses(kept, guesses, table)
    changed = kept if kept.height < held.height else first.rows
    total = first.plus(second).plus(Merged(None, n_superseded=delivered.height - rows.height))
    return replace(total, rows=changed if second.rows is None else second.rows)


def _without_disproved(rows: pl.DataFrame) -> pl.DataFrame:
    """Leave out guesses for days from the first vintage of their reference date on: there the vintages know better.

    A row dated by the day it was fetched is no guess.  Before the first vintage a guess is all there is.
    """
    first_vintage = pl.col("known_at").filter("as_published").min().over(DATE)
    is_dated_by_fetch = pl.col("known_at") == pl.col("fetched_at").dt.date()
    is_disproved = ~pl.col("as_published") & ~is_dated_by_fetch & (pl.col("known_at") >= first_vintage)
    return rows.filter(~is_disproved.fill_null(False))


def _with_guesses(stored: pl.DataFrame, guesses: pl.DataFrame, table: Table) -> Merged:
    """Merge guesses, one row a key; of several for one reference date the last is the source's present value."""
    if guesses.is_empty():
        return UNCOUNTED
    is_touched = pl.col("symbol").is_in(guesses["symbol"].unique().to_list())
    touched = stored.filter(is_touched)
    judged = _judged(touched, guesses)
    count = dict(judged["fate"].value_counts().iter_rows())
    changed = judged.filter(pl.col("fate").is_in(["new", "revised"])).select(touched.columns)
    rows = None
    if changed.height:
        kept = touched.join(changed, on=list(table.key), how="anti")
        rows = in_order([stored.filter(~is_touched), pl.concat([kept, changed]).sort(table.key)])
    return Merged(
        rows, count.get("new", 0), count.get("revised", 0), count.get("unchanged", 0), count.get("superseded", 0)
    )


def _judged(stored: pl.DataFrame, guesses: pl.DataFrame) -> pl.DataFrame:
    """Return guesses with their `fate`, a revision dated by the day it was fetched."""
    newest = stored.group_by(DATE, maintain_order=True).last().select(
        *DATE, newest_known="known_at", newest_value="value", is_vintage="as_published"
    )  # fmt: skip
    same_key = stored.select(*DATE, "known_at", key_value="value", is_key_held=pl.lit(True))
    met = guesses.join(newest, on=DATE, how="left", maintain_order="left").join(
        same_key, on=[*DATE, "known_at"], how="left", maintain_order="left"
    )
    is_present = pl.col("known_at") == pl.col("known_at").max().over(DATE)
    is_same = pl.col("value").eq_missing(pl.col("newest_value"))
    is_old_news = pl.col("is_key_held").fill_null(False) & pl.col("value").eq_missing(pl.col("key_value"))
    day_known = pl.max_horizontal(pl.col("fetched_at").dt.date(), "newest_known")  # never before what it revises
    fate = (
        pl.when(pl.col("newest_known").is_null()).then(pl.lit("new"))
        .when(is_same | (~is_present & is_old_news)).then(pl.lit("unchanged"))
        .when(~is_present | ((day_known == pl.col("newest_known")) & pl.col("is_vintage"))).then(pl.lit("superseded"))
        .otherwise(pl.lit("revised"))
    )  # fmt: skip
    return met.with_columns(fate=fate).with_columns(
        known_at=pl.when(pl.col("fate") == "revised").then(day_known).otherwise("known_at")
    )
