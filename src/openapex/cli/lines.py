"""The weather in one line a topic, and what every table and report here shares."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from openapex.desk.analysis import DataNote, shown_warnings, warning_text

if TYPE_CHECKING:
    from openapex.context.lines import Line

LEGEND = (
    "Value: 20-session lead or change, spread, votes, sessions, correlation, count; Pctile: its place in its history"
)
STATE_COLOURS = {
    "CRUNCH": "bold red", "STRAINED": "yellow", "HEADWIND": "yellow", "SLOWDOWN": "yellow", "NARROW": "yellow",
    "SLOWING": "yellow", "BEHIND": "yellow", "RISING": "yellow", "TAILWIND": "green", "BROAD": "green",
    "ACCELERATING": "green", "AHEAD": "green", "FALLING": "green", "CALM": "green",
}  # fmt: skip


def lines_table(lines: "Sequence[Line]", session: date) -> Table:
    """Return one row a topic: title, state, number, its place in its own history, when it was known, sentence."""
    table = Table(box=None, pad_edge=False, padding=(0, 1), expand=True, header_style="dim")
    table.add_column("Context", no_wrap=True)
    table.add_column("State", no_wrap=True)
    table.add_column("Value", justify="right", no_wrap=True)
    table.add_column("Pctile", justify="right", no_wrap=True)
    table.add_column("Known", no_wrap=True)
    table.add_column("Why", ratio=1)
    for line in lines:
        rank = "" if math.isnan(line.percentile) else rank_text(line.percentile)
        sentence = Text(line.sentence, "dim" if line.sentence.startswith("unknown") else "")
        state = Text(line.state or "", STATE_COLOURS.get(line.state or "", ""))
        table.add_row(line.title, state, value_text(line), rank, Text(_day(line.known_at, session), "dim"), sentence)
    return table


def value_text(line: "Line") -> str:
    """Return a topic's number with its sign or unit, nothing where it is unknown."""
    if math.isnan(line.value):
        return ""
    if line.topic == "rates":
        return f"{line.value:+.2f} pp"
    forms = {"pp": "{:+.1f} pp", "%": "{:.2f} %", "votes": "{:+.0f}", "sessions": "{:.0f}", "correlation": "{:+.2f}"}
    return forms.get(line.unit, "{:.0f}").format(line.value)


def _day(day: date | None, session: date) -> str:
    """Return a day without its year where that is the session's."""
    return "" if day is None else f"{day:%m-%d}" if day.year == session.year else f"{day}"


def legend() -> Text:
    """Return what the percentiles of `lines_table` are of."""
    return Text(LEGEND, "dim")


def warning_lines(note: DataNote) -> list[Text]:
    """Return the warnings a reader must see, and how many more there are."""
    shown = shown_warnings(note)
    lines = [Text(f"  ! {warning_text(one)}", "yellow").append(f" [{one.rule}]", "dim") for one in shown]
    hidden = len(note.warnings) - len(shown)
    if hidden:
        lines.append(Text(f"  + {hidden} older or lesser findings: --json lists them all", "dim"))
    return lines


@dataclass(frozen=True, slots=True)
class Fitting:
    """A table that gives up half of its space between columns where it would be too wide, before any word breaks."""

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table for the width there is."""
        self.table.collapse_padding = Measurement.get(console, options.update(width=500), self.table).maximum > (
            options.max_width
        )
        yield self.table


def rank_text(rank: float) -> str:
    """Return a percentile that never claims all or none.

    Examples
    --------
    >>> rank_text(42.4), rank_text(99.84), rank_text(99.99)
    ('42', '99.8', '>99.9')
    """
    if 1.0 <= rank < 99.0:
        return f"{rank:.0f}"
    if rank < 0.1:
        return "<0.1"
    return f"{rank:.1f}" if rank < 99.95 else ">99.9"


def plain_table(*columns: str, right: Sequence[str] = (), wraps: Sequence[str] = ()) -> Table:
    """Return an empty table; columns of words in `wraps` give way where it is too wide, numbers never do."""
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", no_wrap=name not in wraps)
    return table


def number(value: float, form: str, unit: str = "") -> str:
    """Return a number in its form with its unit, "n/a" where it is unknown."""
    return "n/a" if math.isnan(value) else f"{value:{form}}{unit}"


def rank_or_unknown(rank: float) -> str:
    """Return a percentile, "n/a" where it is unknown."""
    return "n/a" if math.isnan(rank) else rank_text(rank)


def is_macro_missing(lines: "Sequence[Line]") -> bool:
    """Return whether a topic is unknown for want of macro series."""
    return any(line.topic in ("rates", "credit", "growth") and line.sentence.startswith("unknown") for line in lines)
