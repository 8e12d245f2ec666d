"""The Delta log of the store: which files count at a version, and how a change becomes the next version.

Everything that knows `deltalake` is here, imported on first use (0.08 s).
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from openapex.errors import BadInput, CorruptStore, NoData, StoreError
from openapex.store.files import NEXT_STEP, DataFile, discard, sync_folder, unwritable
from openapex.store.tables import DELTA_COLUMNS, PARTITIONS, Kind

if TYPE_CHECKING:
    from deltalake import DeltaTable

CONFIGURATION = {
    # A version that a report cites must stay readable: Delta would forget logs after 30 days and, at a vacuum, the
    # files that only old versions use after 7.  Only `Store.vacuum` frees space, and it is told which versions to keep.
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
    "delta.checkpointInterval": "50",
}

WIDEN_TRIES = 20
"""How often to try to add columns while others commit; two tries were the most seen with four threads."""


class Conflict(Exception):
    """Another process committed first; read again and retry."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files that count at one version; version -1 is a store that does not exist yet."""

    version: int
    files: dict[tuple[Kind, str, int], tuple[DataFile, ...]]
    table: "DeltaTable | None" = field(default=None, compare=False, repr=False)

    @property
    def label(self) -> str:
        """The version as reports cite it."""
        return label(self.version)

    def sources(self, kind: Kind = "bars") -> tuple[str, ...]:
        """Names of the sources that have rows of a kind, sorted."""
        return tuple(sorted({source for held, source, _ in self.files if held == kind}))

    def select(self, kind: Kind, source: str, buckets: Sequence[int] | None = None) -> tuple[DataFile, ...]:
        """Files of a kind and source, in some buckets or all."""
        return tuple(
            file
            for (held, owner, bucket), files in sorted(self.files.items())
            if (held, owner) == (kind, source) and (buckets is None or bucket in buckets)
            for file in files
        )


EMPTY = Snapshot(-1, {})


def label(version: int) -> str:
    """Return a version as reports cite it.

    Examples
    --------
    >>> label(42)
    'store@42'
    """
    return f"store@{version}" if version >= 0 else "empty"


@dataclass(frozen=True, slots=True)
class Added:
    """A written file, ready to be committed."""

    file: DataFile
    n_bytes: int
    rows: pl.DataFrame

    def stats(self) -> str:
        """Statistics for readers that prune files."""
        names = [name for name in ("symbol", "session", "reference_date") if name in self.rows.columns]
        low = {name: _plain(self.rows[name].min()) for name in names}
        high = {name: _plain(self.rows[name].max()) for name in names}
        nulls = dict.fromkeys(names, 0)
        return json.dumps({"numRecords": self.rows.height, "minValues": low, "maxValues": high, "nullCount": nulls})


def _plain(value: object) -> str:
    return value if isinstance(value, str) else str(value)


