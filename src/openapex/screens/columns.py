"""The columns of the scan table: what a condition may name, its type and unit, and one sentence that defines it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from openapex.signals import SIGNALS
from openapex.signals.signal import PriceSignal

Kind: TypeAlias = Literal["number", "text", "flag", "date", "list of text"]

VERDICTS: Final = ("BUY", "HOLD", "SELL")

EVENTS: Final[tuple[str, ...]] = tuple(
    name for signal in SIGNALS.values() if isinstance(signal, PriceSignal) for name in signal.event_names
)
"""Every event that a signal can see, in display order."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the scan table.

    Parameters
    ----------
    kind : {"number", "text", "flag", "date", "list of text"}
        What its values are, and so what a condition may do with them.
    unit : str
        Unit of a number, "" where it has none.
    sentence : str
        Its definition.
    choices : tuple of str
        The only texts it can hold; empty where any text may stand in it.
    """

    kind: Kind
    unit: str
    sentence: str
    choices: tuple[str, ...] = ()


def _rank(of: str) -> Column:
    return Column("number", "0–100", f"Share of the scanned universe whose {of} is lower, ties half, in percent.")


COLUMNS: Final[Mapping[str, Column]] = MappingProxyType(
    {
        "symbol": Column("text", "", "The symbol."),
        "session": Column("date", "", "Session of the last bar used; everything in the row is known at its close."),
        "close": Column("number", "price", "Close of that bar, adjusted for splits."),
        "change_pct": Column("number", "%", "Total return since the bar before."),
        "score": Column("number", "0–100", "The composite score."),
        "verdict": Column("text", "", "BUY, HOLD or SELL; unknown where too little is known for one.", VERDICTS),
        "coverage": Column("number", "0–1", "Share of the model's weights whose signals are known."),
        "percentile": Column(
            "number", "0–100", "Share of the symbol's own scores so far that are lower, ties half, in percent."
        ),
        **{
            f"{name}_score": Column("number", "0–100", f"The {signal.title} signal.")
            for name, signal in SIGNALS.items()
        },
        "rsi": Column("number", "0–100", "Wilder's RSI(14)."),
        "relative_volume": Column("number", "×", "Volume against the mean of the 20 bars before."),
        "atr_pct": Column("number", "%", "Average true range over 14 bars (Wilder), as a share of the close."),
        "percent_b": Column(
            "number", "", "Close within the Bollinger bands (20, 2 σ): 0 at the lower, 1 at the upper."
        ),
        "distance_sma_50_pct": Column("number", "%", "Close against the mean of the last 50 closes."),
        "distance_sma_200_pct": Column("number", "%", "Close against the mean of the last 200 closes."),
        "ret_20_pct": Column("number", "%", "Total return over 20 sessions."),
        "relative_20_pct": Column("number", "points", "That return minus SPY's over the same sessions."),
        "below_52w_high_pct": Column(
            "number", "%", "Close against the highest high of 52 weeks: 0 at it, else below 0."
        ),
        "average_dollar_volume_20": Column("number", "price", "Mean of close × volume over the last 20 bars."),
        "n_bars": Column("number", "bars", "Bars of the symbol up to the session."),
        "sector": Column("text", "", "Sector, as the universe or the store names it."),
        "events": Column("list of text", "", "Names of the events of the last sessions, newest first.", EVENTS),
        "score_rank": _rank("score"),
        "rsi_rank": _rank("RSI"),
        "relative_volume_rank": _rank("relative volume"),
        "atr_pct_rank": _rank("ATR %"),
        "ret_20_rank": _rank("20-session return"),
        "relative_20_rank": _rank("20-session return against SPY"),
    }
)
"""Every column by name, in display order."""

DEFAULT: Final = (
    "symbol",
    "score",
    "verdict",
    "rsi",
    "relative_volume",
    "atr_pct",
    "percent_b",
    "distance_sma_50_pct",
    "distance_sma_200_pct",
    "relative_20_pct",
    "events",
)
"""The columns shown unless others are asked for."""
