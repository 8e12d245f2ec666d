"""Answers from several files at once: a symbol's own file, tables of many symbols, tables of macro series."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

import polars as pl

from openapex.errors import ApexError
from openapex.sources.file_bars import bar_answer, parted, rows_of, symbol_column, symbols_held, with_rows
from openapex.sources.file_series import series_answer, series_rows
from openapex.sources.folder import Folder, Table
from openapex.sources.names import symbol_of
from openapex.sources.source import Answer, Delivery, Failure
from openapex.sources.tables import collected, scanned
from openapex.sources.unheld import unheld

Found: TypeAlias = dict[str, list[tuple[str, pl.DataFrame]]]
"""Rows of each name as (file, rows), for every table that holds it."""


class FolderAnswers:
    """Answers from the files of a folder; CSVs and series are read once, of other Parquet files the rows asked for."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._scans: dict[Path, pl.LazyFrame] = {}
        self._series: dict[Path, dict[str, pl.DataFrame]] = {}

    @cached_property
    def names(self) -> list[str]:
        """Every symbol and series held, sorted."""
        bars = (name for table in self._folder.of_kind("bars") for name in self._held(table))
        return sorted({*self._folder.stand_alone, *bars, *self.series})

    @cached_property
    def series(self) -> list[str]:
        """Every series held, sorted."""
        return sorted({name for table in self._folder.of_kind("series") for name in self._held(table)})

    def answers(self, symbols: Sequence[str], start: date | None, end: date | None) -> Iterator[Answer]:
        """Yield one answer per name: from the file named after it, else from tables of bars, else from series."""
        own = {symbol: self._folder.symbol_file(symbol) for symbol in symbols}
        rest = [symbol for symbol, file in own.items() if file is None]
        bars, bad_bars = self._found("bars", rest)
        series, bad_series = self._found("series", [symbol for symbol in rest if symbol not in bars])
        bad = {**bad_bars, **bad_series}
        for symbol in symbols:
            if (file := own[symbol]) is not None:
                yield self._from_own_file(symbol, file, start, end)
            elif symbol in bars:
                yield _with_warnings(bar_answer(symbol, bars[symbol], start, end), bad_bars)
            elif symbol in series:
                yield _with_warnings(series_answer(symbol, series[symbol], start, end), bad)
            else:
                yield self._not_held(symbol, bad)

    def series_answers(self, names: Sequence[str], end: date | None) -> Iterator[Answer]:
        """Yield one answer per series."""
        series, bad = self._found("series", names)
        for name in names:
            if name in series:
                yield _with_warnings(series_answer(name, series[name], None, end), bad)
            else:
                yield self._not_held(name, bad)

    def _found(self, kind: Literal["bars", "series"], names: Sequence[str]) -> tuple[Found, dict[str, ApexError]]:
        """Return what the tables of a kind hold of the names, and which table could not be read."""
        found: Found = {}
        bad: dict[str, ApexError] = {}
        for table in self._folder.of_kind(kind) if names else ():
            where = table.file.name
            try:
                parts = self._rows(table, names)
            except ApexError as error:
                bad[where] = error
                continue
            for name, rows in parts.items():
                found.setdefault(name, []).append((where, rows))
        return found, bad

    def _rows(self, table: Table, names: Sequence[str]) -> Mapping[str, pl.DataFrame]:
        if table.kind == "series":
            parts = self._series_rows(table.file)
            return {name: parts[name] for name in names if name in parts}
        return parted(collected(rows_of(self._scan(table.file), names), table.file.name), table.file.name)

    def _series_rows(self, file: Path) -> dict[str, pl.DataFrame]:
        if file not in self._series:
            self._series[file] = series_rows(self._scan(file), file.name)
        return self._series[file]

    def _from_own_file(self, symbol: str, file: Path, start: date | None, end: date | None) -> Answer:
        try:
            frame = with_rows(collected(self._scan(file), file.name), file.name)
            column = symbol_column(frame.columns)
            if column is not None:
                frame = frame.filter(pl.col(column).cast(pl.String) == symbol)
            return bar_answer(symbol, [(file.name, frame)], start, end)
        except ApexError as error:
            return Failure(symbol, error)

    def _not_held(self, symbol: str, bad: Mapping[str, ApexError]) -> Answer:
        """Return why there is nothing: a table that may hold it is damaged, or its own file holds something else."""
        if bad:
            return Failure(symbol, next(iter(bad.values())))
        file = self._folder.named.get(symbol)
        if file is not None and self._folder.table(file).kind in ("other", "holdings"):
            return self._from_own_file(symbol, file, None, None)
        return unheld(symbol, lambda: self.names, *self._folder.described)

    def _held(self, table: Table) -> list[str]:
        """Return the names in a table, or that of the file if it is damaged, so that an import names it."""
        try:
            if table.kind == "series":
                return list(self._series_rows(table.file))
            return symbols_held(self._scan(table.file), table.file.name)
        except ApexError:
            return [symbol_of(table.file)]

    def _scan(self, file: Path) -> pl.LazyFrame:
        if file not in self._scans:
            self._scans[file] = scanned(file)
        return self._scans[file]


def _with_warnings(answer: Answer, bad: Mapping[str, ApexError]) -> Answer:
    if not bad or not isinstance(answer, Delivery):
        return answer
    said = (f"{where} was left out: {error}" for where, error in bad.items())
    return replace(answer, warnings=(*answer.warnings, *said))
