"""From total returns to what was traded: prices in cents, dividends, splits, the day's range and the volume."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from openapex.bars import BAR_SCHEMA, BoolArray, FloatArray, IntArray, SessionArray
from openapex.sources.demo.draws import Draws
from openapex.sources.demo.returns import Returns
from openapex.sources.source import ACTION_SCHEMA

_SPLIT_RATIOS = (2.0, 3.0, 4.0, 5.0, 10.0)
_REVERSE_BELOW = 3.0
_NOTICE = 25
"""Sessions from the price that provokes a split to the split."""


@dataclass(frozen=True, slots=True)
class Listing:
    """How a symbol trades: first row on the exchange, first price, shares a day, when it splits, when it pays."""

    symbol: str
    first_row: int
    price: float
    volume: float
    split_above: float
    ex_rows: IntArray
    payments_a_year: int


@dataclass(frozen=True, slots=True, eq=False)
class Traded:
    """Prices as traded, over the symbol's own sessions; `splits` and `dividends` as (row, value)."""

    symbol: str
    sessions: SessionArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    splits: tuple[tuple[int, float], ...]
    dividends: tuple[tuple[int, float], ...]
    shares_per_first: FloatArray
    """Shares that one share of the first day has become by splits."""


def traded(draws: Draws, sessions: SessionArray, returns: Returns, listing: Listing) -> Traded:
    """Return the symbol's history as it would have been printed day by day."""
    rows = slice(listing.first_row, None)
    days, total, sigma = sessions[rows], returns.total[rows], returns.sigma[rows]
    n = len(days)
    paid = np.zeros(n)
    ex_rows = listing.ex_rows[listing.ex_rows > listing.first_row] - listing.first_row
    paid[ex_rows] = returns.carry[rows][ex_rows] / listing.payments_a_year
    moves = (1.0 + total) * (1.0 - paid) - 1.0  # so that adjusting by 1 - D / P gives back the total return
    moves[0] = 0.0
    whole = listing.price * np.multiply.accumulate(1.0 + moves)
    splits = _splits(whole, listing.split_above, ex_rows)
    shares = np.ones(n)
    for row, ratio in splits:
        shares[row:] *= ratio
    price = whole / shares
    before = np.concatenate([price[:1], whole[:-1] / shares[1:]])
    open_, high, low, close = _day(draws, listing.symbol, price, before, moves, sigma)
    volume = _volume(draws, listing, moves, sigma, whole, returns.reports[rows])
    cash = np.rint(paid * before * 1e4) / 1e4
    dividends = tuple((int(row), float(cash[row])) for row in ex_rows if cash[row] > 0.0)
    shares_traded = np.maximum(np.rint(volume * shares / 100.0) * 100.0, 100.0)
    return Traded(
        listing.symbol, days, open_, high, low, close, shares_traded, splits, dividends, shares_per_first=shares
    )


def _splits(whole: FloatArray, above: float, ex_rows: IntArray) -> tuple[tuple[int, float], ...]:
    """Return splits as (row, new shares for one): some weeks after the price has become too high or too low."""
    found: list[tuple[int, float]] = []
    shares, begin = 1.0, 0
    taken = set(ex_rows.tolist())
    while True:
        price = whole[begin:] / shares
        hits = np.flatnonzero((price > above) | (price < _REVERSE_BELOW))
        row = begin + int(hits[0]) + _NOTICE if len(hits) else len(whole)
        row += row in taken
        if row >= len(whole):
            return tuple(found)
        ratio = _ratio(float(whole[row]) / shares)
        found.append((row, ratio))
        shares, begin = shares * ratio, row


def _ratio(price: float) -> float:
    if price < 10.0:
        return 0.1
    return next((ratio for ratio in _SPLIT_RATIOS if price / ratio <= 90.0), 10.0)


