"""Deliveries into the store: gathered into batches, merged bucket by bucket, committed all or nothing."""

import random
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from openapex.errors import BadInput, StoreError, UnreadableData
from openapex.store.delivered import Delivered, delivered_rows
from openapex.store.files import DataFile, discard, read_file, write_file
from openapex.store.log import Added, Conflict, Log, Snapshot, label
from openapex.store.merging import UNCOUNTED, Merged, canonical, is_row, merged
from openapex.store.receipt import Receipt, Refused
from openapex.store.tables import TABLES, Kind, Table, bucket_of, checked_source
from openapex.store.vintages import merged_macro

BATCH_ROWS = 1_500_000
"""Delivered rows held in memory before a commit: about 150 MB, and three commits for 4.4 million rows."""

MEANING: dict[Kind, tuple[str, ...]] = {"bars": ("basis", "simulated"), "macro": ("simulated",)}
"""What must stay the same for a symbol and source, lest values of two meanings be mixed."""

PATIENCE_SECONDS = 120.0
"""How long to go on after other processes committed first."""


@dataclass(slots=True)
class _Tally:
    """What became of the deliveries so far."""

    n_requested: int = 0
    bars: Merged = UNCOUNTED
    macro: Merged = UNCOUNTED
    symbols: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    def refuse(self, symbol: str, error: BadInput) -> None:
        self.refused.append(Refused(symbol, error))
        self.warnings.append(f"{symbol} was not stored: {error}")

    def receipt(self, version: str) -> Receipt:
        bars, macro = self.bars, self.macro
        return Receipt(
            self.n_requested, bars.n_new, bars.n_revised, bars.n_unchanged, bars.n_superseded,
            tuple(sorted(self.symbols)), version, tuple(self.warnings), tuple(self.refused),
            macro.n_new, macro.n_revised, macro.n_unchanged, macro.n_superseded,
        )  # fmt: skip


@dataclass(slots=True)
class _Shelf:
    """The delivered rows of one source and bucket, and what merging them into `base` gave."""

    source: str
    bucket: int
    rows: dict[Kind, pl.DataFrame]
    base: tuple[tuple[DataFile, ...], ...] | None = None
    outcome: dict[Kind, Merged] = field(default_factory=dict)
    added: list[Added] = field(default_factory=list)
    removed: list[DataFile] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def ingest(root: Path, deliveries: Iterable[Delivered], now: datetime) -> Receipt:
    """Store what was delivered; see `Store.ingest`."""
    if now.tzinfo is None:
        raise BadInput(f"now is {now}, must have a time zone")
    log, tally, moment = Log(root), _Tally(), now.astimezone(UTC)
    version: int | None = None
    for batch in _batches(deliveries, tally):
        version = _store(log, batch, moment, tally)
    return tally.receipt(label(log.snapshot().version if version is None else version))


def _batches(deliveries: Iterable[Delivered], tally: _Tally) -> Iterator[list[Delivered]]:
    batch, n_rows = list[Delivered](), 0
    for delivery in deliveries:
        tally.n_requested += 1
        fault = _fault(delivery)
        if fault:
            tally.refuse(delivery.symbol, fault)
            continue
        batch.append(delivery)
        n_rows += delivery.bars.height + delivery.headlines.height + delivery.macro.height
        if n_rows >= BATCH_ROWS:
            yield batch
            batch, n_rows = [], 0
    if batch:
        yield batch


