"""A scan as text: what was asked, the hits, and what was left out and why."""

from collections import Counter
from pathlib import Path

import polars as pl
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from openapex.desk.scan import ScanReport
from openapex.errors import BadInput
from openapex.screens import COLUMNS, PRESETS

SHOWN_REFUSED = 5
VERDICT_COLOURS = {"BUY": "bold green", "HOLD": "yellow", "SELL": "bold red"}
SHOWN_EVENTS = 3
HEADINGS = {
    "rsi": "RSI", "relative_volume": "rel vol", "atr_pct": "ATR %", "percent_b": "%b", "relative_20_pct": "vs SPY 20",
    "distance_sma_50_pct": "to SMA 50 %", "distance_sma_200_pct": "to SMA 200 %", "below_52w_high_pct": "to 52w high %",
    "ret_20_pct": "20 days %", "average_dollar_volume_20": "turnover 20", "change_pct": "change %",
}  # fmt: skip
"""Columns in the words of a narrow table; --json and --csv have their names."""


def print_scan(report: ScanReport, console: Console) -> None:
    """Write the report to `console`."""
    console.print(Group(_headline(report), Text(), _hits(report), Text(), _summary(report)))


def _headline(report: ScanReport) -> Text:
    text = Text()
    if report.simulated:
        text.append(" SIMULATED ", "bold white on red").append("  ")
    text.append(f"{report.n_hits:,} of {report.n_scored:,} scored symbols", "bold")
    screen = " and ".join(
        part for part in (PRESETS[report.preset].title if report.preset else "", report.where or "") if part
    )
    text.append(f"   {screen}" if screen else "")
    text.append(f"   session {report.session:%a %Y-%m-%d}   model {report.model}   by {report.sort}", "dim")
    if report.preset:
        text.append(f"\n{PRESETS[report.preset].sentence}", "dim")
    return text


def _hits(report: ScanReport) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    for name in report.columns:
        is_number = COLUMNS[name].kind == "number"
        heading = HEADINGS.get(name, name.removesuffix("_pct").replace("_", " "))
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=name != "events")
    for row in report.hits.select(report.columns).iter_rows(named=True):
        table.add_row(*(_cell(name, value) for name, value in row.items()))
    return table


def _cell(name: str, value: object) -> Text:
    if value is None:
        return Text("n/a", "dim")
    if isinstance(value, float):
        return Text(f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:.2f}" if name == "close" else f"{value:.1f}")
    if isinstance(value, list):
        shown = ", ".join(str(event).replace("_", " ") for event in value[:SHOWN_EVENTS])
        return Text(shown + (f" +{len(value) - SHOWN_EVENTS}" if len(value) > SHOWN_EVENTS else ""))
    return Text(str(value), VERDICT_COLOURS.get(str(value), "bold" if name == "symbol" else ""))


def _summary(report: ScanReport) -> Text:
    version = f" {report.version}" if report.version else ""
    text = Text(
        f"{report.n_requested:,} requested = {report.n_scored:,} scored + {len(report.refused):,} left out; "
        f"{report.n_bars:,} bars from {report.source}{version} in {report.seconds:.2f} s "
        f"({report.n_bars / max(report.seconds, 1e-9):,.0f} rows a second)",
        "dim",
    )
    if report.n_quarantined:
        text.append(f"\n  ! {report.n_quarantined:,} rows quarantined by the quality rules", "yellow")
        text.append("  (apex analyze SYMBOL names each)", "dim")
    for cause, n in Counter(one.cause for one in report.refused).most_common():
        named = [one for one in report.refused if one.cause == cause]
        names = ", ".join(one.symbol for one in named[:SHOWN_REFUSED]) + (" …" if n > SHOWN_REFUSED else "")
        text.append(f"\n  ! {n:,} {cause}: {names}", "yellow").append(f"  ({named[0].reason})", "dim")
    for warning in report.warnings:
        text.append(f"\n  ! {warning}", "yellow")
    if report.n_hits > report.hits.height:
        text.append(f"\n  the first {report.hits.height:,} of {report.n_hits:,}: --top 0 shows all", "dim")
    return text


def print_presets(console: Console) -> None:
    """Write the ready-made screens: name, what is selected, condition."""
    for preset in PRESETS.values():
        console.print(
            Text(f"{preset.name:<22}", "bold")
            .append(preset.sentence, "")
            .append(f"\n{'':<22}{preset.where.text}", "dim")
        )


def print_columns(console: Console) -> None:
    """Write the columns: name, type, sentence."""
    for name, column in COLUMNS.items():
        console.print(Text(f"{name:<26}", "bold").append(f"{column.kind:<14}", "dim").append(column.sentence))


def written(hits: pl.DataFrame, csv: Path | None, parquet: Path | None) -> None:
    """Write hits to files; events are joined by spaces in CSV.

    Raises
    ------
    BadInput
        If a file cannot be written.
    """
    try:
        if csv is not None:
            hits.with_columns(pl.col("events").list.join(" ")).write_csv(csv)
        if parquet is not None:
            hits.write_parquet(parquet)
    except OSError as error:
        raise BadInput(
            f"cannot write {str(csv or parquet)!r}: {error}; name a file in a folder you may write"
        ) from error
