"""Columns as the world writes them."""

import os
import subprocess
import sys
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pytest

from openapex.errors import UnreadableData
from openapex.sources.columns import recognised

DAY = date(2024, 3, 11)


def close_frame(dates: object) -> pl.DataFrame:
    return pl.DataFrame({"Date": dates, "Close": [1.0]})


@pytest.mark.parametrize(
    "columns",
    [
        ["Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"],  # Yahoo's CSV, yfinance flat
        ["Date", "Open", "High", "Low", "Close", "Adjusted_close", "Volume"],  # EODHD
        ["timestamp", "open", "high", "low", "close", "adjusted_close", "volume"],  # Alpha Vantage, adjusted
        ["date", "1. open", "2. high", "3. low", "4. close", "5. adjusted close", "6. volume"],  # Alpha Vantage JSON
        [" DATE ", "OPEN", "HIGH", "LOW", "CLOSE", "ADJ_CLOSE", "VOL"],
    ],
)
def test_spellings_of_providers_are_recognised(columns):
    row = ["2024-03-11", "1", "3", "0.5", "2", "1.8", "1,000"]
    table, basis = recognised(pl.DataFrame([row], schema=columns, orient="row"), "x")
    assert table.row(0) == (DAY, 1.0, 3.0, 0.5, 2.0, 1.8, 1000.0, False)
    assert basis == "split_adjusted"


def test_alpha_vantage_raw_prices_are_as_traded():
    frame = pl.DataFrame({"timestamp": ["2024-03-11"], "open": ["1"], "high": ["1"], "low": ["1"], "close": ["1"]})
    table, basis = recognised(frame, "x")
    assert basis == "as_traded"
    assert table["adj_close"].to_list() == [None]


@pytest.mark.parametrize(
    "written",
    [
        ["2024-03-11"], ["2024/03/11"], ["2024-03-11 00:00:00-04:00"], ["2024-03-11T00:00:00+09:00"], ["20240311"],
        [date(2024, 3, 11)], [datetime(2024, 3, 11, 0, 0)], [20240311], [1710163800], [1710163800000],
        [datetime(2024, 3, 11, 0, 0, tzinfo=ZoneInfo("America/New_York"))],
        [datetime(2024, 3, 11, 0, 0, tzinfo=ZoneInfo("Asia/Tokyo"))],
        [datetime(2024, 3, 11, 0, 0, tzinfo=ZoneInfo("UTC"))],
    ],
    ids=str,
)  # fmt: skip
def test_dates_are_read_in_the_zone_they_are_written_in(written):
    table, _ = recognised(close_frame(written), "x")
    assert table["session"].to_list() == [DAY]


def test_scenario_19_midnights_that_happen_twice_or_never_give_the_right_session():
    tel_aviv = pl.Series(["2002-10-06 21:00", "2002-10-06 22:00"]).str.to_datetime(time_zone="UTC")
    frame = pl.DataFrame({"Date": tel_aviv.dt.convert_time_zone("Asia/Tel_Aviv"), "Close": [1.0, 1.0]})
    assert recognised(frame, "x")[0]["session"].to_list()[1] == date(2002, 10, 7)
    sao_paulo = pl.Series(["2004-11-02 03:00"]).str.to_datetime(time_zone="UTC")
    frame = pl.DataFrame({"Date": sao_paulo.dt.convert_time_zone("America/Sao_Paulo"), "Close": [1.0]})
    assert recognised(frame, "x")[0]["session"].to_list() == [date(2004, 11, 2)]
    spring = pl.Series(["2025-03-09 10:18"]).str.to_datetime(time_zone="UTC")  # 02:18 does not exist in Los Angeles
    frame = pl.DataFrame({"Date": spring.dt.convert_time_zone("America/Los_Angeles"), "Close": [1.0]})
    assert recognised(frame, "x")[0]["session"].to_list() == [date(2025, 3, 9)]


def test_scenario_20_the_machines_time_zone_does_not_matter(tmp_path):
    code = """
import sys, polars as pl
from openapex.sources.files import FilesSource
(answer,) = FilesSource(sys.argv[1]).fetch(["IWM"])
print(answer.bars.write_csv())
"""
    path = tmp_path / "IWM.parquet"
    stamps = pl.Series(["2024-03-08 05:00", "2024-03-11 04:00", "2024-11-04 05:00"]).str.to_datetime(time_zone="UTC")
    pl.DataFrame({"Date": stamps.dt.convert_time_zone("America/New_York"), "Close": [1.0, 2.0, 3.0]}).write_parquet(
        path
    )
    zones = ["UTC", "America/Los_Angeles", "Asia/Tokyo", "Pacific/Kiritimati", "Asia/Kathmandu"]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path)], env={**os.environ, "TZ": zone}, stdout=subprocess.PIPE, text=True
        )
        for zone in zones
    ]
    printed = {process.communicate()[0] for process in running}
    assert len(printed) == 1
    assert "2024-03-08" in (text := printed.pop())
    assert "2024-03-11" in text
    assert "2024-11-04" in text


def test_a_pandas_frame_of_yfinance_is_recognised():
    index = pd.DatetimeIndex(["2024-03-11"], tz="America/New_York", name="Date")
    frame = pd.DataFrame({"Open": [1.0], "High": [2.0], "Low": [1.0], "Close": [1.5], "Volume": [10]}, index=index)
    table, _ = recognised(pl.from_pandas(frame.reset_index()), "the frame")
    assert table.row(0)[:5] == (DAY, 1.0, 2.0, 1.0, 1.5)


def test_an_index_column_beside_the_date_is_not_a_second_date():
    frame = pl.DataFrame({"index": [0], "Date": ["2024-03-11"], "Close": [1.0], "Stock Splits": [0.0]})
    assert recognised(frame, "x")[0]["session"].to_list() == [DAY]


@pytest.mark.parametrize("blank", ["", "-", "null", "NaN", "N/A"])
def test_a_blank_number_is_unknown(blank):
    frame = pl.DataFrame({"date": ["2024-03-11", "2024-03-12"], "close": ["1", "2"], "volume": [blank, "5"]})
    assert recognised(frame, "x")[0]["volume"].to_list() == [None, 5.0]


def test_other_tables_name_what_was_found_and_expected():
    with pytest.raises(UnreadableData, match=r"the frame has columns 'a', 'b', must have date, open"):
        recognised(pl.DataFrame({"a": [1], "b": [2]}), "the frame")
    with pytest.raises(UnreadableData, match="list of holdings"):
        recognised(pl.DataFrame({"Ticker": ["BE"], "Weight (%)": [1.9], "Asset Class": ["Equity"]}), "x")
    with pytest.raises(UnreadableData, match="dates of type Boolean"):
        recognised(pl.DataFrame({"date": [True], "close": [1.0]}), "x")
    with pytest.raises(UnreadableData, match="close of type Boolean, must be numbers"):
        recognised(pl.DataFrame({"date": [DAY], "close": [True]}), "x")
