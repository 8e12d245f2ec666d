"""The files of a folder, each taken for what its columns say it is, and each opened only when that is asked."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from openapex.errors import ApexError
from openapex.sources.file_bars import symbol_column
from openapex.sources.kinds import TableKind, TableNote, kind_of, reason_for
from openapex.sources.names import symbol_of
from openapex.sources.tables import SUFFIXES, columns_of, first_symbols

MANY_FILES = 400
"""Above this number a folder is taken as one file per symbol: opening each to see would take longer than the answer."""


@dataclass(frozen=True, slots=True)
class Table:
    """A file and what it was taken for."""

    file: Path
    kind: TableKind
    why: str

    @property
    def note(self) -> TableNote:
        """What the user is told of it."""
        return TableNote(self.file.name, self.kind, self.why)


def table_of(file: Path) -> Table:
    """Return what a file holds, told from its columns.

    A table of many symbols that begins with the symbol it is named after is taken for that symbol's file: a folder of
    such files is then as quick as one without a symbol column.
    """
    try:
        columns = columns_of(file)
        kind = kind_of(columns)
        if kind == "bars" and _is_named_after(file, symbol_column(columns) or ""):
            return Table(file, "symbol_bars", f"rows of {symbol_of(file)}, as the file's name says")
    except ApexError as error:
        return Table(file, "unreadable", str(error))
    return Table(file, kind, reason_for(kind, columns))


def _is_named_after(file: Path, column: str) -> bool:
    symbol = symbol_of(file)
    return symbol == symbol.upper() and first_symbols(file, column) == {symbol}


class Folder:
    """The CSV and Parquet files of a folder; a single file stands for a folder that holds it alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: dict[Path, Table] = {}

    @cached_property
    def entries(self) -> tuple[Path, ...]:
        """Everything in the folder, sorted by name."""
        return tuple(sorted(self.path.iterdir())) if self.path.is_dir() else (self.path,)

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The CSV and Parquet files, sorted by name."""
        return tuple(file for file in self.entries if file.suffix.lower() in SUFFIXES)

    @cached_property
    def named(self) -> dict[str, Path]:
        """The file named after each symbol."""
        return {symbol_of(file): file for file in self.files}

    @cached_property
    def is_one_per_symbol(self) -> bool:
        """Whether no file is opened to see what it holds, because there are too many."""
        return len(self.files) > MANY_FILES

    def table(self, file: Path) -> Table:
        """Return what one file holds; opens it once."""
        if file not in self._seen:
            self._seen[file] = (
                Table(file, "symbol_bars", f"not opened: the folder has more than {MANY_FILES} files, one per symbol")
                if self.is_one_per_symbol
                else table_of(file)
            )
        return self._seen[file]

    def of_kind(self, *kinds: TableKind) -> tuple[Table, ...]:
        """Return the tables of these kinds, sorted by name."""
        return tuple(table for table in map(self.table, self.files) if table.kind in kinds)

    def symbol_file(self, symbol: str) -> Path | None:
        """Return the file that is named after a symbol and answers for it: bars, or what was meant to be."""
        file = self.named.get(symbol)
        return file if file is not None and self.table(file).kind in ("symbol_bars", "unreadable") else None

    @cached_property
    def stand_alone(self) -> tuple[str, ...]:
        """The symbols that have a file of their own.

        A file that cannot be read is one of them, so that an import names it.  One that holds something else is, too,
        where no table shows that the folder is a collection of tables.
        """
        is_collection = bool(self.of_kind("bars", "series", "holdings"))
        kinds: set[TableKind] = {"symbol_bars", "unreadable"}
        if not is_collection:
            kinds.add("other")
        return tuple(symbol for symbol, file in self.named.items() if self.table(file).kind in kinds)

    @property
    def described(self) -> tuple[str, str, str]:
        """What to call it in an error, what it holds, and what else the reader should know."""
        if self.path.is_file():
            return f"the file {self.path.name}", "series", " It holds macro series and no bars."
        place = f"the folder {self.path.resolve().name}"
        if self.is_one_per_symbol or not self.of_kind("bars", "series"):
            return place, "symbols", ""
        bad = [table.why for table in self.of_kind("unreadable")]
        aside = f" Not read: {'; '.join(bad[:3])}." if bad else ""
        if not self.of_kind("bars", "symbol_bars"):
            return place, "series", f" It holds macro series and no bars: add a table of date, symbol, close.{aside}"
        return place, "symbols and series", aside

    def notes(self) -> tuple[TableNote, ...]:
        """Return what every entry of the folder was taken for, sorted by name."""
        known = set(self.files)
        return tuple(
            self.table(entry).note if entry in known else TableNote(entry.name, "other", _why_left_out(entry))
            for entry in self.entries
        )


def _why_left_out(entry: Path) -> str:
    return "a folder, not looked into" if entry.is_dir() else f"does not end in {' or '.join(SUFFIXES)}"
