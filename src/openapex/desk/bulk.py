"""The bars of a universe from wherever they are, ready to be used: cut, adjusted, examined."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import polars as pl

from openapex.adjust import adjusted
from openapex.bars import Bars
from openapex.desk.material import open_source
from openapex.errors import ApexError, BadInput
from openapex.quality.usable import usable
from openapex.sessions import calendar_of
from openapex.sources.source import ACTION_SCHEMA, FACT_SCHEMA, HEADLINE_SCHEMA, Basis, Delivery, Failure, empty


@dataclass(frozen=True, slots=True)
class Bulk:
    """Bars of many symbols as delivered, in one frame sorted by (symbol, session), one row a session."""

    source: str
    simulated: bool
    basis: Basis
    bars: pl.DataFrame
    actions: pl.DataFrame = field(default_factory=lambda: empty(ACTION_SCHEMA))
    headlines: pl.DataFrame = field(default_factory=lambda: empty(HEADLINE_SCHEMA))
    facts: pl.DataFrame = field(default_factory=lambda: empty(FACT_SCHEMA))
    version: str | None = None
    failed: dict[str, ApexError] = field(default_factory=dict)
    later: frozenset[str] = frozenset()


def bulk(
    symbols: Sequence[str] | None,
    *,
    source: str | None,
    data: Path | None,
    as_of: date | None,
    now: datetime,
    progress: Callable[[str], None],
) -> tuple[Bulk, ...]:
    """Return what is held of some symbols, by default of all, in parts of one source and one meaning of prices.

    Raises
    ------
    BadInput
        If the source cannot be scanned.
    ApexError
        If it cannot be read.
    """
    if source not in (None, "files", "demo"):
        raise BadInput(f"source is {source!r}, must be files or demo: fetch first, and scan the store")
    if data is not None:
        from openapex.sources.files import FilesSource

        found = FilesSource(data).bulk(symbols, end=as_of)
        return (Bulk(found.source, False, found.basis, found.bars, failed=found.failed, later=found.later),)
    if source == "demo":
        return (_simulated(symbols, as_of, now, progress),)
    return _stored(symbols, as_of)


def _simulated(
    symbols: Sequence[str] | None, as_of: date | None, now: datetime, progress: Callable[[str], None]
) -> Bulk:
    demo = open_source("demo", now)
    found: list[Delivery] = []
    failed: dict[str, ApexError] = {}
    later = set[str]()
    for answer in demo.fetch(demo.symbols() if symbols is None else symbols, end=as_of):
        progress(answer.symbol)
        if isinstance(answer, Delivery):
            found.append(answer)
        elif isinstance(answer, Failure):
            failed[answer.symbol] = answer.error
        else:
            later.add(answer.symbol)
    frames = {
        name: pl.concat([getattr(one, name) for one in found]) if found else None
        for name in ("bars", "actions", "headlines", "facts")
    }
    kept = {name: frame for name, frame in frames.items() if frame is not None}
    kept.setdefault("bars", empty(found[0].bars.schema) if found else pl.DataFrame())
    return Bulk("demo", True, "as_traded", **kept, failed=failed, later=frozenset(later))


def _stored(symbols: Sequence[str] | None, as_of: date | None) -> tuple[Bulk, ...]:
    from openapex.store import Store, store_home

    return tuple(
        Bulk(
            part.source,
            False,
            part.basis,
            part.bars,
            part.actions,
            part.headlines,
            part.facts,
            part.version,
            later=part.later,
        )
        for part in Store(store_home()).holdings(symbols, end=as_of)
    )


def ready(part: Bulk, now: datetime, as_of: date | None) -> Bars:
    """Return the usable bars of one part as ragged arrays: what `analyze` uses, of all symbols at once."""
    levels = adjusted(part.bars, part.actions, part.basis).bars
    frames = []
    for calendar, rows in _by_calendar(levels):
        present = as_of
        if part.simulated and present is None:  # the simulated market has ended: its last day is its present
            present = part.bars["session"].max()  # type: ignore[assignment]
        frames.append(usable(rows, part.actions, calendar=calendar, now=now, as_of=present))
    frame = frames[0] if len(frames) == 1 else pl.concat(frames).sort("symbol", "session")
    frame = frame.filter(~pl.col("provisional"))
    unknown = frame.group_by("symbol").agg(pl.col("adj_close").is_null().all().alias("is_lost"))
    lost = unknown.filter("is_lost")["symbol"].to_list()
    if lost:
        is_lost = pl.col("symbol").is_in(lost)
        frame = frame.with_columns(adj_close=pl.when(is_lost).then("close").otherwise("adj_close"))
    return Bars.from_frame(frame)


def _by_calendar(levels: pl.DataFrame) -> list[tuple[str | None, pl.DataFrame]]:
    names = levels["symbol"].unique(maintain_order=True).to_list()
    calendars = {name: calendar_of(name) for name in names}
    kinds = set(calendars.values())
    if len(kinds) <= 1:
        return [(next(iter(kinds), "XNYS"), levels)]
    parts = []
    for kind in sorted(kinds, key=str):
        chosen = [name for name, calendar in calendars.items() if calendar == kind]
        parts.append((kind, levels.filter(pl.col("symbol").is_in(chosen))))
    return parts
