"""Timed headlines of the simulated market's last two years.

Their tone leans weakly on what has *already* happened (the session before, a report's surprise) and never on what
comes: no reader of these headlines can gain by them, by construction.
"""

import tomllib
from datetime import date
from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np
import polars as pl

from openapex.bars import BoolArray, FloatArray, SessionArray
from openapex.sources.demo.draws import Draws
from openapex.sources.source import HEADLINE_SCHEMA

FIRST_DAY = np.datetime64("2024-01-01", "D")
PUBLISHER = "SIMULATED Newswire"

_HOUR = np.timedelta64(3600, "s")
_DAY_S = 86_400
_FRIDAY = 1  # 1970-01-02, day 1 of the count, was a Friday
_TONES = ("bad", "plain", "good")


class Happening(NamedTuple):
    """What headlines may look back on, each of shape (n_bars,): the move in volatilities, reports, their surprise."""

    sessions: SessionArray
    move: FloatArray
    reports: BoolArray
    surprise: FloatArray


@cache
def _templates() -> dict[str, list[str]]:
    text = resources.files(__package__).joinpath("news.toml").read_text(encoding="utf-8")
    return {kind: list(lines) for kind, lines in tomllib.loads(text).items()}


def headlines(draws: Draws, symbol: str, name: str, *, is_fund: bool, seen: Happening) -> pl.DataFrame:
    """Return headlines in `HEADLINE_SCHEMA`, oldest first.

    With a chance of a third (funds) or a quarter (companies) one follows a session's close within a day (Friday's:
    over the weekend); reports are announced at noon UTC of their session.
    """
    rows = seen.sessions >= FIRST_DAY
    recent = Happening(seen.sessions[rows], seen.move[rows], seen.reports[rows], seen.surprise[rows])
    n = len(recent.sessions)
    picks = draws.integers(f"{symbol}/news/pick", n, below=2520).tolist()
    is_told = draws.uniforms(f"{symbol}/news", n) < (0.34 if is_fund else 0.24)
    is_friday = recent.sessions.astype(np.int64) % 7 == _FRIDAY
    delays = draws.integers(f"{symbol}/news/delay", n, below=_DAY_S) * np.where(is_friday, 3, 1)
    leans = 0.3 * recent.move + draws.normals(f"{symbol}/news/tone", n)
    tones = np.where(leans > 0.5, 2, np.where(leans < -0.5, 0, 1)).tolist()
    seconds = recent.sessions.astype("datetime64[s]")
    after_close = (seconds + 21 * _HOUR + delays.astype("timedelta64[s]"))[is_told]
    prefix = "fund_" if is_fund else ""
    titles = [
        _title(f"{prefix}{_TONES[tones[row]]}", picks[row], name, row) for row in np.flatnonzero(is_told).tolist()
    ]
    titles += [
        _title("report_good" if recent.surprise[row] > 0.0 else "report_bad", picks[row], name, row)
        for row in np.flatnonzero(recent.reports).tolist()
    ]
    return _frame(
        symbol, np.concatenate([after_close, seconds[recent.reports] + 12 * _HOUR]), titles, seen.sessions[-1].item()
    )


def _title(kind: str, pick: int, name: str, item: int) -> str:
    """Return a title that is never repeated for the symbol (readers of news drop repetitions)."""
    lines = _templates()[kind]
    return f"{lines[pick % len(lines)].format(name=name, n=2 + pick % 18)} (SIMULATED item {item})"


def _frame(symbol: str, published: SessionArray, titles: list[str], last: date) -> pl.DataFrame:
    """Return the headlines up to the evening of `last`, the last day of the simulation."""
    columns = {
        "symbol": pl.repeat(symbol, len(titles), dtype=pl.String, eager=True),
        "published_at": pl.Series(published.astype("datetime64[us]")).dt.replace_time_zone("UTC"),
        "title": titles,
        "publisher": pl.repeat(PUBLISHER, len(titles), dtype=pl.String, eager=True),
    }
    frame = pl.DataFrame(columns, schema=HEADLINE_SCHEMA).sort("published_at", "title")
    return frame.filter(pl.col("published_at").dt.date() <= last)
