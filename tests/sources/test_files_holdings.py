"""A fund's holdings: the iShares download, a plain table, whose they are and of which day."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from openapex.errors import UnreadableData
from openapex.sources.files import FilesSource
from openapex.sources.holdings import HOLDINGS_SCHEMA, fund_words, read_holdings

ISHARES = """\ufeffiShares Russell 2000 ETF
Fund Holdings as of,"May 05, 2026"
Inception Date,"May 22, 2000"
Shares Outstanding,"278,750,000.00"
\u00a0
Ticker,Name,Sector,Asset Class,Market Value,Weight (%),Notional Value
"BE","BLOOM ENERGY, CLASS A","Industrials","Equity","1,532,594,919.50","1.93","1,532,594,919.50"
"NA","NANO LABS","Information Technology","Equity","9.00","0.10","9.00"
"-","A RIGHT","Health Care","Equity","0.00","0.00","0.00"
"USD","US DOLLAR","Cash and/or Derivatives","Cash","-5.00","-0.09","-5.00"
\u00a0
"The content contained herein is owned or licensed by BlackRock, Inc.
Holdings subject to change."
"""
PLAIN = "symbol,name,sector,asset_class,weight_pct,as_of\nBE,Bloom,Industrials,Equity,1.93,{day}\n"


def written(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


def test_an_ishares_download_is_read_without_its_preamble_and_terms(tmp_path):
    listed = read_holdings(written(tmp_path / "ishares_IWM_holdings_raw.csv", ISHARES))
    assert listed.schema == HOLDINGS_SCHEMA
    day = date(2026, 5, 5)
    assert listed.rows() == [
        ("IWM", "BE", "Industrials", "Equity", 1.93, day),
        ("IWM", "NA", "Information Technology", "Equity", 0.1, day),
        ("IWM", None, "Health Care", "Equity", 0.0, day),
        ("IWM", "USD", "Cash and/or Derivatives", "Cash", -0.09, day),
    ]


def test_a_plain_table_may_lack_sectors_and_be_parquet(tmp_path):
    frame = pl.DataFrame({"Ticker": ["BE"], "Weight (%)": [1.93], "as of": [date(2026, 5, 5)]})
    frame.write_parquet(tmp_path / "iwm_holdings.parquet")
    assert read_holdings(tmp_path / "iwm_holdings.parquet").rows() == [
        ("IWM", "BE", None, None, 1.93, date(2026, 5, 5))
    ]
    source = FilesSource(tmp_path / "iwm_holdings.parquet")
    assert source.holdings("IWM").height == 1


@pytest.mark.parametrize(
    ("name", "fund"),
    [
        ("iwm_holdings_2026-05-05.csv", "IWM"),
        ("ishares_IWM_holdings_2026-05-05_raw.csv", "IWM"),
        ("IWM_holdings.csv", "IWM"),
        ("holdings-daily-us-en-spy.csv", "SPY"),
        ("fund holdings (QQQ).csv", "QQQ"),
    ],
)
def test_the_fund_is_the_word_in_the_files_name_that_looks_like_a_ticker(tmp_path, name, fund):
    file = written(tmp_path / name, PLAIN.format(day="2026-05-05"))
    assert read_holdings(file)["fund"].to_list() == [fund]
    assert fund in fund_words(file)
    assert FilesSource(tmp_path).holdings(fund.lower())["fund"].to_list() == [fund]


def test_a_file_that_names_no_fund_or_two_must_be_told(tmp_path):
    for name in ("holdings.csv", "IWM_SPY_holdings.csv"):
        file = written(tmp_path / name, PLAIN.format(day="2026-05-05"))
        with pytest.raises(UnreadableData, match="does not name one fund, must be called like"):
            read_holdings(file)
        assert read_holdings(file, "vti")["fund"].to_list() == ["VTI"]


def test_the_latest_list_is_given_and_none_that_is_later_than_the_end(tmp_path):
    for day in ("2023-03-31", "2024-03-31", "2023-12-29"):
        written(tmp_path / f"iwm_holdings_{day}.csv", PLAIN.format(day=day))
    written(tmp_path / "SPY_holdings.csv", PLAIN.format(day="2025-01-02"))
    source = FilesSource(tmp_path)
    assert source.holdings("IWM")["as_of"].to_list() == [date(2024, 3, 31)]
    assert source.holdings("IWM", end=date(2023, 12, 31))["as_of"].to_list() == [date(2023, 12, 29)]
    assert source.holdings("IWM", end=date(2023, 1, 2)) is None
    assert source.holdings("QQQ") is None


def test_a_file_of_bars_or_series_has_no_holdings(tmp_path):
    file = written(tmp_path / "IWM.csv", "date,close\n2024-01-02,1\n")
    assert FilesSource(file).holdings("IWM") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "begins with none, must have columns ticker and weight"),
        ("date,close\n2024-01-02,1\n", "begins with 'date', 'close', must have columns ticker and weight"),
        ("ticker,weight\nBE,1.9\n", "does not say of which day it is, must have a column as_of"),
        (ISHARES.replace("May 05, 2026", "yesterday"), "is of 'yesterday', must be a date like 'May 05, 2026'"),
        (PLAIN.format(day="2026-05-05") + "CRDO,x,y\n", "has 3 cells in row 3, must be 6 as above"),
        (PLAIN.format(day="2026-05-05").replace("1.93", "much"), "weight_pct in row 1 is 'much', must be a number"),
        (PLAIN.format(day="soon"), "as_of in row 1 is 'soon', must be a date"),
    ],
)
def test_a_list_that_cannot_be_understood_says_what_was_found_and_expected(tmp_path, text, words):
    file = written(tmp_path / "IWM_holdings.csv", text)
    with pytest.raises(UnreadableData) as caught:
        read_holdings(file)
    assert str(caught.value).startswith("IWM_holdings.csv")
    assert words in str(caught.value)


@pytest.mark.realdata
def test_the_two_files_of_the_shared_data_say_the_same(shared_data):
    plain = FilesSource(shared_data).holdings("IWM")
    raw = read_holdings(shared_data / "wire_samples" / "ishares_IWM_holdings_2026-05-05_raw.csv")
    assert plain.equals(raw)
    assert raw.height == 1929  # as the README of the data counts them
    assert raw.row(0) == ("IWM", "BE", "Industrials", "Equity", 1.93, date(2026, 5, 5))
    assert raw["weight_pct"].sum() == pytest.approx(100, abs=0.5)
    assert FilesSource(shared_data).holdings("IWM", end=date(2024, 12, 31)) is None