def _day(
    draws: Draws, symbol: str, price: FloatArray, before: FloatArray, moves: FloatArray, sigma: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return open, high, low, close in cents: part of the move overnight, and a range beyond open and close."""
    n = len(price)
    gap = 0.36 * moves + 0.36 * sigma * draws.normals(f"{symbol}/overnight", n)
    reach_up = 0.45 * sigma * np.abs(draws.normals(f"{symbol}/above", n))
    reach_down = 0.45 * sigma * np.abs(draws.normals(f"{symbol}/below", n))
    open_ = before * (1.0 + gap)
    high = np.maximum(open_, price) * (1.0 + reach_up)
    low = np.minimum(open_, price) * (1.0 - reach_down)
    open_, high, low, close = (_cents(column) for column in (open_, high, low, price))
    return open_, np.maximum(high, np.maximum(open_, close)), np.minimum(low, np.minimum(open_, close)), close


def _cents(price: FloatArray) -> FloatArray:
    return np.maximum(np.rint(price * 100.0), 1.0) / 100.0


def _volume(
    draws: Draws, listing: Listing, moves: FloatArray, sigma: FloatArray, whole: FloatArray, reports: BoolArray
) -> FloatArray:
    """Return shares of the first day's kind traded: habit × turbulence × noise × the size of the move × breakouts."""
    n = len(moves)
    surge = np.minimum(np.abs(moves) / sigma, 4.5)
    noise = 1.0 + draws.normals(f"{listing.symbol}/volume", n) * 0.028
    noise = noise * noise * noise
    noise = noise * noise * noise
    slow = 1.0 + 0.05 * _smooth(draws.normals(f"{listing.symbol}/habit", n))
    slow = slow * slow * slow
    trend = 0.5 + 0.6 * (np.arange(n) / 3000.0) / (1.0 + np.arange(n) / 3000.0)
    clustered = 0.6 + 0.4 * np.minimum(sigma / _typical(sigma), 3.0)
    news = np.where(reports, 1.9, 1.0) * np.where(_breakouts(whole), 1.35, 1.0)
    volume: FloatArray = listing.volume * trend * slow * noise * clustered * (0.86 + 0.15 * surge * surge) * news
    return volume


def _smooth(z: FloatArray) -> FloatArray:
    """Return a slowly wandering series of variance about 1 (first-order autoregression, 0.98)."""
    level, path = 0.0, []
    for value in z.tolist():
        level = 0.98 * level + 0.2 * value
        path.append(level)
    return np.array(path)


def _typical(sigma: FloatArray) -> FloatArray:
    """Return the mean volatility so far (a sequential sum: the same bits everywhere, and no look ahead)."""
    mean: FloatArray = np.add.accumulate(sigma) / np.arange(1.0, len(sigma) + 1.0)
    return mean


def _breakouts(whole: FloatArray, window: int = 20) -> BoolArray:
    """Return where the price is above the highest of the last `window` sessions and was not the day before."""
    is_new = np.zeros(len(whole), dtype=np.bool_)
    if len(whole) > window:
        highest = np.lib.stride_tricks.sliding_window_view(whole[:-1], window).max(axis=1)
        is_new[window:] = whole[window:] > highest
    is_new[1:] &= ~is_new[:-1]
    return is_new


def bars_frame(history: Traded) -> pl.DataFrame:
    """Return the bars in `BAR_SCHEMA`; `adj_close` is null, it follows from the actions."""
    n = len(history.sessions)
    columns = {
        "symbol": pl.repeat(history.symbol, n, dtype=pl.String, eager=True),
        "session": history.sessions,
        "open": history.open,
        "high": history.high,
        "low": history.low,
        "close": history.close,
        "adj_close": pl.repeat(None, n, dtype=pl.Float64, eager=True),
        "volume": history.volume,
        "provisional": pl.repeat(False, n, dtype=pl.Boolean, eager=True),
    }
    return pl.DataFrame(columns, schema=BAR_SCHEMA)


def actions_frame(history: Traded) -> pl.DataFrame:
    """Return splits and dividends in `ACTION_SCHEMA`, oldest first."""
    rows = sorted(
        [(row, "split", value) for row, value in history.splits]
        + [(row, "dividend", value) for row, value in history.dividends]
    )
    columns = {
        "symbol": [history.symbol] * len(rows),
        "session": history.sessions[np.array([row for row, _, _ in rows], dtype=np.int64)],
        "kind": [kind for _, kind, _ in rows],
        "value": [value for _, _, value in rows],
    }
    return pl.DataFrame(columns, schema=ACTION_SCHEMA)
