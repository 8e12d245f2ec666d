"""Fundamentals: point-in-time facts against published bands.

On bar t each field is the newest fact with ``known_at <= session t`` that is at most `MAX_AGE_DAYS` old.  Every ratio
maps to 0–100 through its band, a group is the mean of its known bands, the score the weighted mean of the known
groups (``bands.toml``).  Too little known is "no data".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from openapex.bars import FloatArray, SessionArray
from openapex.errors import UnreadableData
from openapex.signals.bands import NAN, Group, Panel, panel_score, panels
from openapex.signals.signal import Opinion, SignalHistory, SignalInputs, SignalName

Unit: TypeAlias = Literal["text", "ratio", "%", "USD", "shares"]

KNOWN_FIELDS: Mapping[str, tuple[Unit, str]] = {
    "quote_type": ("text", "Kind of instrument: EQUITY, ETF, MUTUALFUND or INDEX."),
    "name": ("text", "Full name."),
    "sector": ("text", "Sector of the company."),
    "category": ("text", "Category of the fund."),
    "family": ("text", "Company that runs the fund."),
    "trailing_pe": ("ratio", "Price over earnings per share of the last four quarters."),
    "forward_pe": ("ratio", "Price over the earnings per share expected for the next year."),
    "price_to_book": ("ratio", "Price over book value per share."),
    "price_to_sales": ("ratio", "Market value over the sales of the last four quarters."),
    "ev_to_ebitda": ("ratio", "Enterprise value over earnings before interest, tax, depreciation and amortisation."),
    "peg": ("ratio", "P/E over expected yearly earnings growth in percent."),
    "revenue_growth_pct": ("%", "Sales of the last quarter against the same quarter a year before."),
    "earnings_growth_pct": ("%", "Earnings of the last quarter against the same quarter a year before."),
    "gross_margin_pct": ("%", "Sales less their direct cost, over sales."),
    "operating_margin_pct": ("%", "Operating income over sales."),
    "profit_margin_pct": ("%", "Net income over sales."),
    "return_on_equity_pct": ("%", "Net income over equity."),
    "return_on_assets_pct": ("%", "Income over total assets."),
    "debt_to_equity": ("ratio", "Total debt over equity; 1.5 is 150 %."),
    "current_ratio": ("ratio", "Short-term assets over short-term debts."),
    "quick_ratio": ("ratio", "Short-term assets without inventory over short-term debts."),
    "free_cash_flow_usd": ("USD", "Cash from operations less capital expenditure, last four quarters."),
    "market_cap_usd": ("USD", "Market value of all shares."),
    "dividend_yield_pct": ("%", "Dividends of a year over price."),
    "payout_ratio_pct": ("%", "Share of earnings paid out as dividends."),
    "shares_outstanding": ("shares", "Number of shares issued."),
    "expense_ratio_pct": ("%", "Yearly cost of the fund."),
    "yield_pct": ("%", "Distributions of a year over price of the fund."),
    "total_assets_usd": ("USD", "Money in the fund."),
    "holdings_pe": ("ratio", "P/E of the fund's holdings."),
    "holdings_pb": ("ratio", "Price to book of the fund's holdings."),
    "holdings_ps": ("ratio", "Price to sales of the fund's holdings."),
    "top10_weight_pct": ("%", "Weight of the ten largest holdings."),
    "turnover_pct": ("%", "Share of the holdings exchanged in a year."),
}
"""Every field a source may deliver: its unit and its sentence.  Percent fields say 5 for 5 %."""

MAX_AGE_DAYS = 450
"""Days after which a number is unknown: a year, a filing delay of up to 75 days and ten days of grace.