class Log:
    """The log of the table at `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def exists(self) -> bool:
        """Tell whether anything was ever committed."""
        return (self.root / "_delta_log").is_dir() and any((self.root / "_delta_log").glob("*.json"))

    def refuse_orphaned_data(self) -> None:
        """Raise CorruptStore where data files lie without a log: to go on would hide them for good."""
        if next(self.root.glob("dataset=*/source=*/bucket=*/*.parquet"), None) is not None and not self.exists():
            raise CorruptStore(f"{self.root} has data files but no log, must have _delta_log beside them; {NEXT_STEP}")

    def snapshot(self, version: int | None = None) -> Snapshot:
        """Return the files that count now, or at `version`.

        Raises
        ------
        NoData
            If the version does not exist.
        CorruptStore
            If the log cannot be read.
        """
        if not self.exists():
            self.refuse_orphaned_data()
            if version is not None:
                raise NoData(f"version is {version}, must be one of the store's: it is empty")
            return EMPTY
        latest = self._table()
        if version is None or version == latest.version():
            return self._snapshot(latest)
        if not 0 <= version < latest.version():
            raise NoData(f"version is {version}, must be from 0 to {latest.version()}, the store's latest")
        snapshot = self._snapshot(self._table(version))
        if not all((self.root / file.path).exists() for held in snapshot.files.values() for file in held):
            raise NoData(f"version is {version}, must be one that is still kept: its files were freed (Store.vacuum)")
        return snapshot

    def _table(self, version: int | None = None) -> "DeltaTable":
        from deltalake import DeltaTable

        with self._named():
            return DeltaTable(self.root, version=version)

    def _snapshot(self, table: "DeltaTable") -> Snapshot:
        files: dict[tuple[Kind, str, int], list[DataFile]] = {}
        for uri in table.file_uris():
            file = DataFile("/".join(uri.replace("\\", "/").split("/")[-4:]))
            files.setdefault(file.partition, []).append(file)
        return Snapshot(table.version(), {key: tuple(sorted(held)) for key, held in files.items()}, table)

    def n_records(self) -> dict[str, tuple[int, int]]:
        """Return rows and bytes of each file that counts now, as the log says, by path."""
        if not self.exists():
            return {}
        with self._named():
            actions = pl.DataFrame(self._table().get_add_actions(flatten=True))
        return {path: (n, size) for path, n, size in actions.select("path", "num_records", "size_bytes").iter_rows()}

    def create(self) -> None:
        """Create the empty table unless it is there."""
        if self.exists():
            return
        self.refuse_orphaned_data()
        from deltalake import DeltaTable, Schema
        from deltalake.exceptions import DeltaError

        try:
            self.root.mkdir(parents=True, exist_ok=True)
            DeltaTable.create(
                self.root,
                schema=Schema.from_arrow(pl.Schema(DELTA_COLUMNS)),
                mode="error",
                partition_by=list(PARTITIONS),
                name="openapex store",
                configuration=CONFIGURATION,
            )
        except OSError as error:
            raise unwritable(self.root, error) from error
        except DeltaError as error:
            if not self.exists():  # else: another process created it first
                raise _unwritable(self.root, error) from error

    def widen(self, names: Iterable[str]) -> None:
        """Add those of the columns `names` that the table lacks: it was made before there were such rows.

        No data file changes, and every version stays readable.

        Raises
        ------
        StoreError
            If the log cannot be written.
        """
        from deltalake import CommitProperties, Schema
        from deltalake.exceptions import DeltaError

        wanted = dict.fromkeys(names)
        for _ in range(WIDEN_TRIES):
            table = self._table()
            held = {one.name for one in table.schema().fields}
            missing = pl.Schema({name: DELTA_COLUMNS[name] for name in wanted if name not in held})
            if not missing:
                return
            try:
                table.alter.add_columns(
                    Schema.from_arrow(missing).fields, commit_properties=CommitProperties(max_commit_retries=0)
                )
                self._sync(table.version())
            except (DeltaError, OSError) as error:
                if self._table().version() == table.version():  # nobody else was first
                    raise _unwritable(self.root, error) from error
        raise StoreError(f"{self.root} was busy: its columns could not be added in {WIDEN_TRIES} tries; try again")

    def commit(self, base: Snapshot, added: Sequence[Added], removed: Sequence[DataFile], now: datetime) -> int:
        """Make `added` count and `removed` not, as the version after `base`; return it, on the disk by then.

        Raises
        ------
        Conflict
            If another process made that version first.
        StoreError
            If it cannot be written.
        """
        from deltalake import CommitProperties
        from deltalake.exceptions import CommitFailedError, DeltaError
        from deltalake.transaction import AddAction, RemoveAction

        stamp = int(now.timestamp() * 1000)
        actions: list[AddAction | RemoveAction] = [
            *(AddAction(a.file.path, a.n_bytes, a.file.partition_values, stamp, True, a.stats()) for a in added),
            *(RemoveAction(file.path, True, stamp, None, file.partition_values) for file in removed),
        ]
        # No retries inside delta-rs: it lets two appends to an empty bucket pass, which would store a key twice.
        properties = CommitProperties(custom_metadata={"openapex": now.isoformat()}, max_commit_retries=0)
        table = base.table or self._table(base.version)
        try:
            table.create_write_transaction(
                actions, "append", table.schema(), list(PARTITIONS), commit_properties=properties
            )
        except (CommitFailedError, DeltaError, OSError) as error:
            landed = self.snapshot()
            if landed.version == base.version:
                discard(self.root, [one.file for one in added])
                raise _unwritable(self.root, error) from error
            if not {a.file for a in added} <= {file for held in landed.files.values() for file in held}:
                raise Conflict from error
        self._sync(base.version + 1)
        return base.version + 1

    def _sync(self, version: int) -> None:
        folder = self.root / "_delta_log"
        try:
            handle = os.open(folder / f"{version:020d}.json", os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
            sync_folder(folder)
        except OSError as error:
            raise unwritable(folder, error) from error

    def made_at(self) -> dict[int, datetime]:
        """Return when each version was committed."""
        with self._named():
            entries = self._table().history()
        return {int(one["version"]): datetime.fromtimestamp(one["timestamp"] / 1000, UTC) for one in entries}

    def ever_added(self, after: int = -1) -> set[DataFile]:
        """Return every file that any version refers to, or only those that versions later than `after` added.

        Raises
        ------
        CorruptStore
            If an entry of the log cannot be read.
        """
        return {DataFile(action["add"]["path"]) for action in self._actions(after) if "add" in action}

    def replayed(self, version: int) -> set[DataFile]:
        """Return the files that count at `version`, by replaying every entry, without trusting checkpoints."""
        alive: set[DataFile] = set()
        for action in self._actions(until=version):
            if "add" in action:
                alive.add(DataFile(action["add"]["path"]))
            elif "remove" in action:
                alive.discard(DataFile(action["remove"]["path"]))
        return alive

    def _actions(self, after: int = -1, until: int | None = None) -> Iterator[dict[str, dict[str, str]]]:
        for entry in sorted((self.root / "_delta_log").glob("*.json")):
            if int(entry.stem) <= after or (until is not None and int(entry.stem) > until):
                continue
            try:
                for line in entry.read_text("utf-8").splitlines():
                    yield json.loads(line)
            except (OSError, ValueError) as error:
                raise CorruptStore(f"{entry} is damaged: {error}; {NEXT_STEP}") from error

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Turn what deltalake raises while reading the log into CorruptStore."""
        from deltalake.exceptions import DeltaError

        try:
            yield
        except (DeltaError, OSError, ValueError) as error:
            if isinstance(error, BadInput):
                raise
            raise CorruptStore(f"{self.root} has an unreadable log: {_first_line(error)}; {NEXT_STEP}") from error


def _unwritable(path: Path, error: BaseException) -> StoreError:
    """Return the error to raise when delta-rs could not write; it hides the system's own words deep in its text."""
    number = re.search(r"os error (\d+)", str(error))
    return unwritable(
        path, OSError(int(number[1]), os.strerror(int(number[1]))) if number else OSError(_first_line(error))
    )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
