"""The weather in one line a topic."""

import math
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from openapex.context.lines import Line

STATE_COLOURS = {
    "CRUNCH": "bold red", "STRAINED": "yellow", "HEADWIND": "yellow", "SLOWDOWN": "yellow", "NARROW": "yellow",
    "SLOWING": "yellow", "BEHIND": "yellow", "RISING": "yellow", "TAILWIND": "green", "BROAD": "green",
    "ACCELERATING": "green", "AHEAD": "green", "FALLING": "green", "CALM": "green",
}  # fmt: skip


def lines_table(lines: Sequence[Line]) -> Table:
    """Return one row a topic: title, state, where its number stands in its history, sentence."""
    table = Table(box=None, pad_edge=False, padding=(0, 1), expand=True, header_style="dim")
    table.add_column("Context", no_wrap=True)
    table.add_column("State", no_wrap=True)
    table.add_column("Pctile", justify="right", no_wrap=True)
    table.add_column("Why", ratio=1)
    for line in lines:
        rank = "" if math.isnan(line.percentile) else rank_text(line.percentile)
        sentence = Text(line.sentence, "dim" if line.sentence.startswith("unknown") else "")
        table.add_row(line.title, Text(line.state or "", STATE_COLOURS.get(line.state or "", "")), rank, sentence)
    return table


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


def is_macro_missing(lines: Sequence[Line]) -> bool:
    """Return whether a topic is unknown for want of macro series."""
    return any(line.topic in ("rates", "credit", "growth") and line.sentence.startswith("unknown") for line in lines)
