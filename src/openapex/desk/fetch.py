"""Bring data into the store: every requested symbol ends as stored, without news, or failed with its cause."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import reduce
from pathlib import Path
from typing import Any

from openapex.context.macro import FRED_SERIES
from openapex.context.profile import profile
from openapex.desk.material import open_source
from openapex.errors import ApexError, BadInput, NoData
from openapex.sources.source import Delivery, Failure, HasSeries, NoNewData, Source
from openapex.store import Store, store_home

BATCH = 64
"""Symbols of a network source committed at once: a kill loses at most the minutes these took."""


@dataclass(slots=True)
class FetchReport:
    """What became of every requested symbol or macro series: ``requested = stored + no_new_data + failed``.

    `n_macro_revised` counts values that differ from what was held of their reference date.
    """

    requested: tuple[str, ...]
    simulated: bool = False
    stored: list[str] = field(default_factory=list)
    no_new_data: dict[str, str] = field(default_factory=dict)
    failed: dict[str, ApexError] = field(default_factory=dict)
    n_new: int = 0
    n_revised: int = 0
    n_superseded: int = 0
    n_macro_new: int = 0
    n_macro_revised: int = 0
    version: str = ""
    warnings: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "requested": len(self.requested),
            "simulated": self.simulated,
            "stored": self.stored,
            "no_new_data": self.no_new_data,
            "failed": {name: {"cause": type(e).__name__, "message": str(e)} for name, e in self.failed.items()},
            "bars": {"new": self.n_new, "revised": self.n_revised, "superseded": self.n_superseded},
            "macro": {"new": self.n_macro_new, "revised": self.n_macro_revised},
            "version": self.version,
            "warnings": self.warnings,
        }

    def joined(self, other: "FetchReport") -> "FetchReport":
        """Return the report of both fetches, the second of which came later."""
        return FetchReport(
            requested=self.requested + other.requested,
            simulated=self.simulated or other.simulated,
            stored=self.stored + other.stored,
            no_new_data=self.no_new_data | other.no_new_data,
            failed=self.failed | other.failed,
            n_new=self.n_new + other.n_new,
            n_revised=self.n_revised + other.n_revised,
            n_superseded=self.n_superseded + other.n_superseded,
            n_macro_new=self.n_macro_new + other.n_macro_new,
            n_macro_revised=self.n_macro_revised + other.n_macro_revised,
            version=other.version or self.version,
            warnings=self.warnings + other.warnings,
        )


def fetch(
    symbols: Sequence[str],
    *,
    source: str = "yahoo",
    start: date | None = None,
    macro: bool = False,
    companions: bool = False,
    progress: Callable[[str], None] = lambda symbol: None,
    now: datetime | None = None,
) -> FetchReport:
    """Fetch symbols, and the macro series that their context needs, into the store.

    Parameters
    ----------
    symbols : sequence of str
        What to fetch.  Empty means, for the simulated market, all of it; for FRED, the series a context needs.
    source : {"yahoo", "fred", "demo"}
        Where the symbols come from; FRED's symbols are its series.
    start : date, optional
        First session wanted.
    macro : bool, default False
        Also fetch the macro series a context needs: from FRED, or the simulated ones.
    companions : bool, default False
        Also fetch the symbols that each symbol is compared with (`openapex.context.profile`), and the macro series.
    progress : callable, optional
        Called with each symbol as its answer arrives.
    now : datetime with time zone, optional
        The present moment; by default the clock.

    Raises
    ------
    BadInput
        If no symbol is named for a source that cannot be listed.
    """
    moment = now or datetime.now(UTC)
    has_macro = (macro or companions) and source != "fred"
    wanted = list(symbols) or (list(FRED_SERIES) if source == "fred" else [])
    origin = open_source(source, moment)
    if companions:
        listed = set(origin.symbols())  # empty for a source that cannot be listed
        around = [name for symbol in symbols for name in profile(symbol).companions]
        wanted += [name for name in around if not listed or name in listed]
    reports = [_ingest(origin, wanted, start, progress, moment)] if wanted or not macro else []
    if has_macro:
        publisher = origin if source == "demo" else open_source("fred", moment)
        held = publisher.series() if isinstance(publisher, HasSeries) else ()
        reports.append(_ingest(publisher, [name for name in FRED_SERIES if name in held], start, progress, moment))
    return reduce(FetchReport.joined, reports)


def import_path(
    path: Path,
    symbols: Sequence[str] = (),
    *,
    progress: Callable[[str], None] = lambda symbol: None,
    now: datetime | None = None,
) -> FetchReport:
    """Keep a CSV or Parquet file, or a folder of them, in the store; by default every symbol in it."""
    moment = now or datetime.now(UTC)
    return _ingest(open_source("files", moment, path), symbols, None, progress, moment)


def _ingest(
    source: Source, symbols: Sequence[str], start: date | None, progress: Callable[[str], None], now: datetime
) -> FetchReport:
    wanted = tuple(dict.fromkeys(symbols)) or tuple(source.symbols())
    if not wanted:
        raise BadInput(f"symbols is empty, must name at least one for source {source.name!r}")
    report = FetchReport(requested=wanted, simulated=source.simulated)
    store = Store(store_home())
    deliveries = _sorted_out(source, wanted, start, progress, report)
    for batch in _batches(deliveries) if source.is_network else [deliveries]:
        receipt = store.ingest(batch, now=now)
        report.stored += receipt.symbols
        report.failed |= {refused.symbol: refused.error for refused in receipt.refused}
        report.n_new += receipt.n_new
        report.n_revised += receipt.n_revised
        report.n_superseded += receipt.n_superseded
        report.n_macro_new += receipt.n_macro_new
        report.n_macro_revised += receipt.n_macro_revised
        report.version = receipt.version
        report.warnings += receipt.warnings
    return report


def _sorted_out(
    source: Source, wanted: Sequence[str], start: date | None, progress: Callable[[str], None], report: FetchReport
) -> Iterator[Delivery]:
    """Pass deliveries on; write the other answers, and symbols without an answer, into the report."""
    answered = set()
    for answer in source.fetch(wanted, start=start):
        answered.add(answer.symbol)
        progress(answer.symbol)
        if isinstance(answer, Delivery):
            report.warnings += [f"{answer.symbol}: {text}" for text in answer.warnings]
            yield replace(answer, source=source.name)  # a file's name is not part of a key
        elif isinstance(answer, NoNewData):
            report.no_new_data[answer.symbol] = answer.reason
        elif isinstance(answer, Failure):
            report.failed[answer.symbol] = answer.error
    for name in wanted:
        if name not in answered:
            report.failed[name] = NoData(f"{source.name} gave no answer for {name}")


def _batches(deliveries: Iterator[Delivery]) -> Iterator[Iterable[Delivery]]:
    batch: list[Delivery] = []
    for delivery in deliveries:
        batch.append(delivery)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
