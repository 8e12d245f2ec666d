"""Data files: immutable Parquet whose name carries the SHA-256 of its content, checked on every read.

Parquet as written by default lets three of four flipped bits pass unnoticed; hashing a 3 MB file costs 3 ms.
"""

import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath

import polars as pl

from openapex.errors import CorruptStore, StoreError
from openapex.store.tables import PARTITIONS, TABLES, Kind

ROW_GROUP = 16_384
"""Rows per row group: small enough that one symbol is read without decoding its bucket."""
WHOLE_ROW_GROUP = 65_536
"""The same for a kind that is read whole: 135,000 macro rows in 1.6 instead of 2.6 ms, in 0.8 instead of 1.1 MB."""

_NAME = re.compile(r"dataset=(\w+)/source=([a-z0-9_-]+)/bucket=(\d+)/([0-9a-f]{64})-[0-9a-f]{8}\.parquet")


@dataclass(frozen=True, slots=True, order=True)
class DataFile:
    """One data file, by its path relative to the table, with forward slashes."""

    path: str

    @property
    def parts(self) -> tuple[Kind, str, int, str]:
        """Kind of rows, source, bucket and SHA-256, as the path tells them.

        Raises
        ------
        CorruptStore
            If the path is not one the store would write.
        """
        match = _NAME.fullmatch(self.path)
        if match is None or match[1] not in TABLES:
            raise CorruptStore(f"{self.path} is in the log, must be a file that openapex wrote; run: apex store verify")
        return match[1], match[2], int(match[3]), match[4]

    @property
    def partition(self) -> tuple[Kind, str, int]:
        """Kind of rows, source and bucket."""
        return self.parts[:3]

    @property
    def partition_values(self) -> dict[str, str | None]:
        """The same as the log spells it."""
        return {name: str(value) for name, value in zip(PARTITIONS, self.partition, strict=True)}


def write_file(root: Path, partition: tuple[Kind, str, int], rows: pl.DataFrame) -> tuple[DataFile, int]:
    """Write rows to a new file below `root`, on the disk when this returns; return it and its size in bytes.

    Nothing refers to the file until it is committed, so a kill leaves at most a leftover that no reader sees.

    Raises
    ------
    StoreError
        If the disk is full or may not be written.
    """
    kind, source, bucket = partition
    buffer = BytesIO()
    size = WHOLE_ROW_GROUP if kind == "macro" else ROW_GROUP
    rows.write_parquet(buffer, compression="zstd", compression_level=3, row_group_size=size)
    content = buffer.getvalue()
    name = f"{hashlib.sha256(content).hexdigest()}-{secrets.token_hex(4)}.parquet"
    file = DataFile(str(PurePosixPath(f"dataset={kind}", f"source={source}", f"bucket={bucket}", name)))
    target = root / file.path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        sync_folder(target.parent)
    except OSError as error:
        with suppress(OSError):
            target.unlink(missing_ok=True)
        raise unwritable(target, error) from error
    return file, len(content)


def discard(root: Path, files: Iterable[DataFile]) -> None:
    """Delete files that were written and never committed; one that cannot be deleted is only room."""
    for file in files:
        with suppress(OSError):
            (root / file.path).unlink()


def read_file(root: Path, file: DataFile, *, symbols: Sequence[str] | None = None) -> pl.DataFrame:
    """Return the rows of a file, of some symbols only or all, after its content was checked.

    Raises
    ------
    CorruptStore
        If the file is missing or its content is not what was written.
    """
    content = checked_content(root, file)
    schema = TABLES[file.parts[0]].schema
    try:
        if symbols is None:
            rows = pl.read_parquet(BytesIO(content), use_statistics=False)
            return rows if rows.columns == list(schema) else rows.select(list(schema))
        wanted = pl.col("symbol") == symbols[0] if len(symbols) == 1 else pl.col("symbol").is_in(list(symbols))
        return pl.scan_parquet(BytesIO(content)).filter(wanted).select(list(schema)).collect()
    except pl.exceptions.PolarsError as error:
        raise CorruptStore(f"{root / file.path} cannot be decoded ({error}); {NEXT_STEP}") from error


NEXT_STEP = (
    "run `apex store verify` to see all damage, then restore the folder from a backup, or move it away and fetch again"
)


def checked_content(root: Path, file: DataFile) -> bytes:
    """Return the bytes of a file, equal to those that were written.

    Raises
    ------
    CorruptStore
        If the file is missing, unreadable or changed.
    """
    path = root / file.path
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise CorruptStore(f"{path} is missing, must be there as the log says; {NEXT_STEP}") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}") from error
    if hashlib.sha256(content).hexdigest() != file.parts[3]:
        raise CorruptStore(f"{path} is damaged: its content no longer has the checksum in its name; {NEXT_STEP}")
    return content


def read_files(root: Path, files: Sequence[DataFile], symbols: Sequence[str] | None = None) -> list[pl.DataFrame]:
    """Return the rows of several files, read side by side."""
    if len(files) < 2:
        return [read_file(root, file, symbols=symbols) for file in files]
    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(lambda file: read_file(root, file, symbols=symbols), files))


def sync_folder(folder: Path) -> None:
    """Make new names in `folder` survive a power cut (where the system can)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def unwritable(path: Path, error: OSError) -> StoreError:
    """Return the error to raise when `path` could not be written."""
    return StoreError(
        f"{path} cannot be written: {error.strerror or error}; free some space, or set APEX_HOME to a folder you own"
    )
