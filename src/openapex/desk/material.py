"""Bring what is known of some symbols to the desk: straight from a local source, or through the store."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import polars as pl

from openapex.errors import ApexError, BadInput, NoData, SourceError, StoreError, UnknownName
from openapex.sessions import calendar_of, last_closed_session, sessions_between
from openapex.sources.source import MACRO_SCHEMA, Answer, Basis, Delivery, Failure, HasSeries, NoNewData, Source, empty

if TYPE_CHECKING:
    from openapex.sources.files import FilesSource
    from openapex.store import Store, Stored

BENCHMARKS = ("SPY", "QQQ")
REFRESHED = ("SPY", "QQQ", "IWM")
"""Companions that `analyze` keeps fresh beside the symbol: key statistics and breadth stand on them."""
SOURCE_NAMES = ("yahoo", "files", "fred", "demo")
REFRESH_DAYS = 10
"""Calendar days before the last stored bar that a refresh asks for again, so that late revisions are seen."""
NAMED = 3
"""Names in a sentence about what could not be read; more are counted."""
REFRESH_DEADLINE_S = 12.0
"""Longest time `analyze` waits for the network before it serves what is stored."""


@dataclass(frozen=True, slots=True)
class Material:
    """All that is known of one symbol, as delivered: not yet cut, adjusted or examined.

    `version` is the store's, or None for a local source (the analysis then names a hash of the rows it used).
    """

    symbol: str
    source: str
    simulated: bool
    basis: Basis
    bars: pl.DataFrame
    actions: pl.DataFrame
    headlines: pl.DataFrame
    facts: pl.DataFrame
    version: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gathered:
    """One symbol, those companions that could be had, and macro series.

    `macro` is in `MACRO_SCHEMA`; `macro_sources` names where its series came from.
    """

    asked: Material
    others: Mapping[str, Material]
    macro: pl.DataFrame = field(default_factory=lambda: empty(MACRO_SCHEMA))
    macro_sources: tuple[str, ...] = ()


def open_source(
    name: str, now: datetime, data: Path | None = None, *, hurried: bool = False, extras: bool = True
) -> Source:
    """Return the source called `name`; a hurried one gives up soon, because a reader is waiting.

    Without `extras` a network source is asked for prices alone, which is a third of the requests.

    Raises
    ------
    UnknownName
        If there is no such source.
    BadInput
        If ``files`` is asked for without a path, or a path is given to another source.
    """
    if name not in SOURCE_NAMES:
        raise UnknownName("source", name, SOURCE_NAMES)
    if (data is not None) != (name == "files"):
        raise BadInput(f"data is {data}, must be a path for source 'files' and absent for the others")
    if name == "demo":
        from openapex.sources.demo import DemoSource

        return DemoSource()
    if name == "fred":
        from openapex.sources.fred import FredSource

        return FredSource(api_key=os.environ.get("FRED_API_KEY"), now=lambda: now)
    if data is not None:
        from openapex.sources.files import FilesSource

        return FilesSource(data)
    from openapex.sources.yahoo import YahooSource, yahoo_session
    from openapex.store import store_home

    patience = {"retries": 1, "deadline_s": REFRESH_DEADLINE_S} if hurried else {}
    return YahooSource(yahoo_session(), now=lambda: now, extras=extras, cache_folder=store_home() / "cache", **patience)  # type: ignore[arg-type]


def gather(
    symbol: str,
    *,
    source: str | None,
    data: Path | None,
    as_of: date | None,
    offline: bool,
    now: datetime,
    companions: Sequence[str] = BENCHMARKS,
    series: Sequence[str] = (),
) -> Gathered:
    """Return what can be had of `symbol`, its companions and macro series.

    A path or the simulated market is read directly.  Otherwise the store is read, after what is stale in it was
    refreshed from the network; when that fails, what is stored is served with a warning.  Macro series are read as
    they are stored.

    Raises
    ------
    NoData
        If there is nothing for `symbol`; says what to do.
    ApexError
        If a local source cannot be read.
    """
    if source is not None and source not in SOURCE_NAMES:
        raise UnknownName("source", source, SOURCE_NAMES)
    wanted = [symbol, *(name for name in companions if name != symbol)]
    if source == "demo" or data is not None:
        return _direct(open_source(source or "files", now, data), wanted, series, as_of)
    return _from_store(wanted, series, source=source, as_of=as_of, offline=offline, now=now)


def _direct(source: Source, wanted: Sequence[str], series: Sequence[str], as_of: date | None) -> Gathered:
    delivered = _delivered(source.fetch(wanted, end=as_of))
    found = _first(wanted[0], delivered)
    faults: dict[str, ApexError] = {}
    parts: list[Delivery] = []
    unread: list[str] = []
    if series and isinstance(source, HasSeries):
        held = series if _is_folder(source) else set(source.series())  # in a folder a damaged table may hold any
        for answer in source.fetch_series([name for name in series if name in held], end=as_of):
            if isinstance(answer, Delivery) and answer.macro.height:
                parts.append(answer)
            elif isinstance(answer, Failure):
                faults[answer.symbol] = answer.error
        unread = _unread(source)
    faults |= {name: error for name, error in delivered.items() if isinstance(error, ApexError)}
    troubles = dict.fromkeys((*found.asked.warnings, *_left_out(faults), *unread))
    return replace(
        found,
        asked=replace(found.asked, warnings=tuple(troubles)),
        macro=pl.concat([part.macro for part in parts]) if parts else found.macro,
        macro_sources=tuple(sorted({part.source for part in parts})),
    )


def _left_out(faults: Mapping[str, ApexError]) -> Iterator[str]:
    """Yield what could not be read, one sentence a cause; what is simply not there is named elsewhere."""
    by_cause: dict[str, list[str]] = {}
    for name, error in faults.items():
        if not isinstance(error, NoData):
            by_cause.setdefault(str(error), []).append(name)
    for cause, names in by_cause.items():
        who = ", ".join(names) if len(names) <= NAMED else f"{len(names)} names ({', '.join(names[:NAMED])} …)"
        yield f"{who} left out: {cause}"


def _is_folder(source: Source) -> "TypeGuard[FilesSource]":
    from openapex.sources.files import FilesSource

    return isinstance(source, FilesSource) and source.path.is_dir()


def _unread(source: Source) -> list[str]:
    """Return why files in a folder of tables could not be told to be any table."""
    if not _is_folder(source):
        return []
    notes = source.tables()
    is_collection = any(note.kind in ("bars", "series", "holdings") for note in notes)
    return [f"left out: {note.why}" for note in notes if is_collection and note.kind == "unreadable"]


def _first(symbol: str, found: Mapping[str, Material | ApexError]) -> Gathered:
    asked = found[symbol]
    if isinstance(asked, ApexError):
        raise asked
    others = {name: one for name, one in found.items() if isinstance(one, Material) and name != symbol}
    return Gathered(asked, others)


def _delivered(answers: Iterable[Answer]) -> dict[str, Material | ApexError]:
    found: dict[str, Material | ApexError] = {}
    for answer in answers:
        if isinstance(answer, Delivery):
            found[answer.symbol] = Material(
                answer.symbol, answer.source, answer.simulated, answer.basis,
                answer.bars, answer.actions, answer.headlines, answer.facts, warnings=answer.warnings,
            )  # fmt: skip
        elif isinstance(answer, Failure):
            found[answer.symbol] = answer.error
        else:
            found[answer.symbol] = NoData(f"no bars of {answer.symbol}: {answer.reason}")
    return found


def _from_store(
    wanted: Sequence[str],
    series: Sequence[str],
    *,
    source: str | None,
    as_of: date | None,
    offline: bool,
    now: datetime,
) -> Gathered:
    from openapex.store import Store, store_home  # only here: a local source is read without the store

    store, symbol = Store(store_home()), wanted[0]
    stored = store.find_each(wanted, source=source)
    troubles: dict[str, str] = {}
    asked = stored[symbol]
    is_ours = source in (None, "yahoo") and (asked is None or asked.source == "yahoo")
    kept_fresh = [name for name in wanted if name == symbol or name in REFRESHED]
    stale = [name for name in kept_fresh if is_ours and _wants_refresh(stored[name], as_of, now)]
    if stale and not offline:
        troubles = refresh(store, stale, stored, now)
        stored = store.find_each(wanted, source=source)
        asked = stored[symbol]
    if asked is None:
        raise NoData(_nothing(symbol, source, troubles.get(symbol), offline))
    found = _first(symbol, {name: _material(held, troubles.get(name)) for name, held in stored.items() if held})
    if not series:
        return found
    only = source if source in ("demo", "files") else None
    macro = store.find_macro(series, source=only, end=as_of, version=asked.version)
    names = {name for each in macro.sources.values() for name in each}
    return replace(found, macro=macro.frame, macro_sources=tuple(sorted(names)))


def _wants_refresh(held: "Stored | None", as_of: date | None, now: datetime) -> bool:
    if held is None:
        return True
    if held.source != "yahoo" or held.bars.is_empty():
        return held.bars.is_empty()
    calendar = calendar_of(held.symbol) or "XNYS"
    expected = last_closed_session(now, calendar)
    if as_of is not None and as_of < expected:
        sessions = sessions_between(as_of - timedelta(days=14), as_of, calendar)
        expected = sessions[-1].item() if len(sessions) else as_of
    last = held.bars["session"].max()
    settled = not held.bars.filter(pl.col("session") == last)["provisional"].item()
    return bool(last < expected or (not settled and last <= expected))  # type: ignore[operator]


def refresh(
    store: "Store", symbols: Sequence[str], stored: "Mapping[str, Stored | None]", now: datetime
) -> dict[str, str]:
    """Fetch what is missing of `symbols` from the network into the store; return what went wrong, by symbol."""
    troubles: dict[str, str] = {}
    with_extras, prices_alone = (open_source("yahoo", now, hurried=True, extras=extras) for extras in (True, False))
    for at, name in enumerate(symbols):
        source = prices_alone if name in REFRESHED and at > 0 else with_extras
        try:
            error = _refreshed(store, source, name, stored[name], now)
        except StoreError as fault:  # what is held can still be read
            error = fault
        if error is not None:
            troubles[name] = str(error)
        if isinstance(error, SourceError | StoreError):  # the others would meet the same fault
            return troubles | dict.fromkeys(symbols[at:], str(error))
    return troubles


def _refreshed(store: "Store", source: Source, name: str, held: "Stored | None", now: datetime) -> ApexError | None:
    """Store what is new of one symbol; return the error that kept it from being stored."""
    last = held.bars["session"].max() if held is not None and not held.bars.is_empty() else None
    start = last - timedelta(days=REFRESH_DAYS) if isinstance(last, date) else None
    for answer in source.fetch([name], start=start):
        if isinstance(answer, Failure):
            return answer.error
        if isinstance(answer, NoNewData):
            return NoData(f"no new data: {answer.reason}")
        for refused in store.ingest([answer], now=now).refused:
            return refused.error
    return None


def _material(held: "Stored", trouble: str | None) -> Material:
    warnings = (f"could not refresh {held.symbol}: {trouble}",) if trouble else ()
    if held.source == "files":
        warnings = (f"kept from a file, which is never refreshed; for newer bars: apex fetch {held.symbol}",)
    return Material(
        held.symbol, held.source, held.simulated, held.basis, held.bars, held.actions, held.headlines, held.facts,
        version=held.version, warnings=warnings,
    )  # fmt: skip


def _nothing(symbol: str, source: str | None, trouble: str | None, offline: bool) -> str:
    why = "offline was asked for" if offline else trouble or "it was not looked for on the network"
    where = f" from source {source!r}" if source else ""
    choices = {
        "--data PATH": "your own CSV or Parquet file",
        "apex import PATH": "keep such a file in the store",
        f"apex fetch {symbol}": "once Yahoo can be reached",
        "--source demo": "the embedded simulated market",
    }
    width = max(map(len, choices)) + 2
    advice = "\n".join(f"  {command:<{width}} {what}" for command, what in choices.items())
    return f"nothing is stored for {symbol}{where}, and no network source gave it ({why}). Try one of:\n{advice}"
