"""Yahoo's news as headlines, and its quoteSummary modules as facts: one branch for shares, one for funds."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

import polars as pl

from openapex.errors import BadPayload
from openapex.sources.source import FACT_SCHEMA, HEADLINE_SCHEMA

Modules: TypeAlias = Mapping[str, Mapping[str, Any]]
Row: TypeAlias = tuple[str, float | None, str | None]
FUND_KINDS = frozenset({"ETF", "MUTUALFUND"})
N_TOP = 10

SHARE_NUMBERS: tuple[tuple[str, float, tuple[str, ...]], ...] = (
    ("trailing_pe", 1.0, ("summaryDetail.trailingPE",)),
    ("forward_pe", 1.0, ("summaryDetail.forwardPE", "defaultKeyStatistics.forwardPE")),
    ("price_to_book", 1.0, ("defaultKeyStatistics.priceToBook",)),
    ("price_to_sales", 1.0, ("summaryDetail.priceToSalesTrailing12Months",)),
    ("ev_to_ebitda", 1.0, ("defaultKeyStatistics.enterpriseToEbitda",)),
    ("peg", 1.0, ("defaultKeyStatistics.pegRatio",)),
    ("revenue_growth_pct", 100.0, ("financialData.revenueGrowth",)),
    ("earnings_growth_pct", 100.0, ("financialData.earningsGrowth",)),
    ("gross_margin_pct", 100.0, ("financialData.grossMargins",)),
    ("operating_margin_pct", 100.0, ("financialData.operatingMargins",)),
    ("profit_margin_pct", 100.0, ("financialData.profitMargins", "defaultKeyStatistics.profitMargins")),
    ("return_on_equity_pct", 100.0, ("financialData.returnOnEquity",)),
    ("return_on_assets_pct", 100.0, ("financialData.returnOnAssets",)),
    ("debt_to_equity", 0.01, ("financialData.debtToEquity",)),
    ("current_ratio", 1.0, ("financialData.currentRatio",)),
    ("quick_ratio", 1.0, ("financialData.quickRatio",)),
    ("dividend_yield_pct", 100.0, ("summaryDetail.dividendYield",)),
    ("payout_ratio_pct", 100.0, ("summaryDetail.payoutRatio",)),
    ("shares_outstanding", 1.0, ("defaultKeyStatistics.sharesOutstanding",)),
)
"""Field, what one of Yahoo's units is in ours (it gives fractions for percent, and percent for debt to equity), and
where it stands, first choice first."""

FUND_NUMBERS: tuple[tuple[str, float, tuple[str, ...]], ...] = (
    ("expense_ratio_pct", 100.0, ("fundProfile.feesExpensesInvestment.annualReportExpenseRatio",)),
    ("turnover_pct", 100.0, ("fundProfile.feesExpensesInvestment.annualHoldingsTurnover",)),
    ("yield_pct", 100.0, ("summaryDetail.yield", "defaultKeyStatistics.yield")),
)
TEXTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("quote_type", ("quoteType.quoteType", "price.quoteType")),
    ("name", ("quoteType.longName", "price.longName", "quoteType.shortName")),
    ("sector", ("assetProfile.sector", "summaryProfile.sector")),
    ("category", ("fundProfile.categoryName", "defaultKeyStatistics.category")),
    ("family", ("fundProfile.family", "defaultKeyStatistics.fundFamily")),
)


def headlines(symbol: str, payload: Mapping[str, Any]) -> pl.DataFrame:
    """Return the news of a search answer in `HEADLINE_SCHEMA`, oldest first, each once.

    Yahoo's search pads a short list with news about other tickers, so only what is tagged with the symbol, or names
    it as a word, is kept: no news is no data.

    Raises
    ------
    BadPayload
        If the news is not a list in Yahoo's shape.
    """
    news = payload.get("news")
    if not isinstance(news, list):
        raise BadPayload(f"{symbol}: Yahoo's news is {type(news).__name__}, must be a list")
    try:
        rows = {
            (datetime.fromtimestamp(int(item["providerPublishTime"]), UTC), str(item["title"]), item.get("publisher"))
            for item in news
            if item.get("title") and item.get("providerPublishTime") and _is_about(symbol, item)
        }
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise BadPayload(f"{symbol}: Yahoo's news has another shape than expected ({error})") from error
    table = [(symbol, when, title, publisher) for when, title, publisher in rows]
    return pl.DataFrame(table, schema=HEADLINE_SCHEMA, orient="row").sort("published_at", "title")


def _is_about(symbol: str, item: Mapping[str, Any]) -> bool:
    tags = item.get("relatedTickers") or ()
    return symbol in tags or bool(re.search(rf"(?<![\w.]){re.escape(symbol)}(?![\w])", str(item["title"])))


def facts(symbol: str, payload: Mapping[str, Any], known_at: date) -> pl.DataFrame:
    """Return the facts of a quoteSummary answer in `FACT_SCHEMA`; what Yahoo does not state is left out.

    Raises
    ------
    BadPayload
        If the answer holds no modules.
    """
    try:
        modules = payload["quoteSummary"]["result"][0]
        rows = list(_rows(modules))
    except (AttributeError, LookupError, TypeError) as error:
        raise BadPayload(f"{symbol}: Yahoo's quoteSummary has another shape than expected ({error})") from error
    table = [(symbol, name, known_at, value, text) for name, value, text in rows]
    return pl.DataFrame(table, schema=FACT_SCHEMA, orient="row").sort("field")


def _rows(modules: Modules) -> Iterator[Row]:
    texts = [(name, _first(modules, paths, _text)) for name, paths in TEXTS]
    yield from ((name, None, text) for name, text in texts if text)
    is_fund = (dict(texts)["quote_type"] or "").upper() in FUND_KINDS
    numbers = FUND_NUMBERS if is_fund else SHARE_NUMBERS
    for name, unit, paths in numbers:
        value = _first(modules, paths, _number)
        if value is not None:
            yield name, value * unit, None
    yield from _fund_rows(modules) if is_fund else _money_rows(modules)


def _money_rows(modules: Modules) -> Iterator[Row]:
    """Amounts of money, only where Yahoo says that they are in dollars."""
    if _at(modules, "financialData.financialCurrency") == "USD":
        yield from _stated("free_cash_flow_usd", modules, ("financialData.freeCashflow",))
    if _at(modules, "summaryDetail.currency") == "USD":
        yield from _stated("market_cap_usd", modules, ("price.marketCap", "summaryDetail.marketCap"))


def _fund_rows(modules: Modules) -> Iterator[Row]:
    """Size, concentration and the valuation of what the fund holds.

    Yahoo states the valuation of holdings upside down: QQQ's ``priceToEarnings`` 0.02938 is its earnings yield, 1/34.0,
    beside a trailing P/E of 34.3 in the same answer.  A P/E below 1 tells which way up the three are.
    """
    if _at(modules, "summaryDetail.currency") == "USD":
        yield from _stated(
            "total_assets_usd", modules, ("summaryDetail.totalAssets", "defaultKeyStatistics.totalAssets")
        )
    weights = [_number(holding.get("holdingPercent")) for holding in _at(modules, "topHoldings.holdings") or ()]
    known = [weight for weight in weights[:N_TOP] if weight is not None]
    if known:
        yield "top10_weight_pct", 100.0 * sum(known), None
    equity = _at(modules, "topHoldings.equityHoldings") or {}
    earnings = _number(equity.get("priceToEarnings"))
    if not earnings or earnings < 0:
        return
    for name, key in (
        ("holdings_pe", "priceToEarnings"),
        ("holdings_pb", "priceToBook"),
        ("holdings_ps", "priceToSales"),
    ):
        value = _number(equity.get(key))
        if value and value > 0:
            yield name, 1.0 / value if earnings < 1.0 else value, None


def _stated(name: str, modules: Modules, paths: tuple[str, ...]) -> Iterator[Row]:
    value = _first(modules, paths, _number)
    if value is not None:
        yield name, value, None


def _first(modules: Modules, paths: tuple[str, ...], read: Callable[[Any], Any]) -> Any:
    """Return the first of the values at `paths` that can be read, or None."""
    return next((value for path in paths if (value := read(_at(modules, path))) is not None), None)


def _at(modules: Modules, path: str) -> Any:
    value: Any = modules
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _number(value: Any) -> float | None:
    """Return a finite number, also from ``{"raw": …, "fmt": …}``; a P/E may be the word "Infinity"."""
    if isinstance(value, Mapping):
        value = value.get("raw")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _text(value: Any) -> str | None:
    return value.strip() if isinstance(value, str) and value.strip() else None