def _fault(delivery: Delivered) -> BadInput | None:
    """Return what is wrong with a delivery in itself."""
    if not delivery.symbol:
        return BadInput("symbol is '', must be the symbol's name")
    others = [kind for kind in TABLES if kind != "macro" and getattr(delivery, kind).height]
    if delivery.macro.height and others:
        return BadInput(f"macro of {delivery.symbol} comes with {' and '.join(others)}, must come alone")
    for table in TABLES.values():
        columns = getattr(delivery, table.kind).columns
        missing = [name for name in table.border if name not in columns]
        if missing:
            return UnreadableData(f"{table.kind} has columns {columns}, must also have {missing}")
        frame = delivered_rows(delivery, table.kind)
        try:
            _typed(frame, table)
        except pl.exceptions.PolarsError as error:
            return UnreadableData(f"{table.kind} are {frame.schema}, must be {table.delivered}: {error}")
        if frame.height and not (frame["symbol"] == delivery.symbol).fill_null(False).all():
            others = frame["symbol"].unique().sort().to_list()
            return BadInput(f"{table.kind} holds {others[:3]}, must hold {delivery.symbol} alone")
    return None


def _store(log: Log, batch: Sequence[Delivered], now: datetime, tally: _Tally) -> int:
    """Merge and commit one batch; begin again where another process changed the same bucket."""
    shelves = _shelves(batch, now, tally)
    log.create()
    log.widen([name for shelf in shelves for kind, rows in shelf.rows.items() if rows.height for name in rows.columns])
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        snapshot = log.snapshot()
        for shelf in shelves:
            _merge(log, shelf, snapshot)
        try:
            version = _commit(log, snapshot, shelves, now)
            break
        except Conflict as conflict:
            if time.monotonic() > give_up:
                raise StoreError(f"{log.root} was busy for {PATIENCE_SECONDS:g} s; try again") from conflict
            time.sleep(random.uniform(0.002, 0.05))
    _count(batch, shelves, tally)
    return version


def _commit(log: Log, snapshot: Snapshot, shelves: Sequence[_Shelf], now: datetime) -> int:
    added = [one for shelf in shelves for one in shelf.added]
    removed = [one for shelf in shelves for one in shelf.removed]
    return log.commit(snapshot, added, removed, now) if added else snapshot.version


def _count(batch: Sequence[Delivered], shelves: Sequence[_Shelf], tally: _Tally) -> None:
    refused = {(shelf.source, one.symbol) for shelf in shelves for one in shelf.refused}
    for shelf in shelves:
        for one in shelf.refused:
            tally.refuse(one.symbol, one.error)  # type: ignore[arg-type]
        tally.bars = tally.bars.plus(shelf.outcome.get("bars", UNCOUNTED))
        tally.macro = tally.macro.plus(shelf.outcome.get("macro", UNCOUNTED))
    for delivery in batch:
        if (delivery.source, delivery.symbol) not in refused:
            tally.symbols.add(delivery.symbol)
            repeated = Merged(None, n_superseded=delivery.n_superseded)
            if delivery.macro.height:
                tally.macro = tally.macro.plus(repeated)
            else:
                tally.bars = tally.bars.plus(repeated)


def _shelves(batch: Sequence[Delivered], now: datetime, tally: _Tally) -> list[_Shelf]:
    """Sort deliveries by source and bucket, as frames in the stored schema."""
    groups: dict[tuple[str, int], list[Delivered]] = defaultdict(list)
    for delivery in batch:
        bucket = bucket_of(delivery.symbol, "macro" if delivery.macro.height else "bars")
        groups[checked_source(delivery.source), bucket].append(delivery)
    return [
        _Shelf(source, bucket, {table.kind: _rows(table, group, now, tally) for table in TABLES.values()})
        for (source, bucket), group in sorted(groups.items())
    ]


def _rows(table: Table, group: Sequence[Delivered], now: datetime, tally: _Tally) -> pl.DataFrame:
    """Return the rows of one kind, in the stored schema; rows that cannot be kept are named in the warnings."""
    parts = []
    for delivery in group:
        frame = delivered_rows(delivery, table.kind)
        if frame.is_empty():
            continue
        frame = _typed(frame, table)
        origin: Mapping[str, object] = {"basis": delivery.basis, "simulated": delivery.simulated, "fetched_at": now}
        added = [pl.lit(origin[name], kind).alias(name) for name, kind in table.provenance.items()]
        parts.append(frame.with_columns(added))
    if not parts:
        return pl.DataFrame(schema=table.schema)
    rows = canonical(pl.concat(parts), table)
    kept = rows.filter(is_row(table))
    if kept.height < rows.height:
        lost = rows.filter(~is_row(table)).group_by("symbol", maintain_order=True).len()
        tally.warnings += [
            f"{symbol}: {n} {table.kind} without {_needed(table)} were left out" for symbol, n in lost.iter_rows()
        ]
    return kept


