"""A user's own frame as material: Polars or pandas, one symbol or many, yfinance's header levels included."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from openapex.desk.material import Gathered, Material
from openapex.errors import BadInput, UnknownSymbol
from openapex.sources.columns import recognised
from openapex.sources.source import ACTION_SCHEMA, FACT_SCHEMA, HEADLINE_SCHEMA, empty

Columns = Any  # a Polars or pandas frame


def from_frame(symbol: "str | Columns", data: "Columns | None", companions: Sequence[str]) -> Gathered:
    """Return the symbol's material from a frame, and of those companions that the frame holds.

    Raises
    ------
    BadInput
        If this is no frame, or it holds several symbols and none is named.
    UnknownSymbol
        If it does not hold the symbol.
    UnreadableData
        If its columns are not those of bars.
    """
    given = symbol if data is None else data
    frame = polars_frame(given)
    name = symbol if isinstance(symbol, str) else None
    table, basis = recognised(frame, "the frame")
    if "symbol" not in table.columns:
        table = table.with_columns(pl.lit(name or "FRAME").alias("symbol"))
    held: Sequence[str] = table["symbol"].unique().sort().to_list()
    if name is None and len(held) != 1:
        raise BadInput(f"frame holds {len(held)} symbols, must be one: name it, with data=frame")
    name = name or held[0]
    if name not in held:
        raise UnknownSymbol(f"symbol is {name!r}, must be one of those in the frame: {', '.join(held[:12])}")
    made = {
        one: Material(
            one, "frame", False, basis, table.filter(pl.col("symbol") == one),
            empty(ACTION_SCHEMA), empty(HEADLINE_SCHEMA), empty(FACT_SCHEMA),
        )
        for one in {name, *(b for b in companions if b in held)}
    }  # fmt: skip
    return Gathered(made.pop(name), made)


def polars_frame(frame: "Columns") -> pl.DataFrame:
    """Return a Polars frame of a Polars or pandas one, its index as a column.

    Raises
    ------
    BadInput
        If it is neither.
    """
    if isinstance(frame, pl.DataFrame):
        return frame
    if not hasattr(frame, "reset_index"):
        raise BadInput(f"data is a {type(frame).__name__}, must be a Polars frame, a pandas frame or a path")
    if frame.columns.nlevels == 2:
        frame = _flattened(frame)
    if frame.index.dtype.kind == "M" or any(name is not None for name in frame.index.names):
        has_date = "date" in {str(name).lower() for name in frame.columns}
        frame = frame.rename_axis(frame.index.name or "date").reset_index(drop=has_date)
    return pl.from_pandas(frame)


def _flattened(frame: "Columns") -> "Columns":
    """Return one long table from yfinance's two header levels, field and ticker, in either order."""
    import pandas as pd

    levels = [{str(name).lower() for name in frame.columns.get_level_values(i)} for i in (0, 1)]
    ticker = 0 if "close" in levels[1] else 1
    names = frame.columns.get_level_values(ticker).unique()
    parts = {name: frame.xs(name, axis=1, level=ticker) for name in names}
    return pd.concat(parts, names=["symbol", "date"]).reset_index()
