"""Fundamentals of invented companies and facts of simulated funds, with the day each became known.

The ratios of one quarter agree with each other: price to sales = P/E × profit margin, return on equity = price to
book ÷ P/E, revenue = market value ÷ price to sales.  Prices are those of the session before the report.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from openapex.bars import FloatArray, IntArray, SessionArray
from openapex.sources.demo.calendar import first_sessions, quarter_ends
from openapex.sources.demo.draws import Draws
from openapex.sources.demo.prices import Traded
from openapex.sources.demo.universe import Fund, Stock
from openapex.sources.source import FACT_SCHEMA

_FUND_LAG = 15
"""Days from a quarter's end to a fund's fact sheet."""


def stock_facts(draws: Draws, stock: Stock, history: Traded, rows: IntArray, growth: FloatArray) -> pl.DataFrame:
    """Return a company's facts in `FACT_SCHEMA`.

    Parameters
    ----------
    rows : array of int64, shape (n_reports,)
        Rows of `history` on which the company reports.
    growth : array of float, shape (n_bars,)
        State of the economy on each of the history's sessions.
    """
    rows = rows[rows > 0]
    name = {
        "quote_type": "EQUITY",
        "name": f"{stock.name} (SIMULATED)",
        "sector": stock.sector.name,
    }
    values = _ratios(draws, stock, history, rows, growth[rows - 1])
    return _frame(stock.symbol, history.sessions, rows, values, name)


def _ratios(
    draws: Draws, stock: Stock, history: Traded, rows: IntArray, growth: FloatArray
) -> Mapping[str, FloatArray]:
    n, symbol, sector = len(rows), stock.symbol, stock.sector
    u = draws.uniforms(f"{symbol}/facts", 8).tolist()
    noise = [draws.normals(f"{symbol}/facts/{i}", n) for i in range(4)]
    dearness = _dearness(history, rows)
    revenue_growth = sector.revenue_growth_pct + 12.0 * (u[0] - 0.5) + 2.5 * growth + 3.0 * noise[0]
    earnings_growth = 1.4 * revenue_growth + 3.0 * growth + 6.0 * noise[1]
    cap = stock.shares * history.shares_per_first[rows - 1] * history.close[rows - 1]
    book = sector.book * (0.6 + 0.8 * u[1]) * dearness
    if stock.is_profitable:
        margin = np.maximum(sector.net_pct * (0.6 + 0.8 * u[2]) + 0.8 * growth + 0.5 * noise[2], 1.5)
        pe = sector.pe * (0.65 + 0.7 * u[3]) * dearness
        sales = pe * margin / 100.0
        equity_return = book / pe * 100.0
        earned = {"trailing_pe": pe, "forward_pe": pe / (1.0 + np.clip(earnings_growth, -40.0, 60.0) / 150.0)}
    else:
        margin = -10.0 - 50.0 * u[2] + 2.0 * noise[2]
        sales = (4.0 + 8.0 * u[3]) * dearness
        equity_return = book / sales * margin
        earned = {}
    operating = margin * 1.3 + 1.0
    return earned | {
        "price_to_book": book,
        "price_to_sales": sales,
        "revenue_growth_pct": revenue_growth,
        "earnings_growth_pct": earnings_growth,
        "gross_margin_pct": np.clip(sector.gross_pct * (0.8 + 0.4 * u[4]) + 0.5 * noise[3], operating + 3.0, 95.0),
        "operating_margin_pct": operating,
        "profit_margin_pct": margin,
        "return_on_equity_pct": equity_return,
        "debt_to_equity": np.maximum(0.1 + 1.7 * u[5] + 0.05 * noise[2], 0.0),
        "current_ratio": np.maximum(0.8 + 1.8 * u[6] + 0.06 * noise[3], 0.3),
        "free_cash_flow_usd": np.rint(cap / sales * (margin / 100.0) * (0.6 + 0.6 * u[7])),
        "market_cap_usd": np.rint(cap),
        "dividend_yield_pct": _trailing_yield_pct(history, rows),
    }


def _dearness(history: Traded, rows: IntArray) -> FloatArray:
    """Return how dear the stock is against its own last two years: half of price over mean price, half constant."""
    whole = history.close * history.shares_per_first
    total = np.concatenate([[0.0], np.add.accumulate(whole)])
    begin = np.maximum(rows - 504, 0)
    mean = (total[rows] - total[begin]) / (rows - begin)
    dearness: FloatArray = np.clip(0.4 + 0.6 * whole[rows - 1] / mean, 0.4, 2.5)
    return dearness


def _trailing_yield_pct(history: Traded, rows: IntArray) -> FloatArray:
    """Return the cash paid in the last 252 sessions in percent of the last close."""
    cash = np.zeros(len(history.close) + 1)
    for row, value in history.dividends:
        cash[row + 1] = value * history.shares_per_first[row]
    total = np.add.accumulate(cash)
    paid = total[rows] - total[np.maximum(rows - 252, 0)]
    last = history.close[rows - 1] * history.shares_per_first[rows - 1]
    yields: FloatArray = paid / last * 100.0
    return yields


def fund_facts(draws: Draws, fund: Fund, history: Traded) -> pl.DataFrame:
    """Return a fund's facts in `FACT_SCHEMA`: a fact sheet fifteen days after each quarter's end."""
    rows = first_sessions(history.sessions, quarter_ends(history.sessions) + _FUND_LAG)
    rows = rows[rows > 0]
    whole = history.close * history.shares_per_first
    dearness = _dearness(history, rows)
    ones = np.ones(len(rows))
    values = {
        "expense_ratio_pct": fund.expense_pct * ones,
        "yield_pct": _trailing_yield_pct(history, rows),
        "total_assets_usd": np.rint(fund.assets * (0.2 + 0.2 * whole[rows - 1] / whole[0]) / 1e6) * 1e6,
    }
    if fund.pe is not None and fund.pb is not None and fund.top10_pct is not None:
        values |= {
            "holdings_pe": fund.pe * dearness,
            "holdings_pb": fund.pb * dearness,
            "top10_weight_pct": fund.top10_pct * (1.0 + 0.01 * draws.normals(f"{fund.symbol}/facts", len(rows))),
        }
    name = {"quote_type": "ETF", "name": f"SIMULATED {fund.name}", "category": fund.category}
    return _frame(fund.symbol, history.sessions, rows, values, name | ({"sector": fund.sector} if fund.sector else {}))


def _frame(
    symbol: str, sessions: SessionArray, rows: IntArray, values: Mapping[str, FloatArray], texts: Mapping[str, str]
) -> pl.DataFrame:
    """Return texts known from the first session, then each quarter's values."""
    n_values = len(rows) * len(values)
    numbers = np.concatenate(list(values.values())) if values else np.zeros(0)
    known = np.concatenate([np.repeat(sessions[:1], len(texts)), np.tile(sessions[rows], len(values))])
    columns = {
        "symbol": [symbol] * (len(texts) + n_values),
        "field": [*texts, *(name for name in values for _ in range(len(rows)))],
        "known_at": known,
        "value": [None] * len(texts) + (np.rint(numbers * 100.0) / 100.0).tolist(),
        "text": [*texts.values(), *([None] * n_values)],
    }
    return pl.DataFrame(columns, schema=FACT_SCHEMA)
