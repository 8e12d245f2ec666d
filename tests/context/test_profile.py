"""Profiles: every field as agreed, strict reading, packaging; holdings by sector, as known."""

import csv
from datetime import date
from importlib import resources
from pathlib import Path

import polars as pl
import pytest

from openapex.context.holdings import CASH, UNNAMED, sector_weights
from openapex.context.profile import TOPICS, Profile, missing_companions, profile, profile_names
from openapex.errors import BadInput, UnknownName, UnreadableData

INDICES = ("IWM", "SPY", "QQQ", "DIA", "MDY", "IJR")
TEXT = """
title = "A fund"
summary = "What it is."
benchmark = "SPY"
rival = "QQQ"
indices = ["SPY", "DIA"]
sensitivities = ["rates"]
[proxies]
KRE = "regional banks"
"""


@pytest.mark.parametrize(
    ("symbol", "title", "benchmark", "rival", "proxies", "sensitivities"),
    [
        ("IWM", "iShares Russell 2000 ETF", "SPY", "QQQ",
         {"KRE": "regional banks", "XHB": "homebuilders", "XBI": "biotech", "XRT": "local consumer: retail"},
         ("relative", "rates", "credit", "growth", "breadth", "regime")),
        ("SPY", "SPDR S&P 500 ETF", "QQQ", "IWM",
         {"XLK": "technology", "XLF": "financials", "XLY": "consumer discretionary", "XLP": "consumer staples"},
         ("breadth", "regime", "relative", "growth", "credit", "rates")),
        ("QQQ", "Invesco QQQ", "SPY", "IWM",
         {"XLK": "technology", "SMH": "semiconductors", "XLC": "communication services"},
         ("relative", "breadth", "rates", "regime", "growth", "credit")),
        ("AAPL", "Any other symbol", "SPY", "QQQ", {},
         ("relative", "rates", "credit", "growth", "breadth", "regime")),
    ],
)  # fmt: skip
def test_a_profile_says_what_a_symbol_is_compared_with(
    symbol: str, title: str, benchmark: str, rival: str, proxies: dict[str, str], sensitivities: tuple[str, ...]
) -> None:
    found = profile(symbol)
    assert (found.symbol, found.title, found.benchmark, found.rival) == (symbol, title, benchmark, rival)
    assert found.name == (symbol if symbol != "AAPL" else "default")
    assert list(found.proxies.items()) == list(proxies.items())
    assert (found.indices, found.sensitivities) == (INDICES, sensitivities)


def test_summaries_name_the_index_and_the_default_names_its_partners() -> None:
    assert "Russell 2000" in profile("IWM").summary
    assert "about 2,000 small US companies" in profile("IWM").summary
    assert "S&P 500" in profile("SPY").summary
    assert "Nasdaq-100" in profile("QQQ").summary
    assert profile("AAPL").summary == "No profile of its own: compared with SPY and QQQ."
    assert all(profile(name).summary.count(". ") <= 1 for name in profile_names())


def test_companions_are_what_the_context_needs_without_the_symbol_itself() -> None:
    funds = ("HYG", "IEF", "KRE", "XHB", "XBI", "XRT", "DIA", "MDY", "IJR")
    assert profile("IWM").companions == ("SPY", "QQQ", *funds)
    assert profile("SPY").companions == ("QQQ", "IWM", "HYG", "IEF", "XLK", "XLF", "XLY", "XLP", "DIA", "MDY", "IJR")
    assert profile("QQQ").companions == ("SPY", "IWM", "HYG", "IEF", "XLK", "SMH", "XLC", "DIA", "MDY", "IJR")
    assert profile("AAPL").companions == ("SPY", "QQQ", "IWM", "HYG", "IEF", "DIA", "MDY", "IJR")
    assert profile("HYG").companions == ("SPY", "QQQ", "IWM", "IEF", "DIA", "MDY", "IJR")


