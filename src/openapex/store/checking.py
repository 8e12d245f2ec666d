"""Is the store sound?  Every file against its checksum, every row against the rules of its table."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import polars as pl

from openapex.errors import ApexError, CorruptStore
from openapex.store.files import DataFile, checked_content
from openapex.store.log import Log
from openapex.store.receipt import Problem
from openapex.store.tables import TABLES, bucket_of


def problems(root: Path) -> tuple[Problem, ...]:
    """Return everything that is wrong with the store at `root`."""
    log = Log(root)
    try:
        log.refuse_orphaned_data()
    except CorruptStore as error:
        return (Problem("missing_log", str(root), str(error)),)
    if not log.exists():
        return ()
    try:
        records = log.n_records()
        snapshot = log.snapshot()
        replayed, ever = log.replayed(snapshot.version), log.ever_added()
    except CorruptStore as error:
        return (Problem("unreadable_log", str(root / "_delta_log"), str(error)),)
    alive = {file for held in snapshot.files.values() for file in held}
    return (
        *_log_problems(root, alive, replayed),
        *(Problem("two_files", str(key), f"{key} has {len(held)} files, must be one: keys may stand twice")
          for key, held in snapshot.files.items() if len(held) > 1),
        *(problem for file in sorted(alive) for problem in _file_problems(root, file, records.get(file.path))),
        *(problem for file in sorted(ever - alive) for problem in _old_file_problems(root, file)),
    )  # fmt: skip


def _log_problems(root: Path, alive: set[DataFile], replayed: set[DataFile]) -> Iterator[Problem]:
    if alive != replayed:
        odd = sorted(alive ^ replayed)[0].path
        yield Problem("unreadable_log", str(root), f"checkpoint and log entries disagree, e.g. about {odd}")


def _old_file_problems(root: Path, file: DataFile) -> Iterator[Problem]:
    """Yield what is wrong with a file that only older versions use: it may be gone (vacuum), not damaged."""
    if (root / file.path).exists():
        try:
            checked_content(root, file)
        except ApexError as error:
            yield Problem("damaged_old_version", file.path, str(error))


def _file_problems(root: Path, file: DataFile, logged: tuple[int, int] | None) -> Iterator[Problem]:
    try:
        content = checked_content(root, file)
    except ApexError as error:
        yield Problem("missing_file" if not (root / file.path).exists() else "damaged_file", file.path, str(error))
        return
    try:
        rows = pl.read_parquet(BytesIO(content))
    except pl.exceptions.PolarsError as error:
        yield Problem("damaged_file", file.path, f"{file.path} cannot be decoded: {error}")
        return
    if logged and logged != (rows.height, len(content)):
        yield Problem(
            "wrong_size", file.path, f"{file.path} has rows and bytes {rows.height, len(content)}, must be {logged}"
        )
    yield from _row_problems(file, rows)


def _row_problems(file: DataFile, rows: pl.DataFrame) -> Iterator[Problem]:
    kind, source, bucket, _ = file.parts
    table = TABLES[kind]
    if rows.schema != table.schema:
        yield Problem("wrong_columns", file.path, f"{file.path} has {rows.schema}, must have {table.schema}")
        return
    key = rows.select(table.key)
    if any(key.null_count().row(0)):
        yield Problem("null_key", file.path, f"{file.path} has rows without {' or '.join(table.key)}")
    repeated = key.filter(key.is_duplicated())
    if repeated.height:
        yield Problem("repeated_key", file.path, f"{kind} of {source} hold {repeated.row(0)} twice, must be once")
    elif not key.equals(key.sort(table.key)):
        yield Problem("unsorted", file.path, f"{file.path} is not sorted by {', '.join(table.key)}")
    strays = [name for name in key["symbol"].unique().drop_nulls().to_list() if bucket_of(name, kind) != bucket]
    if strays:
        yield Problem(
            "wrong_bucket", file.path, f"{strays[0]} lies in bucket {bucket}, must be {bucket_of(strays[0], kind)}"
        )
