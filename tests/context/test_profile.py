"""Profiles: every field as agreed, strict reading, packaging."""

from importlib import resources

import pytest

from openapex.context.profile import TOPICS, Profile, missing_companions, profile, profile_names
from openapex.errors import BadInput, UnknownName

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