def test_missing_companions_are_named_in_order() -> None:
    held = {"SPY", "QQQ", "HYG", "IEF", "KRE", "XRT", "DIA", "MDY", "IJR"}
    assert missing_companions(profile("IWM"), held) == ("XHB", "XBI")
    assert missing_companions(profile("IWM"), ()) == profile("IWM").companions
    assert missing_companions(profile("IWM"), {*held, "XHB", "XBI"}) == ()


@pytest.mark.parametrize("symbol", ["default", "../x", "NULL", "", "iwm", "^RUT", "CON", "IWM.toml"])
def test_any_other_symbol_has_the_default_profile(symbol: str) -> None:
    assert (profile(symbol).name, profile(symbol).symbol) == ("default", symbol)


def test_topics_are_all_of_them_the_profiles_own_first() -> None:
    assert Profile.from_toml("MINE", TEXT).topics == ("rates", "relative", "credit", "growth", "breadth", "regime")
    assert all(sorted(profile(name).topics) == sorted(TOPICS) for name in profile_names())


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("rival =", "rvial =", UnknownName, "key of profile MINE is 'rvial'.*Did you mean 'rival'"),
        ('rival = "QQQ"', "", BadInput, r"must also have \['rival'\]"),
        ("title =", "title", BadInput, "profile MINE is not TOML"),
        ('"A fund"', "3", BadInput, "title of profile MINE is 3, must be a text"),
        ('"What it is."', '" "', BadInput, "summary of profile MINE is ' ', must be a text"),
        ('"QQQ"', '"SPY"', BadInput, "must be two symbols other than its own"),
        ('"QQQ"', '"MINE"', BadInput, "must be two symbols other than its own"),
        ('["SPY", "DIA"]', '"SPY"', BadInput, "indices of profile MINE is 'SPY', must be a list"),
        ('["SPY", "DIA"]', "[]", BadInput, "indices of profile MINE is .*, must be a list"),
        ('["SPY", "DIA"]', '["SPY", 1]', BadInput, "indices of profile MINE is 1, must be a text"),
        ('["SPY", "DIA"]', '["SPY", "SPY"]', BadInput, "must be without duplicates"),
        ('["rates"]', '["rate"]', UnknownName, "sensitivity of profile MINE is 'rate'.*Did you mean 'rates'"),
        ("[proxies]\nKRE =", "proxies =", BadInput, "proxies of profile MINE is 'regional banks', must be a table"),
        ('KRE = "regional banks"', "KRE = true", BadInput, "proxies.KRE of profile MINE is True, must be a text"),
    ],
)
def test_a_faulty_profile_is_refused_by_name(old: str, new: str, error: type[BadInput], message: str) -> None:
    assert old in TEXT
    with pytest.raises(error, match=message):
        Profile.from_toml("MINE", TEXT.replace(old, new))


def test_proxies_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        profile("IWM").proxies["GLD"] = "gold"  # type: ignore[index]


def test_profiles_are_package_data() -> None:
    assert profile_names() == ("IWM", "QQQ", "SPY", "default")
    folder = resources.files("openapex.context") / "profiles"
    assert all((folder / f"{name}.toml").is_file() for name in profile_names())


LIST = {
    "fund": ["IWM"] * 7,
    "symbol": ["AAA", "BBB", "CCC", "USD", "RTYM6", "DDD", "EEE"],
    "sector": ["Financials", "Health Care", "Financials", "Cash and/or Derivatives", "Financials", None, "Health Care"],
    "asset_class": ["Equity", "Equity", "Equity", "Cash", "Futures", "Equity", None],
    "weight_pct": [20.0, 30.0, 25.0, 0.5, 0.25, 4.0, None],
    "as_of": [date(2024, 3, 1)] * 7,
}


def test_sector_weights_add_up_with_cash_and_derivatives_apart() -> None:
    found = sector_weights(pl.DataFrame(LIST), "IWM", date(2024, 3, 1))
    assert found is not None
    assert [(line.name, line.weight_pct, line.n_holdings) for line in found.sectors] == [
        ("Financials", 45.0, 2),
        ("Health Care", 30.0, 2),
        (UNNAMED, 4.0, 1),
    ]
    assert found.cash is not None
    assert (found.cash.name, found.cash.weight_pct, found.cash.n_holdings) == (CASH, 0.75, 2)
    assert (found.fund, found.list_date, found.n_holdings) == ("IWM", date(2024, 3, 1), 5)
    assert (found.weight_pct, found.n_unweighted) == (79.75, 1)


