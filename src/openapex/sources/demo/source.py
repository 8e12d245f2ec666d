"""`DemoSource`: a simulated market behind the same door as the real sources."""

import difflib
from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np
import polars as pl

from openapex.bars import BAR_SCHEMA, IntArray
from openapex.errors import BadInput, UnknownSymbol
from openapex.sources.demo.calendar import ex_dates
from openapex.sources.demo.draws import Draws
from openapex.sources.demo.facts import fund_facts, stock_facts
from openapex.sources.demo.macro import SERIES, macro
from openapex.sources.demo.market import Market
from openapex.sources.demo.news import Happening, headlines
from openapex.sources.demo.prices import Listing, Traded, actions_frame, bars_frame, traded
from openapex.sources.demo.returns import Returns, fund_returns, stock_returns, surprise
from openapex.sources.demo.universe import FUNDS, SYMBOLS, Fund, Stock, stock
from openapex.sources.source import Answer, Delivery, Failure, NoNewData, empty

_NEVER = 1e9
"""Funds do not split: their price never gets there."""

SEED = 15
"""The market that everybody sees unless they ask for another."""


class DemoSource:
    """A simulated market: the same bytes on every machine, without network, never real.

    Regimes, volatility clusters, fat tails, common factors, splits, dividends, headlines, fundamentals and macro
    series, from 2000-01-03 to 2025-12-31; see ``docs/simulated-market.md``.  It is for learning the tool and for
    tests; no claim about markets is ever tested on it.

    Parameters
    ----------
    seed : int, default `SEED`
        Another seed is another history of the same symbols.

    Examples
    --------
    >>> (answer,) = DemoSource().fetch(["IWM"])
    >>> answer.simulated, answer.basis, answer.bars["session"].max()
    (True, 'as_traded', datetime.date(2025, 12, 31))
    """

    name: str = "demo"
    simulated: bool = True
    is_network: bool = False

    def __init__(self, seed: int = SEED) -> None:
        self._market = Market(Draws(seed))
        self._macro: pl.DataFrame | None = None

    def symbols(self) -> Sequence[str]:
        """Return every symbol of the simulated market, sorted."""
        return SYMBOLS

    def macro(self) -> pl.DataFrame:
        """Return the macro series in `MACRO_SCHEMA`, with release lags and revisions; built once per instance."""
        if self._macro is None:
            self._macro = macro(self._market)
        return self._macro

    def series(self) -> Sequence[str]:
        """Return every macro series of the simulated economy, sorted."""
        return SERIES

    def fetch_series(self, names: Sequence[str], *, end: date | None = None) -> Iterator[Answer]:
        """Yield one answer per series, in the order asked."""
        return self.fetch(names, end=end)

    def fetch(self, symbols: Sequence[str], *, start: date | None = None, end: date | None = None) -> Iterator[Answer]:
        """Yield one answer per symbol, cut from its full history; a symbol does not depend on the others asked for.

        Bars, actions and headlines lie within `start` and `end`; facts are all that was known at `end`.  A macro series
        is answered with its `macro` rows about days within `start` and `end` that were known at `end`.

        Raises
        ------
        BadInput
            If `start` is after `end`.
        """
        if start is not None and end is not None and start > end:
            raise BadInput(f"start is {start}, must not be after end, which is {end}")
        return (self._answer(symbol, start, end) for symbol in symbols)

    def _answer(self, symbol: str, start: date | None, end: date | None) -> Answer:
        if symbol in SERIES:
            return self._series(symbol, start, end)
        if symbol not in SYMBOLS:
            return Failure(symbol, _unknown(symbol))
        whole = self._fund(FUNDS[symbol]) if symbol in FUNDS else self._stock(stock(self._market.draws, symbol))
        delivery = _cut(whole, start or date.min, end or date.max)
        if delivery.bars.is_empty():
            span = f"{f' from {start}' if start else ''}{f' to {end}' if end else ''}"
            return NoNewData(symbol, f"the simulated market has no session of {symbol}{span}")
        return delivery

    def _series(self, series: str, start: date | None, end: date | None) -> Answer:
        begin, last = start or date.min, end or date.max
        about = pl.col("reference_date").is_between(begin, last)
        rows = self.macro().filter(pl.col("series") == series, about, pl.col("known_at") <= last)
        if rows.is_empty():
            return NoNewData(series, f"the simulated economy has no value of {series} from {start} to {end}")
        return Delivery(series, self.name, True, "split_adjusted", empty(BAR_SCHEMA), macro=rows)

    def _fund(self, fund: Fund) -> Delivery:
        market = self._market
        returns = fund_returns(market, fund)
        every = 1 if fund.bond else 3
        rows = ex_dates(market.sessions, 17 if every == 3 else 2, every, 2)
        listing = Listing(fund.symbol, 0, fund.price, fund.volume, _NEVER, rows, 12 // every)
        history = traded(market.draws, market.sessions, returns, listing)
        seen = _happening(history, returns, np.zeros(market.n), 0)
        news = headlines(market.draws, fund.symbol, fund.symbol, is_fund=True, seen=seen)
        return _delivery(history, news, fund_facts(market.draws, fund, history))

    def _stock(self, company: Stock) -> Delivery:
        market = self._market
        returns = stock_returns(market, company)
        first = int(np.searchsorted(market.sessions, np.datetime64(company.listed or date.min, "D")))
        listing = Listing(
            company.symbol, first, company.price, company.volume, company.split_above, self._pay_days(company), 4
        )
        history = traded(market.draws, market.sessions, returns, listing)
        seen = _happening(history, returns, surprise(market, company.symbol), first)
        news = headlines(market.draws, company.symbol, company.name, is_fund=False, seen=seen)
        reports = np.flatnonzero(returns.reports[first:])
        growth = market.economy.growth[first:]
        return _delivery(history, news, stock_facts(market.draws, company, history, reports, growth))

    def _pay_days(self, company: Stock) -> IntArray:
        day, offset = self._market.draws.integers(f"{company.symbol}/pay", 2, below=24).tolist()
        return ex_dates(self._market.sessions, 2 + day, 3, offset)


def _unknown(symbol: str) -> UnknownSymbol:
    near = difflib.get_close_matches(symbol.upper(), SYMBOLS, n=1, cutoff=0.6)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    rule = f"must be one of the {len(SYMBOLS)} of the SIMULATED market (SPY, QQQ, IWM, TEC01 …)"
    return UnknownSymbol(f"symbol is {symbol!r}, {rule}.{hint}")


def _happening(history: Traded, returns: Returns, surprises: np.ndarray, first: int) -> Happening:
    move = returns.total[first:] / returns.sigma[first:]
    return Happening(history.sessions, move, returns.reports[first:], surprises[first:])


def _delivery(history: Traded, news: pl.DataFrame, facts: pl.DataFrame) -> Delivery:
    return Delivery(
        symbol=history.symbol,
        source="demo",
        simulated=True,
        basis="as_traded",
        bars=bars_frame(history),
        actions=actions_frame(history),
        headlines=news,
        facts=facts,
    )


def _cut(whole: Delivery, start: date, end: date) -> Delivery:
    if start == date.min and end == date.max:
        return whole
    within = pl.col("session").is_between(start, end)
    published = pl.col("published_at").dt.date().is_between(start, end)
    return Delivery(
        symbol=whole.symbol,
        source=whole.source,
        simulated=whole.simulated,
        basis=whole.basis,
        bars=whole.bars.filter(within),
        actions=whole.actions.filter(within),
        headlines=whole.headlines.filter(published),
        facts=whole.facts.filter(pl.col("known_at") <= end),
    )
