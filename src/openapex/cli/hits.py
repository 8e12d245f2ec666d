"""The past of a screen as text: how often it was true, and what came after, beside everything else."""

import math

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from openapex.desk.hits import After, HitsReport

COLUMNS = (
    "sessions held", "n", "apart", "mean %", "median %", "up %", "universe mean %", "median %", "up %",
    "same days %", "difference",
)  # fmt: skip


def print_hits(report: HitsReport, console: Console) -> None:
    """Write the report to `console`."""
    console.print(Group(Text(), _headline(report), Text(), _after(report), Text(), _summary(report)))


def _headline(report: HitsReport) -> Text:
    text = Text()
    if report.simulated:
        text.append(" SIMULATED ", "bold white on red").append("  ")
    text.append(f"{report.n_hits:,} past hits", "bold")
    return text.append(
        f"   {report.n_entries:,} entries in {report.n_symbols:,} of {report.n_universe:,} symbols   on "
        f"{report.n_hit_sessions:,} of {report.n_sessions:,} sessions ({100 * report.share_of_sessions:.1f} %)   "
        f"{report.start} to {report.end}",
        "dim",
    )


def _after(report: HitsReport) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for one in report.after:
        table.add_row(*_row(one))
    return table


def _row(one: After) -> list[Text]:
    returns = (one.mean_pct, one.median_pct, 100 * one.positive_share)
    base = (one.base_mean_pct, one.base_median_pct, 100 * one.base_positive_share)
    shown = [Text(f"{n:,}") for n in (one.horizon, one.n, one.n_apart)]
    shown += [_number(value) for value in (*returns, *base, one.matched_mean_pct)]
    return [*shown, _number(one.difference_pct, sign="+")]


def _number(value: float, sign: str = "") -> Text:
    return Text("n/a", "dim") if math.isnan(value) else Text(f"{value:{sign}.2f}")


def _summary(report: HitsReport) -> Text:
    text = Text(
        f"bought at the next open; same days: the universe from the sessions of the hits; {report.n_bars:,} scored "
        f"bars from {report.source} in {report.seconds:.2f} s",
        "dim",
    )
    newest = ", ".join(f"{symbol} {session}" for symbol, session in report.newest.select("symbol", "session").rows())
    if newest:
        text.append(f"\n  newest: {newest}", "")
    for warning in report.warnings:
        text.append(f"\n  ! {warning}", "yellow")
    return text
