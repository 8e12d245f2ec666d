"""`Bars`: the one shape of price data, checked once at the border.

A universe is one long column per field, sorted by (symbol, session), plus `offsets`: the bars of symbol ``i`` are
rows ``offsets[i]:offsets[i + 1]``.  One symbol is the same shape with two offsets.  There is no padding and no common
calendar, and a symbol's rows are views, not copies.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from openapex.errors import BadInput, UnknownName, UnreadableData

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
SessionArray: TypeAlias = npt.NDArray[np.datetime64]
Field: TypeAlias = Literal["open", "high", "low", "close", "adj_close", "volume"]

FIELDS: tuple[Field, ...] = ("open", "high", "low", "close", "adj_close", "volume")

BAR_SCHEMA = pl.Schema(
    [("symbol", pl.String), ("session", pl.Date), *((name, pl.Float64) for name in FIELDS), ("provisional", pl.Boolean)]
)
"""Columns of a bars *frame*, the form in which sources deliver and the store keeps bars.

Null `adj_close` or `volume` means unknown.  Rows need not be clean: `openapex.quality` decides what is used.
"""


def runs_without(dropped: IntArray, n_rows: int) -> list[tuple[int, int]]:
    """Return the runs of rows that stay, as (first, end), when some rows (rising) are dropped.

    Examples
    --------
    >>> runs_without(np.array([0, 3, 4]), 7)
    [(1, 3), (5, 7)]
    """
    begins = np.concatenate([[0], dropped + 1])
    ends = np.concatenate([dropped, [n_rows]])
    is_run = ends > begins
    return list(zip(begins[is_run].tolist(), ends[is_run].tolist(), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Daily bars of one or many symbols, oldest first, sorted by (symbol, session).

    Open, high, low, close and volume are split-adjusted (levels); `adj_close` is total-return (returns).

    Parameters
    ----------
    symbols : tuple of str, length n_symbols
        Sorted, unique.
    offsets : array of int64, shape (n_symbols + 1,)
        Rows of symbol ``i`` are ``offsets[i]:offsets[i + 1]``.
    sessions : array of datetime64[D], shape (n_bars,)
        Exchange day of each bar, strictly increasing within a symbol.
    open, high, low, close, adj_close, volume : array of float64, shape (n_bars,)
        Prices in the listing's currency, volume in shares.  NaN is unknown.
    provisional : array of bool, shape (n_bars,)
        True where the session had not settled when the bar was fetched.

    Raises
    ------
    BadInput
        If shapes disagree, or rows are not sorted by (symbol, session) without duplicates.
    """

    symbols: tuple[str, ...]
    offsets: IntArray
    sessions: SessionArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    adj_close: FloatArray
    volume: FloatArray
    provisional: BoolArray

    def __post_init__(self) -> None:
        n = len(self.sessions)
        for name in (*FIELDS, "provisional"):
            if len(getattr(self, name)) != n:
                raise BadInput(f"{name} has {len(getattr(self, name))} rows, must be {n} as in sessions")
        if len(self.offsets) != len(self.symbols) + 1 or self.offsets[0] != 0 or self.offsets[-1] != n:
            raise BadInput("offsets is inconsistent, must be n_symbols + 1 row numbers from 0 to n_bars")
        if list(self.symbols) != sorted(set(self.symbols)):
            raise BadInput("symbols is unsorted or has duplicates, must be sorted and unique")
        days = self.sessions.view(np.int64)
        grows = days[1:] > days[:-1]
        starts = self.offsets[1:-1]
        grows[starts[(starts > 0) & (starts < n)] - 1] = True
        if not grows.all():
            row = int(np.argmin(grows)) + 1
            raise BadInput(f"session {self.sessions[row]} stands in row {row}, must be later than the row before it")

    def __len__(self) -> int:
        return len(self.sessions)

    @property
    def n_bars(self) -> int:
        """Number of rows over all symbols."""
        return len(self.sessions)

    @classmethod
    def from_frame(cls, frame: pl.DataFrame) -> "Bars":
        """Build from a frame in `BAR_SCHEMA`; sorts, refuses duplicates and null sessions.

        Raises
        ------
        UnreadableData
            If a column is missing or of another type, naming what was found.
        BadInput
            If a (symbol, session) stands twice.
        """
        missing = [name for name in BAR_SCHEMA if name not in frame.columns]
        if missing:
            raise UnreadableData(f"bars frame has columns {frame.columns}, must also have {missing}")
        frame = frame.select(pl.col(name).cast(kind) for name, kind in BAR_SCHEMA.items())
        if frame["session"].null_count() or frame["symbol"].null_count():
            raise UnreadableData("symbol or session is null in some rows, must be known in every row")
        frame = frame.sort("symbol", "session")
        counts = frame["symbol"].rle().struct.unnest() if frame.height else pl.DataFrame({"len": [], "value": []})
        offsets = np.concatenate([[0], np.cumsum(counts["len"].to_numpy())]).astype(np.int64)
        columns = {name: frame[name].fill_null(float("nan")).to_numpy() for name in FIELDS}
        return cls(
            symbols=tuple(counts["value"].to_list()),
            offsets=offsets,
            sessions=frame["session"].to_numpy().astype("datetime64[D]"),
            provisional=frame["provisional"].fill_null(False).to_numpy(),
            **columns,
        )

    def frame(self) -> pl.DataFrame:
        """Return the bars as a frame in `BAR_SCHEMA` (NaN becomes null)."""
        names = np.repeat(np.array(self.symbols, dtype=object), np.diff(self.offsets))
        columns = {"symbol": pl.Series(names.tolist(), dtype=pl.String), "session": self.sessions}
        columns |= {name: pl.Series(getattr(self, name)).fill_nan(None) for name in FIELDS}
        return pl.DataFrame(columns | {"provisional": self.provisional}, schema=BAR_SCHEMA)

    def one(self, symbol: str) -> "Bars":
        """Return the bars of one symbol, as views.

        Raises
        ------
        UnknownName
            If the symbol is not held, with the nearest one that is.
        """
        if symbol not in self.symbols:
            raise UnknownName("symbol", symbol, self.symbols)
        at = self.symbols.index(symbol)
        return self._rows(slice(int(self.offsets[at]), int(self.offsets[at + 1])), (symbol,))

    def until(self, as_of: date) -> "Bars":
        """Return the bars of one symbol up to and including session `as_of`, as views.

        Raises
        ------
        BadInput
            If this holds several symbols.
        """
        if len(self.symbols) > 1:
            raise BadInput(f"until() was asked of {len(self.symbols)} symbols, must be one: call one(symbol) first")
        last = int(np.searchsorted(self.sessions, np.datetime64(as_of, "D"), side="right"))
        return self._rows(slice(0, last), self.symbols if last else ())

    def _rows(self, rows: slice, symbols: tuple[str, ...]) -> "Bars":
        sessions = self.sessions[rows]
        offsets = np.array([0, len(sessions)] if symbols else [0], dtype=np.int64)
        columns = {name: getattr(self, name)[rows] for name in (*FIELDS, "provisional")}
        return Bars(symbols=symbols, offsets=offsets, sessions=sessions, **columns)
