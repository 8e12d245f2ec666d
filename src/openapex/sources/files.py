"""Bars from CSV and Parquet: one long file of many symbols, one file of one symbol, or a folder of one file each."""

import difflib
import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path

import polars as pl

from openapex.errors import ApexError, BadInput, NoData, UnknownSymbol, UnreadableData
from openapex.sessions import calendar_of, known_span, sessions_between
from openapex.sources.columns import canonical, is_on_or_between, no_adjusted_close, recognised
from openapex.sources.names import symbol_of
from openapex.sources.source import BAR_SCHEMA, Answer, Basis, Delivery, Failure, NoNewData
from openapex.sources.tables import read_table

SUFFIXES = (".csv", ".parquet")
BATCH = 200
"""Symbols read from a long Parquet file in one pass."""


class FilesSource:
    r"""Bars from a file or a folder.

    Parameters
    ----------
    path : path
        A CSV or Parquet file, or a folder of files named after their symbol (`openapex.sources.names.file_name`).
    symbol : str, optional
        Whose bars a file without a symbol column holds; by default its name tells.

    Raises
    ------
    BadInput
        If `path` is no CSV or Parquet file and no folder with one.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "IWM.csv"
    >>> _ = path.write_text("date,open,high,low,close,volume\n2024-01-02,198,199,197,198.5,1000000\n")
    >>> (answer,) = FilesSource(path).fetch(["IWM"])
    >>> answer.symbol, answer.bars["close"].item()
    ('IWM', 198.5)
    """

    name = "files"
    simulated = False
    is_network = False

    def __init__(self, path: str | Path, symbol: str | None = None) -> None:
        self.path = Path(path).expanduser()
        self._symbol = symbol
        if not self.path.exists():
            raise BadInput(f"data is {str(path)!r}, must be an existing CSV or Parquet file, or a folder of them")
        if self.path.is_dir():
            if not self._files:
                raise BadInput(f"data is the folder {str(path)!r}, must hold CSV or Parquet files named after symbols")
        elif self.path.suffix.lower() not in SUFFIXES:
            raise BadInput(f"data is {str(path)!r}, must end in {' or '.join(SUFFIXES)}")

    def symbols(self) -> Sequence[str]:
        """Return the symbols held, sorted."""
        if self.path.is_dir():
            return sorted(self._files)
        if self._symbol_column is None:
            return [self._symbol or symbol_of(self.path)]
        held = self._scan.select(pl.col(self._symbol_column).cast(pl.String)).unique().collect()
        return sorted(held.to_series().drop_nulls().to_list())

    def fetch(self, symbols: Sequence[str], *, start: date | None = None, end: date | None = None) -> Iterator[Answer]:
        """Yield one answer per symbol, in the order asked.

        Raises
        ------
        UnreadableData
            If a file of many symbols cannot be understood; in a folder this is a `Failure` of its symbol.
        NoData
            If a file holds no rows.
        """
        if self.path.is_dir():
            for symbol in symbols:
                yield self._from_folder(symbol, start, end)
        elif (column := self._symbol_column) is None:
            for symbol in symbols:
                yield self._from_single(symbol, start, end)
        else:
            for at in range(0, len(symbols), BATCH):
                yield from self._from_long(symbols[at : at + BATCH], column, start, end)

    @cached_property
    def _files(self) -> dict[str, Path]:
        return {symbol_of(file): file for file in sorted(self.path.iterdir()) if file.suffix.lower() in SUFFIXES}

    @cached_property
    def _scan(self) -> pl.LazyFrame:
        return _scanned(self.path)

    @cached_property
    def _symbol_column(self) -> str | None:
        names = self._scan.collect_schema().names()
        return next((name for name in names if canonical(name) == "symbol"), None)

    def _from_folder(self, symbol: str, start: date | None, end: date | None) -> Answer:
        file = self._files.get(symbol)
        if file is None:
            return self._unknown(symbol)
        try:
            frame = _collected(_scanned(file), file.name)
            held = next((name for name in frame.columns if canonical(name) == "symbol"), None)
            if held is not None:
                frame = frame.filter(pl.col(held).cast(pl.String) == symbol)
            return _answer(symbol, frame, file.name, start, end)
        except ApexError as error:
            return Failure(symbol, error)

    def _from_single(self, symbol: str, start: date | None, end: date | None) -> Answer:
        own = self._symbol or symbol_of(self.path)
        words = set(re.split(r"[\s_,()]+", own.upper())) if self._symbol is None else set()
        answer = _answer(symbol, _collected(self._scan, self.path.name), self.path.name, start, end)
        is_own = symbol.upper() in {own.upper(), *words}
        return answer if is_own or isinstance(answer, Failure) else self._unknown(symbol)

    def _from_long(self, symbols: Sequence[str], column: str, start: date | None, end: date | None) -> Iterator[Answer]:
        schema = self._scan.collect_schema()
        name = (
            pl.col(column) if schema[column] == pl.String else pl.col(column).cast(pl.String)
        )  # a cast halves the speed
        wanted = self._scan.filter(name.is_in(list(dict.fromkeys(symbols))))
        kept = [name for name in schema.names() if canonical(name) in BAR_SCHEMA]
        # the whole schema is judged, so that an unknown table is named; only the columns of bars are read
        frame = _collected(wanted.select(kept) if _is_bars(kept) else wanted, self.path.name, may_be_empty=True)
        parts = frame.partition_by(column, as_dict=True)
        for symbol in symbols:
            rows = parts.get((symbol,))
            yield self._unknown(symbol) if rows is None else _answer(symbol, rows, self.path.name, start, end)

    def _unknown(self, symbol: str) -> Failure:
        held = self.symbols()
        if not held:
            raise NoData(f"{self.path.name} holds 0 rows, must hold at least one bar")
        near = difflib.get_close_matches(symbol, held, n=1, cutoff=0.6)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        place = f"the {'file' if self.path.is_file() else 'folder'} {self.path.name}"
        rule = (
            f"one of the {len(held)} symbols in {place}" if len(held) > 1 else f"{held[0]!r}, the only one in {place}"
        )
        message = f"symbol is {symbol!r}, must be {rule}.{hint}"
        return Failure(symbol, UnknownSymbol(message))


