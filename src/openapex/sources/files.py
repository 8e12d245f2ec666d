"""Bars, macro series and holdings from CSV and Parquet: one file, one file per symbol, or a folder of tables."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from openapex.errors import BadInput, NoData
from openapex.sources.file_bars import bar_answer, bar_columns, parted, rows_of, symbol_column, symbols_held, with_rows
from openapex.sources.folder import Folder
from openapex.sources.kinds import TableNote
from openapex.sources.names import symbol_of
from openapex.sources.source import Answer, Failure
from openapex.sources.tables import SUFFIXES, collected, scanned
from openapex.sources.unheld import unheld

if TYPE_CHECKING:
    from openapex.sources.file_bulk import BulkBars
    from openapex.sources.folder_answers import FolderAnswers

BATCH = 200
"""Symbols read from a long Parquet file in one pass."""


class FilesSource:
    r"""Bars, macro series and holdings from a file or a folder.

    Parameters
    ----------
    path : path
        A CSV or Parquet file, a folder of files named after their symbol (`openapex.sources.names.file_name`), or a
        folder of tables that are recognised by their columns (`tables` says as what).
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
    >>> macro = path.with_name("macro.csv")
    >>> _ = macro.write_text("date,series,value\n2024-01-02,DGS2,4.33\n")
    >>> [note.kind for note in FilesSource(path.parent).tables()]
    ['symbol_bars', 'series']
    >>> (answer,) = FilesSource(path.parent).fetch(["DGS2"])
    >>> answer.macro.row(0)
    ('DGS2', datetime.date(2024, 1, 2), datetime.date(2024, 1, 3), 4.33, True)
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
            if not self._folder.files:
                raise BadInput(
                    f"data is the folder {str(path)!r}, must hold CSV or Parquet files: "
                    "one named after each symbol, or tables (date, symbol, close; date, series, value)"
                )
        elif self.path.suffix.lower() not in SUFFIXES:
            raise BadInput(f"data is {str(path)!r}, must end in {' or '.join(SUFFIXES)}")

    def symbols(self) -> Sequence[str]:
        """Return the symbols and series held, sorted."""
        return self._names if self._tables is None else self._tables.names

    def series(self) -> Sequence[str]:
        """Return the macro series held, sorted."""
        return () if self._tables is None else self._tables.series

    def tables(self) -> tuple[TableNote, ...]:
        """Return what each file was taken for, sorted by name."""
        return self._folder.notes()

    def holdings(self, fund: str, *, end: date | None = None) -> pl.DataFrame | None:
        """Return the latest list of a fund's holdings, None if there is none.

        Parameters
        ----------
        fund : str
            A word of the file's name: ``iwm_holdings_2026-05-05.csv`` is of IWM.
        end : date, optional
            Lists of a later day are passed over.

        Returns
        -------
        DataFrame or None
            In `openapex.sources.holdings.HOLDINGS_SCHEMA`.

        Raises
        ------
        UnreadableData
            If a list cannot be understood.
        """
        from openapex.sources.holdings import fund_words, latest_list, read_holdings  # bars do without

        files = [one.file for one in self._folder.of_kind("holdings") if fund.upper() in fund_words(one.file)]
        return latest_list([read_holdings(file, fund) for file in files], end)

    def fetch(self, symbols: Sequence[str], *, start: date | None = None, end: date | None = None) -> Iterator[Answer]:
        """Return one answer per symbol or series, in the order asked.

        A name that is both has bars.  The `end` of a series is of the day a value became known.

        Raises
        ------
        BadInput
            If `start` is after `end`.
        UnreadableData
            If a file of many symbols cannot be understood; in a folder this is a `Failure` of its symbols.
        NoData
            If a file holds no rows.
        """
        if start is not None and end is not None and start > end:
            raise BadInput(f"start is {start}, must not be after end, {end}")
        return self._answers(symbols, start, end)

    def bulk(self, symbols: Sequence[str] | None = None, *, end: date | None = None) -> "BulkBars":
        """Return the bars of many symbols, by default of all, in one frame: equal to what `fetch` gives one by one.

        Raises
        ------
        UnreadableData
            If a table of many symbols cannot be understood.
        """
        from openapex.sources.file_bulk import BulkBars, joined, long_table, one_by_one

        wanted, name = None if symbols is None else list(symbols), f"files:{self.path.name}"
        if self._tables is None and self._symbol_column is None:
            made = one_by_one(list(self.fetch(wanted or self.symbols(), end=end)))
            return BulkBars(name, "split_adjusted", *made)
        files = [self.path] if self._tables is None else [table.file for table in self._folder.of_kind("bars")]
        parts, later, runs = [], set[str](), None
        for file in files:
            scan = self._scan if file == self.path else scanned(file)
            rows = collected(bar_columns(scan) if wanted is None else rows_of(scan, wanted), file.name)
            table = long_table(rows, file.name, end)
            parts.append((file.name, table.bars))
            later |= table.later
            runs = table.runs
        alone = self._folder.stand_alone if self._tables else ()
        single, failed, after = one_by_one(
            list(self.fetch([one for one in alone if wanted is None or one in wanted], end=end))
        )
        bars = joined([*parts, ("", single)] if single.height or not parts else parts)
        late = frozenset(later | after)
        present = frozenset(bars["symbol"].unique()) if late else late
        is_one = len(parts) == 1 and not single.height
        return BulkBars(name, "split_adjusted", bars, failed, late - present, runs if is_one else None)

    def fetch_series(self, names: Sequence[str], *, end: date | None = None) -> Iterator[Answer]:
        """Return one answer per macro series, in the order asked; bars of that name are not looked for."""
        if self._tables is None:
            return (self._unknown(name) for name in names)
        return self._tables.series_answers(names, end)

    def _answers(self, symbols: Sequence[str], start: date | None, end: date | None) -> Iterator[Answer]:
        for at in range(0, len(symbols), BATCH):
            batch = symbols[at : at + BATCH]
            if self._tables is not None:
                yield from self._tables.answers(batch, start, end)
            elif self._symbol_column is not None:
                yield from self._from_long(batch, start, end)
            else:
                yield from (self._from_single(symbol, start, end) for symbol in batch)

    @cached_property
    def _folder(self) -> Folder:
        return Folder(self.path)

    @cached_property
    def _tables(self) -> "FolderAnswers | None":
        """What answers for a folder or a file of series; None for a file of bars, which does without its imports."""
        if self.path.is_file() and self._folder.table(self.path).kind != "series":
            return None
        from openapex.sources.folder_answers import FolderAnswers

        return FolderAnswers(self._folder)

    @cached_property
    def _scan(self) -> pl.LazyFrame:
        return scanned(self.path)

    @cached_property
    def _symbol_column(self) -> str | None:
        return symbol_column(self._scan.collect_schema().names())

    @cached_property
    def _names(self) -> list[str]:
        if self._symbol_column is None:
            return [self._symbol or symbol_of(self.path)]
        return symbols_held(self._scan, self.path.name)

    def _from_single(self, symbol: str, start: date | None, end: date | None) -> Answer:
        own = self._symbol or symbol_of(self.path)
        words = set(re.split(r"[\s_,()]+", own.upper())) if self._symbol is None else set()
        frame = with_rows(collected(self._scan, self.path.name), self.path.name)
        answer = bar_answer(symbol, [(self.path.name, frame)], start, end)
        is_own = symbol.upper() in {own.upper(), *words}
        return answer if is_own or isinstance(answer, Failure) else self._unknown(symbol)

    def _from_long(self, symbols: Sequence[str], start: date | None, end: date | None) -> Iterator[Answer]:
        parts = parted(collected(rows_of(self._scan, symbols), self.path.name), self.path.name)
        for symbol in symbols:
            rows = parts.get(symbol)
            answer = None if rows is None else bar_answer(symbol, [(self.path.name, rows)], start, end)
            yield answer or self._unknown(symbol)

    def _unknown(self, symbol: str) -> Failure:
        if collected(self._scan.head(1), self.path.name).is_empty():
            raise NoData(f"{self.path.name} holds 0 rows, must hold at least one bar")
        return unheld(symbol, lambda: self._names, f"the file {self.path.name}")