def _typed(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    if frame.schema == table.delivered:
        return frame
    return frame.select(pl.col(name).cast(kind) for name, kind in table.delivered.items())


def _needed(table: Table) -> str:
    return "session or any price" if table.kind == "bars" else " or ".join(table.key[1:])


def _merge(log: Log, shelf: _Shelf, snapshot: Snapshot) -> None:
    """Merge a shelf into what `snapshot` holds, unless that was done already."""
    files = {kind: snapshot.files.get((kind, shelf.source, shelf.bucket), ()) for kind in TABLES}
    base = tuple(files.values())
    if shelf.base == base:
        return
    _forget(log, shelf)
    stored = {kind: _stored(log, TABLES[kind], files[kind]) for kind in TABLES if shelf.rows[kind].height}
    shelf.refused = [one for kind in stored if kind in MEANING for one in _mismatches(shelf, kind, stored[kind])]
    names = [one.symbol for one in shelf.refused]
    for kind, held in stored.items():
        rows = shelf.rows[kind].filter(~pl.col("symbol").is_in(names)) if names else shelf.rows[kind]
        outcome = (merged_macro if kind == "macro" else merged)(held, rows, TABLES[kind])
        shelf.outcome[kind] = outcome
        if outcome.rows is not None:
            file, n_bytes = write_file(log.root, (kind, shelf.source, shelf.bucket), outcome.rows)
            shelf.added.append(Added(file, n_bytes, outcome.rows))
            shelf.removed.extend(files[kind])
    shelf.base = base


def _stored(log: Log, table: Table, files: Sequence[DataFile]) -> pl.DataFrame:
    parts = [read_file(log.root, file) for file in files]
    return pl.concat(parts) if parts else pl.DataFrame(schema=table.schema)


def _forget(log: Log, shelf: _Shelf) -> None:
    """Drop the outcome of an attempt that lost; its files were never committed."""
    discard(log.root, [one.file for one in shelf.added])
    shelf.added, shelf.removed, shelf.outcome, shelf.refused = [], [], {}, []


def _mismatches(shelf: _Shelf, kind: Kind, stored: pl.DataFrame) -> list[Refused]:
    """Return the symbols whose meaning of values differs from what the same source said before."""
    meaning = ["symbol", *MEANING[kind]]
    wanted = shelf.rows[kind].select(meaning).unique(maintain_order=True)
    known = stored.select(meaning).filter(pl.col("symbol").is_in(wanted["symbol"].to_list()))
    both = pl.concat([known.unique(maintain_order=True), wanted]).unique(maintain_order=True)
    refused = []
    for (symbol,), group in both.group_by("symbol", maintain_order=True):
        if group.height > 1:
            held, given = (_words(row) for row in group.rows(named=True)[:2])
            refused.append(Refused(str(symbol), _mismatch(shelf.source, kind, str(symbol), held, given)))
    return refused


def _words(row: Mapping[str, object]) -> str:
    if "basis" in row:
        return f"{row['basis']!r}{' (simulated)' if row['simulated'] else ''}"
    return "simulated" if row["simulated"] else "real"


def _mismatch(source: str, kind: Kind, symbol: str, held: str, given: str) -> BadInput:
    return BadInput(
        f"{MEANING[kind][0] if kind == 'bars' else kind} of {symbol} is {given}, must be {held} as stored before "
        f"from source {source!r}; keep it under another source name or another APEX_HOME"
    )