def _is_bars(columns: Sequence[str]) -> bool:
    return {"session", "close"} <= {canonical(name) for name in columns}


def _scanned(file: Path) -> pl.LazyFrame:
    if file.suffix.lower() == ".csv":
        return read_table(file).lazy()
    try:
        scan = pl.scan_parquet(file)
        scan.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableData(f"{file.name} cannot be read as Parquet: {_first_line(error)}") from error
    return scan


def _collected(scan: pl.LazyFrame, where: str, may_be_empty: bool = False) -> pl.DataFrame:
    try:
        frame = scan.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableData(f"{where} cannot be read as Parquet: {_first_line(error)}") from error
    if frame.is_empty() and not may_be_empty:
        recognised(frame, where)  # a table that holds no bars is the greater fault
        raise NoData(f"{where} holds 0 rows, must hold at least one bar")
    return frame


def _answer(symbol: str, frame: pl.DataFrame, where: str, start: date | None, end: date | None) -> Answer:
    """Return the delivery of one symbol's rows: sorted, the last row of a repeated session, none without a price."""
    try:
        table, basis = recognised(frame, where)
        rows = table.with_columns(symbol=pl.lit(symbol, dtype=pl.String)).select(BAR_SCHEMA.names())
        return _delivered(symbol, rows, basis, where, start, end)
    except ApexError as error:
        return Failure(symbol, error)


def _delivered(
    symbol: str, rows: pl.DataFrame, basis: Basis, where: str, start: date | None, end: date | None
) -> Answer:
    asked = rows.filter(is_on_or_between(start, end))  # before anything is said: later rows must not change a word
    has_price = pl.any_horizontal(pl.col("open", "high", "low", "close").fill_nan(None).is_not_null())
    priced = asked.filter(has_price)
    if priced.is_empty():
        return _nothing(symbol, rows.filter(has_price), where, start, end)
    bars = _one_each(priced)
    warnings = (
        _priceless(asked.filter(~has_price)),
        no_adjusted_close(bars),
        _repeated(priced, bars),
        _jumbled(priced),
    )
    return Delivery(
        symbol=symbol,
        source=f"files:{where}",
        simulated=False,
        basis=basis,
        bars=bars,
        n_superseded=priced.height - bars.height,
        warnings=tuple(sentence for sentence in warnings if sentence),
    )


def _nothing(symbol: str, priced: pl.DataFrame, where: str, start: date | None, end: date | None) -> Answer:
    if priced.is_empty():
        raise NoData(f"{where} holds {symbol} without prices, must hold at least one with a price")
    first, last = priced["session"].min(), priced["session"].max()
    reason = f"{where} holds {symbol} from {first!s} to {last!s}, and no bar in the span asked for"
    return NoNewData(symbol, _closed(symbol, start, end) or reason)


def _one_each(priced: pl.DataFrame) -> pl.DataFrame:
    """Return one row a session: the last whose close lies within its range, or just the last."""
    slack = 1e-6 * pl.col("high").abs()
    is_good = pl.col("close").is_between(pl.col("low") - slack, pl.col("high") + slack).fill_null(True)
    ordered = priced.with_columns(is_good=is_good).sort("session", "is_good", maintain_order=True)
    return ordered.unique("session", keep="last", maintain_order=True).drop("is_good")


def _repeated(priced: pl.DataFrame, bars: pl.DataFrame) -> str | None:
    n = priced.height - bars.height
    if not n:
        return None
    latest = priced.filter(priced["session"].is_duplicated())["session"].max()
    return f"duplicate_session: {n} rows repeat a session, the latest {latest!s}; the last good row of each is used"


def _jumbled(priced: pl.DataFrame) -> str | None:
    """Return a sentence unless the sessions rise throughout, or fall throughout as some vendors list them."""
    sessions = priced["session"]
    if sessions.is_sorted() or sessions.is_sorted(descending=True):
        return None
    return "unsorted: rows are not in order of date; they were sorted"


def _closed(symbol: str, start: date | None, end: date | None) -> str | None:
    """Return the sentence for a span without a session on the symbol's exchange, None where there is one."""
    calendar = calendar_of(symbol)
    if calendar is None or start is None or end is None:
        return None
    first, last = known_span(calendar)
    if not first <= start <= end <= last or len(sessions_between(start, end, calendar)):
        return None
    return f"the market was closed: {calendar} has no session from {start} to {end}"


def _priceless(rows: pl.DataFrame) -> str | None:
    if rows.is_empty():
        return None
    latest = rows.select(pl.col("session").max()).item()
    return f"rows without a price left out: {rows.height}, the latest {latest}"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
