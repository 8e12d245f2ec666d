"""Tables for the commands about data: what was fetched, what is stored, what is wrong."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from openapex.desk.fetch import FetchReport
from openapex.errors import SourceError

SHOWN = 20


def print_fetch_report(report: FetchReport, console: Console) -> None:
    """Write what became of every requested symbol; failures by name with their cause."""
    macro = f"; {report.n_macro_new:,} new macro values, {report.n_macro_revised:,} revised"
    console.print(
        ("SIMULATED: " if report.simulated else "")
        + f"{len(report.requested):,} requested = {len(report.stored):,} stored + {len(report.no_new_data):,} without "
        f"new data + {len(report.failed):,} failed; {report.n_new:,} new bars, {report.n_revised:,} revised, "
        f"{report.n_superseded:,} superseded"
        + (macro if report.n_macro_new or report.n_macro_revised else "")
        + (f"; {report.version}" if report.version else "")
    )
    for name, reason in list(report.no_new_data.items())[:SHOWN]:
        console.print(Text(f"  {name}: no new data, {reason}", "dim"))
    unasked = {name for name, error in report.failed.items() if f"{name} was not asked for: " in str(error)}
    failed = {name: error for name, error in report.failed.items() if name not in unasked}
    for name, error in list(failed.items())[:SHOWN]:
        console.print(Text(f"  {name}: {type(error).__name__}, {str(error).removeprefix(f'{name}: ')}", "red"))
    if unasked:
        console.print(Text(f"  {len(unasked)} more were not asked for", "red"))
    if failed and not report.stored and any(isinstance(error, SourceError) for error in failed.values()):
        console.print(Text("  nothing stored; try again later, or: apex import FILE", "yellow"))
    for text in report.warnings[:SHOWN]:
        console.print(Text(f"  ! {text}", "yellow"))
    hidden = sum(max(0, len(part) - SHOWN) for part in (report.no_new_data, failed, report.warnings))
    if hidden:
        console.print(f"  + {hidden} more: --json lists them all")


def print_store_info(info: Any, console: Console) -> None:
    """Write what the store holds, one row a source."""
    console.print(f"Store {info.home}, {info.n_bytes / 1e6:.1f} MB, version {info.version}")
    table = Table(box=None, pad_edge=False, header_style="dim")
    has_macro = any(part.n_macro for part in info.sources)
    counts = ("Symbols", "Bars", *(("Series", "Macro rows") if has_macro else ()))
    for title in ("Source", *counts, "First", "Last", "Fetched"):
        table.add_column(title, justify="right" if title in counts else "left")
    for part in info.sources:
        name = f"{part.source} (SIMULATED)" if part.simulated else part.source
        table.add_row(
            name, f"{part.n_symbols:,}", f"{part.n_bars:,}",
            *((f"{part.n_series:,}", f"{part.n_macro:,}") if has_macro else ()), str(part.first), str(part.last),
            f"{part.fetched_at:%Y-%m-%d %H:%M} UTC",
        )  # fmt: skip
    console.print(table if info.sources else "It is empty: apex fetch SYMBOL, or apex import PATH.")


def print_problems(problems: Sequence[Any], console: Console) -> None:
    """Write what `verify` found, or that nothing is wrong."""
    if not problems:
        console.print("store is clean: every file readable, every key unique, every row in order")
    for problem in problems:
        console.print(Text(str(problem), "red"))
