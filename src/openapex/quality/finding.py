"""What a rule of data quality says about a bar, and the list of all rules."""

from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

Effect: TypeAlias = Literal["quarantined", "volume_unknown", "adj_close_unknown", "noted"]

RULES: dict[str, str] = {
    "missing_price": "A price is missing: the close, or open, high or low in a series that has them.",
    "not_finite": "A price or volume is infinite.",
    "non_positive": "A price is zero or negative.",
    "bad_high_low": "High is below low, or open or close lies outside them by more than rounding.",
    "not_a_session": "The exchange was closed that day (weekend, holiday, unscheduled closure).",
    "future_session": "The day lies in the future.",
    "duplicate_session": "The day stands twice; the later row is used.",
    "split_not_applied": "An announced split is not in the prices before it: they are on another scale.",
    "split_like_jump": "The price jumped by a split's or a currency unit's ratio on an otherwise quiet day.",
    "negative_volume": "Volume is negative.",
    "zero_volume_price_move": "The price moved, yet volume is zero.",
    "volume_out_of_proportion": "Volume is a tiny fraction of what the symbol trades, beyond any quiet day.",
    "bad_adj_close": "The adjusted close is not a positive number.",
    "unsorted": "Rows were not in the order of time; they were sorted.",
    "close_only": "Open, high and low are unknown; the close is used.",
    "hole": "Sessions of the exchange are missing inside the series.",
    "reverting_spike": "High or low lies far beyond the closes around it, or the close came back the next session.",
    "unexplained_jump": "The close moved by more than half and far beyond the symbol's habit.",
    "provisional_last_bar": "The last session had not settled; its bar may still change.",
    "stale": "The last bar is older than the last session that has closed.",
}
"""Every rule: its id and what it means (docs/data-quality.md)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule broken by one symbol.

    Parameters
    ----------
    rule : str
        A key of `RULES`.
    symbol : str
        Whose bar.
    session : date
        The bar, or the first missing session of a hole, or the latest of several.
    message : str
        A sentence with the numbers.
    effect : {"quarantined", "volume_unknown", "adj_close_unknown", "noted"}
        What was done: the row is not used; its volume (adjusted close) is null; nothing.
    n_bars : int, default 1
        How many bars it speaks of; more than one where a rule was broken often.
    """

    rule: str
    symbol: str
    session: date
    message: str
    effect: Effect
    n_bars: int = 1
