"""All bars of a file or folder in one frame: what `FilesSource.fetch` gives symbol by symbol, for a universe."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from openapex.bars import BAR_SCHEMA, FIELDS, runs_without
from openapex.errors import ApexError
from openapex.sources.columns import recognised
from openapex.sources.file_bars import last_good
from openapex.sources.source import Answer, Basis, Delivery, Failure, NoNewData


@dataclass(frozen=True, slots=True)
class BulkBars:
    """Bars of many symbols in the columns of `BAR_SCHEMA`, sorted by (symbol, session), one row a session.

    Numbers may stand in other types than those of `BAR_SCHEMA`, as the file has them.

    `source` names the files, `failed` the symbols that could not be read, with the cause; `later` those whose bars all
    lie after the asked end.
    """

    source: str
    basis: Basis
    bars: pl.DataFrame
    failed: dict[str, ApexError]
    later: frozenset[str] = frozenset()
    runs: pl.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class LongTable:
    """A long table of bars: `later` are the symbols whose bars all lie after the asked end.

    `runs` are ``value`` and ``len`` of each symbol, in order, where they are known already; looking takes a while.
    """

    bars: pl.DataFrame
    later: frozenset[str]
    runs: pl.DataFrame | None


def long_table(frame: pl.DataFrame, where: str, end: date | None) -> LongTable:
    """Return the bars of a long table: cut, sorted, one row a session, none without a price.

    Raises
    ------
    UnreadableData
        If the columns are not those of bars, or a value cannot be read.
    """
    table = recognised(frame, where, is_cast=False)[0].select(BAR_SCHEMA.names())
    later = frozenset[str]()
    if end is not None and (table["session"] > end).any():
        names = table["symbol"].unique()
        table = table.filter(pl.col("session") <= end)
        later = frozenset(names.to_list()) - frozenset(table["symbol"].unique().to_list())
    close = table["close"]
    if close.null_count() or not close.is_finite().all():
        lacking = close.is_finite().fill_null(False).not_().arg_true()
        prices = table[lacking].select(pl.col(FIELDS[:4]).cast(pl.Float64).fill_nan(None))
        nothing = lacking.filter(prices.select(pl.all_horizontal(pl.all().is_null())).to_series())
        if len(nothing):  # what stays is not copied
            kept = runs_without(nothing.to_numpy(), table.height)
            table = pl.concat([table.slice(begin, after - begin) for begin, after in kept] or [table.clear()])
    runs = _runs_in_order(table)
    return LongTable(table if runs is not None else last_good(table, ("symbol", "session")), later, runs)


def _runs_in_order(table: pl.DataFrame) -> pl.DataFrame | None:
    """Return the runs of symbols if symbols rise and within each the sessions do, otherwise None."""
    runs = table["symbol"].rle().struct.unnest()
    if table.is_empty():
        return runs
    if not runs["value"].is_sorted() or runs["value"].n_unique() < runs.height:
        return None
    days = table["session"].to_physical().to_numpy()
    grows = days[1:] > days[:-1]
    ends = np.cumsum(runs["len"].to_numpy())[:-1]
    grows[ends - 1] = True
    return runs if grows.all() else None


def joined(parts: Sequence[tuple[str, pl.DataFrame]]) -> pl.DataFrame:
    """Return bars of several tables; a symbol in several comes from the one that reaches furthest, then is longest."""
    if len(parts) == 1:
        return parts[0][1]
    spans = [
        frame.group_by("symbol").agg(last=pl.col("session").max(), n=pl.len()).with_columns(at=pl.lit(i, pl.Int32))
        for i, (_, frame) in enumerate(parts)
    ]
    best = pl.concat(spans).sort(["symbol", "last", "n", "at"], descending=[False, True, True, False])
    chosen = best.unique("symbol", keep="first", maintain_order=True)
    kept = [
        frame.filter(pl.col("symbol").is_in(chosen.filter(pl.col("at") == i)["symbol"].to_list()))
        for i, (_, frame) in enumerate(parts)
    ]
    return pl.concat(kept, how="vertical_relaxed").sort("symbol", "session", maintain_order=True)


def one_by_one(answers: Sequence[Answer]) -> tuple[pl.DataFrame, dict[str, ApexError], frozenset[str]]:
    """Return the bars of single deliveries as one frame, what failed, and who has no bar in the span."""
    found = [answer.bars for answer in answers if isinstance(answer, Delivery)]
    failed = {answer.symbol: answer.error for answer in answers if isinstance(answer, Failure)}
    bars = pl.concat(found).sort("symbol", "session", maintain_order=True) if found else pl.DataFrame(schema=BAR_SCHEMA)
    return bars, failed, frozenset(answer.symbol for answer in answers if isinstance(answer, NoNewData))