Texts (`quote_type`, `name` …) do not age.
"""

FUND_TYPES = frozenset({"ETF", "MUTUALFUND"})
FACT_COLUMNS = ("symbol", "field", "known_at", "value", "text")
GOOD, WEAK = 55.0, 45.0
NO_FACTS = "no fundamentals known"
COUNTS = ("n_bands", "coverage")
REASON_LENGTH = 100


@dataclass(frozen=True, slots=True)
class FundamentalsSignal:
    """The Fundamentals signal (obeys `Signal`).

    A symbol whose `quote_type` is ETF or MUTUALFUND is read by the fund bands, an INDEX has no score, all others
    (also without a `quote_type`) are read by the stock bands.

    Notes
    -----
    Values: the score of each group, `n_bands`, `coverage` (share of group weight known) and every banded number;
    NaN is unknown.  No events.
    """

    name: SignalName = "fundamentals"
    title: str = "Fundamentals"

    def history(self, inputs: SignalInputs) -> SignalHistory:
        """Return score and values on every bar, each from facts known by that session.

        Raises
        ------
        UnreadableData
            If the facts lack a column.
        """
        n_bars = len(inputs.bars)
        facts = _facts_of(inputs)
        if facts is None or not n_bars:
            return _padded({name: np.zeros(0) for name in ("score", *_value_names())}, 0, n_bars)
        sessions = inputs.bars.sessions.astype("datetime64[D]")
        begin = int(np.searchsorted(sessions, np.datetime64(facts["known_at"][0], "D")))
        return _padded(_columns(facts, sessions[begin:]), begin, n_bars)

    def opinion(self, inputs: SignalInputs, history: SignalHistory, at: int = -1) -> Opinion:
        """Return the opinion on bar `at`; the reason names the strongest and the weakest group with their numbers."""
        if not len(history.score):
            return Opinion(self.name, NAN, NO_FACTS, {})
        values = {name: float(column[at]) for name, column in history.values.items()}
        score = float(history.score[at])
        return Opinion(self.name, score, _missing(values) if np.isnan(score) else _reason(values), values)


def _columns(facts: pl.DataFrame, sessions: SessionArray) -> dict[str, FloatArray]:
    """Return score and values on the sessions from the first known fact on."""
    n = len(sessions)
    numbers = known_numbers(facts, sessions)
    numbers["fcf_yield_pct"] = _fcf_yield_pct(numbers, n)
    is_fund, is_index = _kinds(facts, sessions)
    columns = {name: numbers.get(name, np.full(n, NAN)) for name in ("score", *_value_names())}
    columns |= {name: np.zeros(n) for name in COUNTS}
    for panel, rows in ((panels()["stock"], ~is_fund & ~is_index), (panels()["fund"], is_fund)):
        told = panel_score(panel, numbers, n)
        found = {"score": told.score, "n_bands": told.n_bands, "coverage": told.coverage, **told.groups}
        columns |= {name: np.where(rows, column, columns[name]) for name, column in found.items()}
    return columns


def _padded(columns: Mapping[str, FloatArray], begin: int, n_bars: int) -> SignalHistory:
    """Return a history whose first `begin` bars know nothing."""
    whole = {name: np.full(n_bars, 0.0 if name in COUNTS else NAN) for name in columns}
    for name, column in columns.items():
        whole[name][begin : begin + len(column)] = column
    return SignalHistory(whole.pop("score"), whole)


def known_numbers(facts: pl.DataFrame, sessions: SessionArray) -> dict[str, FloatArray]:
    """Return each numeric field as it was known on each session.

    Parameters
    ----------
    facts : frame
        One symbol's rows in `FACT_SCHEMA`.
    sessions : array of datetime64[D], shape (n_bars,)
        Rising.

    Returns
    -------
    dict of field to array of float, shape (n_bars,)
        The newest value with ``known_at <= session``; NaN before the first, where the newest is not a number, and
        once it is older than `MAX_AGE_DAYS`.  Of two facts of the same day the later row wins.
    """
    numbers: dict[str, FloatArray] = {}
    for (field,), rows in facts.partition_by("field", as_dict=True).items():
        if KNOWN_FIELDS.get(str(field), ("text", ""))[0] == "text":
            continue
        known_at = rows["known_at"].to_numpy().astype("datetime64[D]")
        at = np.searchsorted(known_at, sessions, side="right") - 1
        is_fresh = (at >= 0) & (sessions - known_at[at] <= np.timedelta64(MAX_AGE_DAYS, "D"))
        column = rows["value"].fill_null(NAN).to_numpy()[at]
        numbers[str(field)] = np.where(is_fresh & np.isfinite(column), column, NAN)
    return numbers


def _facts_of(inputs: SignalInputs) -> pl.DataFrame | None:
    facts = inputs.facts
    if facts is None or facts.is_empty() or not inputs.bars.symbols:
        return None
    missing = [name for name in FACT_COLUMNS if name not in facts.columns]
    if missing:
        raise UnreadableData(f"facts frame has columns {facts.columns}, must also have {missing}")
    own = facts.filter((pl.col("symbol") == inputs.bars.symbols[0]) & pl.col("known_at").is_not_null())
    return own.sort("known_at", maintain_order=True) if own.height else None


def _kinds(facts: pl.DataFrame, sessions: SessionArray) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    rows = facts.filter((pl.col("field") == "quote_type") & pl.col("text").is_not_null())
    known_at = rows["known_at"].to_numpy().astype("datetime64[D]")
    at = np.searchsorted(known_at, sessions, side="right")
    kinds = ["", *rows["text"].str.to_uppercase()]
    is_fund = np.array([kind in FUND_TYPES for kind in kinds])
    is_index = np.array([kind == "INDEX" for kind in kinds])
    return is_fund[at], is_index[at]


def _fcf_yield_pct(numbers: Mapping[str, FloatArray], n_bars: int) -> FloatArray:
    unknown = np.full(n_bars, NAN)
    flow, worth = numbers.get("free_cash_flow_usd", unknown), numbers.get("market_cap_usd", unknown)
    return np.where(worth > 0, 100.0 * flow / np.where(worth > 0, worth, 1.0), NAN)


def _value_names() -> list[str]:
    groups = dict.fromkeys(group.name for panel in panels().values() for group in panel.groups)
    fields = dict.fromkeys(band.field for panel in panels().values() for band in panel.bands())
    return [*groups, *COUNTS, *fields, "dividend_yield_pct", "market_cap_usd", "total_assets_usd"]


def _panel_of(values: Mapping[str, float]) -> Panel:
    funds = panels()["fund"]
    is_fund = any(not np.isnan(values[group.name]) for group in funds.groups if group.name != "valuation")
    return funds if is_fund else panels()["stock"]


def _reason(values: Mapping[str, float]) -> str:
    """Return strongest and weakest group with as many of their numbers as fit into `REASON_LENGTH`."""
    groups = sorted(
        (group for group in _panel_of(values).groups if not np.isnan(values[group.name])),
        key=lambda group: values[group.name],
        reverse=True,
    )
    reason = ""
    for n_best, n_worst in ((2, 2), (2, 1), (1, 1)):
        told = [_group_words(groups[0], values, n_best, best=True)]
        told += [_group_words(group, values, n_worst, best=False) for group in groups[1:][-1:]]
        reason = "; ".join(told)
        if len(reason) <= REASON_LENGTH:
            break
    return reason


def _group_words(group: Group, values: Mapping[str, float], n_numbers: int, *, best: bool) -> str:
    known = [(float(band.score(np.array([values[band.field]]))[0]), band) for band in group.bands]
    ranked = sorted((pair for pair in known if not np.isnan(pair[0])), key=lambda pair: pair[0], reverse=best)
    numbers = " and ".join(band.words(values[band.field]) for _, band in ranked[:n_numbers])
    score = values[group.name]
    mark = "good" if score >= GOOD else "weak" if score <= WEAK else "ordinary"
    return f"{numbers} {mark} ({group.title} {score:.0f})"


def _missing(values: Mapping[str, float]) -> str:
    n_bands, panel = values["n_bands"], _panel_of(values)
    if n_bands == 0:
        return NO_FACTS
    if n_bands < panel.min_bands:
        return f"only {n_bands:.0f} of {sum(1 for _ in panel.bands())} fundamentals known, needs {panel.min_bands}"
    return f"fundamentals cover {values['coverage']:.0%} of the weight, needs {panel.min_coverage:.0%}"


FUNDAMENTALS = FundamentalsSignal()
"""The Fundamentals signal as `analyze` uses it."""