def test_without_asset_classes_the_sector_says_what_is_cash() -> None:
    found = sector_weights(pl.DataFrame(LIST).drop("asset_class"), "IWM", date(2024, 3, 1))
    assert found is not None
    assert found.sectors[0].weight_pct == 45.25
    assert found.cash is not None
    assert (found.cash.weight_pct, found.cash.n_holdings) == (0.5, 1)


def test_a_later_list_is_not_known_yet_and_an_older_one_is_replaced() -> None:
    older, newer = pl.DataFrame(LIST), pl.DataFrame(LIST | {"as_of": [date(2024, 4, 1)] * 7}).head(2)
    both = pl.concat([newer, older])
    dates = {day: sector_weights(both, "IWM", date(2024, *day)) for day in ((2, 29), (3, 1), (3, 31), (4, 1), (5, 1))}
    assert dates[2, 29] is None
    assert dates[3, 1] == dates[3, 31] == sector_weights(older, "IWM", date(2024, 3, 1))
    assert dates[4, 1] == dates[5, 1] == sector_weights(newer, "IWM", date(2024, 4, 1))
    assert dates[4, 1] is not None
    assert dates[4, 1].cash is None
    assert sector_weights(both, "IJR", date(2024, 5, 1)) is None


def test_sectors_of_equal_weight_stand_by_name_whatever_the_order_of_rows() -> None:
    frame = pl.DataFrame(LIST | {"weight_pct": [float("nan"), 5.0, 5.0, 1.0, 1.0, 5.0, 0.0]})
    found = sector_weights(frame, "IWM", date(2024, 3, 1))
    assert found is not None
    assert [line.name for line in found.sectors] == ["Financials", "Health Care", UNNAMED]
    assert found.n_unweighted == 1
    assert found == sector_weights(frame.reverse(), "IWM", date(2024, 3, 1))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pl.DataFrame(LIST).drop("sector"), r"must also have \['sector'\]"),
        (pl.DataFrame(LIST | {"as_of": ["2024-03-01"] * 7}), "as_of of the holdings is String, must be Date"),
        (pl.DataFrame(LIST | {"weight_pct": ["1"] * 7}), "weight_pct of the holdings is String, must be a number"),
    ],
)
def test_a_faulty_list_of_holdings_is_refused_by_name(frame: pl.DataFrame, message: str) -> None:
    with pytest.raises(UnreadableData, match=message):
        sector_weights(frame, "IWM", date(2024, 3, 1))


@pytest.mark.realdata
def test_iwm_by_sector_equals_the_issuers_list(shared_data: Path) -> None:
    frame = pl.read_csv(shared_data / "iwm_holdings_2026-05-05.csv", try_parse_dates=True, infer_schema_length=None)
    found = sector_weights(frame.with_columns(fund=pl.lit("IWM")), "IWM", date(2026, 5, 29))
    expected: dict[str, list[float]] = {}
    with (shared_data / "iwm_holdings_2026-05-05.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            expected.setdefault(row["sector"], []).append(float(row["weight_pct"]))
    cash = expected.pop("Cash and/or Derivatives")
    assert found is not None
    assert found.cash is not None
    assert found.cash.weight_pct == pytest.approx(sum(cash), abs=1e-9)
    assert {line.name: line.n_holdings for line in found.sectors} == {name: len(w) for name, w in expected.items()}
    assert {line.name: line.weight_pct for line in found.sectors} == pytest.approx(
        {name: sum(weights) for name, weights in expected.items()}, abs=1e-9
    )
    assert (found.sectors[0].name, found.n_holdings, found.list_date) == ("Industrials", 1924, date(2026, 5, 5))
    assert sector_weights(frame.with_columns(fund=pl.lit("IWM")), "IWM", date(2026, 5, 4)) is None
