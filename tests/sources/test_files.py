"""Files and folders as a source: layouts, symbols that look like something else, and named errors."""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from contract import SourceCase, SourceContract
from hypothesis import given
from hypothesis import strategies as st

from openapex.errors import BadInput, NoData, UnknownSymbol, UnreadableData
from openapex.sessions import sessions_between
from openapex.sources.files import FilesSource
from openapex.sources.names import file_name, symbol_of
from openapex.sources.source import Delivery, Failure, NoNewData

ODD_SYMBOLS = [
    "NA", "NAN", "NULL", "TRUE", "INF", "CON", "PRN", "BRK.B", "BRK-B", "^RUT", "M&M.NS", "0700.HK", "7203.T", "1E5",
]  # fmt: skip


def table(symbol: str | None = None, n_bars: int = 60, scale: float = 1.0) -> pl.DataFrame:
    days = sessions_between(date(2023, 12, 1), date(2024, 6, 28))[:n_bars]
    close = scale * (100 + np.arange(len(days)) % 7)
    frame = pl.DataFrame(
        {"date": days, "open": close, "high": close + 1, "low": close - 1, "close": close, "adj_close": close * 0.9,
         "volume": np.full(len(days), 1000.0)}
    )  # fmt: skip
    return frame if symbol is None else frame.with_columns(symbol=pl.lit(symbol))


def one(source: FilesSource, symbol: str, **span: date) -> Delivery | NoNewData | Failure:
    (answer,) = source.fetch([symbol], **span)
    return answer


class TestLongParquet(SourceContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> SourceCase:
        pl.concat([table("IWM", 120), table("SPY", 120, 2.0)]).write_parquet(tmp_path / "long.parquet")
        return SourceCase(FilesSource(tmp_path / "long.parquet"), ("IWM", "SPY"), "IWMM", date(2024, 3, 8))


class TestLongCsv(SourceContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> SourceCase:
        pl.concat([table("IWM", 120), table("SPY", 120, 2.0)]).reverse().write_csv(tmp_path / "long.csv")
        return SourceCase(FilesSource(tmp_path / "long.csv"), ("IWM", "SPY"), "IWMM", date(2024, 3, 8))


class TestFolder(SourceContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> SourceCase:
        table(None, 120).write_csv(tmp_path / "IWM.csv")
        table("SPY", 120, 2.0).write_parquet(tmp_path / "SPY.parquet")
        return SourceCase(FilesSource(tmp_path), ("IWM", "SPY"), "IWMM", date(2024, 3, 8))


def test_a_typo_is_answered_with_the_nearest_symbol(tmp_path):
    pl.concat([table("IWM"), table("SPY")]).write_parquet(tmp_path / "long.parquet")
    answer = one(FilesSource(tmp_path / "long.parquet"), "IWMM")
    assert isinstance(answer.error, UnknownSymbol)
    assert "Did you mean 'IWM'?" in str(answer.error)


def test_a_file_without_a_symbol_column_is_named_after_its_symbol(tmp_path):
    table().write_csv(tmp_path / "IWM.csv")
    table().write_csv(tmp_path / "daily_IWM_2024.csv")
    table().write_csv(tmp_path / "download.csv")
    assert one(FilesSource(tmp_path / "IWM.csv"), "IWM").bars.height == 60
    assert one(FilesSource(tmp_path / "daily_IWM_2024.csv"), "IWM").bars.height == 60
    assert isinstance(one(FilesSource(tmp_path / "IWM.csv"), "SPY").error, UnknownSymbol)
    assert isinstance(one(FilesSource(tmp_path / "download.csv"), "IWM").error, UnknownSymbol)
    assert one(FilesSource(tmp_path / "download.csv", symbol="IWM"), "IWM").bars["symbol"][0] == "IWM"


def test_many_symbols_are_read_in_batches_and_answered_in_order(tmp_path):
    names = [f"S{i:03d}" for i in range(450)]
    pl.concat([table(name, 2) for name in names]).write_parquet(tmp_path / "long.parquet")
    asked = [*reversed(names), "NOPE", "S001"]
    answers = list(FilesSource(tmp_path / "long.parquet").fetch(asked))
    assert [answer.symbol for answer in answers] == asked
    assert sum(isinstance(answer, Failure) for answer in answers) == 1


def test_scenario_04_one_typo_of_500_is_one_named_failure_and_all_typos_fail(tmp_path):
    names = [f"S{i:03d}" for i in range(499)]
    pl.concat([table(name, 1) for name in names]).write_parquet(tmp_path / "long.parquet")
    answers = list(FilesSource(tmp_path / "long.parquet").fetch([*names, "S4999"]))
    assert [type(answer) for answer in answers] == [Delivery] * 499 + [Failure]
    assert "S4999" in str(answers[-1].error)
    assert all(isinstance(a, Failure) for a in FilesSource(tmp_path / "long.parquet").fetch(["X1", "X2"]))


def test_scenario_05_a_span_of_closed_days_is_no_fault_of_the_ticker(tmp_path):
    table("IWM").write_parquet(tmp_path / "long.parquet")
    answer = one(FilesSource(tmp_path / "long.parquet"), "IWM", start=date(2024, 1, 15), end=date(2024, 1, 15))
    assert isinstance(answer, NoNewData)
    assert answer.reason == "the market was closed: XNYS has no session from 2024-01-15 to 2024-01-15"
    for day in (date(2026, 5, 25), date(2025, 1, 9)):
        assert "market was closed" in one(FilesSource(tmp_path / "long.parquet"), "IWM", start=day, end=day).reason
    open_day = date(2024, 6, 3)
    answer = one(FilesSource(tmp_path / "long.parquet"), "IWM", start=open_day, end=open_day)
    assert "holds IWM from 2023-12-01 to 2024-02-28" in answer.reason


def test_scenario_06_a_last_row_without_prices_is_not_a_bar(tmp_path):
    empty = {name: None for name in ("open", "high", "low", "close", "adj_close", "volume")}
    extra = pl.DataFrame({"date": [date(2024, 6, 28)], **empty}, schema=table().schema)
    frame = pl.concat([table(n_bars=60), extra])
    frame.write_csv(tmp_path / "IWM.csv")
    frame.with_columns(pl.col("close").fill_null(float("nan"))).write_parquet(tmp_path / "IWM2.parquet")
    for name in ("IWM.csv", "IWM2.parquet"):
        answer = one(FilesSource(tmp_path / name, symbol="IWM"), "IWM")
        assert answer.bars.height == 60
        assert answer.bars["session"][-1] == date(2024, 2, 28)
        assert answer.warnings == ("rows without a price left out: 1, the latest 2024-06-28",)


def test_scenario_07_a_date_that_stands_twice_is_one_bar_and_counted(tmp_path):
    again = table(n_bars=60)[-1].with_columns(volume=pl.lit(7777.0))
    pl.concat([table(n_bars=60), again]).write_csv(tmp_path / "IWM.csv")
    answer = one(FilesSource(tmp_path / "IWM.csv"), "IWM")
    assert answer.n_superseded == 1
    assert answer.bars.height == 60
    assert answer.bars["volume"][-1] == 7777.0


def test_scenario_08_equal_rows_of_a_fund_on_many_days_are_all_kept(tmp_path):
    flat = table().with_columns(open=10.0, high=10.0, low=10.0, close=10.0, adj_close=10.0, volume=0.0)
    flat.write_csv(tmp_path / "VWEAX.csv")
    answer = one(FilesSource(tmp_path / "VWEAX.csv"), "VWEAX")
    assert answer.bars.height == 60
    assert answer.n_superseded == 0


def test_scenario_23_symbols_that_look_like_values_survive_every_layout(tmp_path):
    pl.concat([table(name, 3, 1 + i) for i, name in enumerate(ODD_SYMBOLS)]).write_csv(tmp_path / "long.csv")
    pl.read_csv(tmp_path / "long.csv", infer_schema=False).write_parquet(tmp_path / "long.parquet")
    (tmp_path / "folder").mkdir()
    for i, name in enumerate(ODD_SYMBOLS):
        table(None, 3, 1 + i).write_csv(tmp_path / "folder" / file_name(name))
    for path in ("long.csv", "long.parquet", "folder"):
        source = FilesSource(tmp_path / path)
        assert list(source.symbols()) == sorted(ODD_SYMBOLS)
        for i, answer in enumerate(source.fetch(ODD_SYMBOLS)):
            assert answer.symbol == ODD_SYMBOLS[i]
            assert answer.bars["symbol"].unique().to_list() == [ODD_SYMBOLS[i]]
            assert answer.bars["close"][0] == 100 * (1 + i)


def test_scenario_23_a_symbol_cannot_leave_the_folder(tmp_path):
    (tmp_path / "folder").mkdir()
    table().write_csv(tmp_path / "x.csv")
    table().write_csv(tmp_path / "folder" / "IWM.csv")
    assert isinstance(one(FilesSource(tmp_path / "folder"), "../x").error, UnknownSymbol)
    for symbol in ("../x", "..", ".hidden", ""):
        with pytest.raises(BadInput, match="symbol is"):
            file_name(symbol)


@pytest.mark.parametrize("symbol", [*ODD_SYMBOLS, "A/B", "A\\B", "a:b", "COM1", "con.X", "Ä", "%41", "S P"])
def test_file_names_are_plain_and_reversible(symbol):
    name = file_name(symbol)
    assert symbol_of(Path(name)) == symbol
    assert not set(name) & set('/\\:*?"<>|')
    assert name.partition(".")[0].upper() not in {"CON", "PRN", "COM1"}


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12))
def test_every_symbol_has_its_own_file_name_or_is_refused(symbol):
    try:
        name = file_name(symbol)
    except BadInput:
        assert ".." in symbol or symbol.startswith(".")
    else:
        assert symbol_of(Path(name)) == symbol
        assert Path(name).name == name


@given(
    st.lists(
        st.tuples(st.dates(date(1990, 1, 1), date(2024, 12, 31)), st.floats(0.01, 1e6), st.floats(0, 1e12)),
        min_size=1, max_size=20, unique_by=lambda row: row[0],
    )
)  # fmt: skip
def test_csv_and_parquet_give_the_numbers_that_were_written(rows):
    frame = pl.DataFrame(rows, schema=["Date", "Close", "Volume"], orient="row")
    with TemporaryDirectory() as folder:
        frame.write_csv(Path(folder) / "IWM.csv")
        frame.write_parquet(Path(folder) / "SPY.parquet")
        ours = [answer.bars for answer in FilesSource(folder).fetch(["IWM", "SPY"])]
    for bars in ours:
        assert bars.select("session", "close", "volume").rows() == frame.sort("Date").rows()


@pytest.mark.parametrize(
    ("name", "content", "error", "words"),
    [
        ("IWM.csv", b"", NoData, "IWM.csv is empty"),
        ("IWM.csv", b"\n\n", NoData, "is empty"),
        ("IWM.csv", b"date,close\n", NoData, "holds 0 rows"),
        ("IWM.csv", b"date,close\n2024-01-02,\n", NoData, "must hold at least one with a price"),
        ("IWM.csv", b"a,b\n1,2\n", UnreadableData, "has columns 'a', 'b', must have date, open, high"),
        ("IWM.csv", b"date,close\nsoon,1\n", UnreadableData, "date in row 1 is 'soon', must be a date"),
        ("IWM.csv", b"date,close\n2024-01-02,dear\n", UnreadableData, "close in row 1 is 'dear', must be a number"),
        ("IWM.csv", b"date,high,close\n2024-01-02,1,1\n", UnreadableData, "must also have open, low"),
        ("IWM.csv", b"date,close,Close\n2024-01-02,1,1\n", UnreadableData, "must have only one for close"),
        ("IWM.csv", b"date,close\n2024-01-02,1,9,9\n", UnreadableData, "cannot be read as CSV"),
        ("IWM.csv", b"\xff\xfe\x00\x01", UnreadableData, "not UTF-8 text"),
        ("IWM.csv", b"<html><body>Too many requests</body></html>", UnreadableData, "has columns '<html>"),
        ("IWM.parquet", b"", UnreadableData, "cannot be read as Parquet"),
        ("IWM.parquet", b"PAR1 no more", UnreadableData, "cannot be read as Parquet"),
    ],
)
def test_scenario_18_an_unreadable_file_is_a_named_error(tmp_path, name, content, error, words):
    (tmp_path / name).write_bytes(content)
    answer = one(FilesSource(tmp_path), "IWM")
    assert isinstance(answer, Failure)
    assert type(answer.error) is error, answer.error
    assert words in str(answer.error)


def test_a_truncated_parquet_is_a_named_error(tmp_path):
    table("IWM").write_parquet(tmp_path / "long.parquet")
    content = (tmp_path / "long.parquet").read_bytes()
    (tmp_path / "long.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(UnreadableData, match=r"long.parquet cannot be read as Parquet"):
        one(FilesSource(tmp_path / "long.parquet"), "IWM")


def test_a_missing_path_or_strange_ending_is_a_named_error(tmp_path):
    with pytest.raises(BadInput, match="must be an existing CSV or Parquet file"):
        FilesSource(tmp_path / "no.csv")
    (tmp_path / "x.xls").write_bytes(b"")
    with pytest.raises(BadInput, match=r"must end in \.csv or \.parquet"):
        FilesSource(tmp_path / "x.xls")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="must hold CSV or Parquet files"):
        FilesSource(tmp_path / "empty")


def test_a_fault_in_one_file_of_a_folder_leaves_the_others(tmp_path):
    table().write_csv(tmp_path / "IWM.csv")
    (tmp_path / "SPY.csv").write_text("nothing,here\n1,2\n", encoding="utf-8")
    answers = list(FilesSource(tmp_path).fetch(["SPY", "IWM"]))
    assert [type(answer) for answer in answers] == [Failure, Delivery]


def test_an_absent_adjusted_close_is_unknown_and_said(tmp_path):
    table().drop("adj_close").write_csv(tmp_path / "IWM.csv")
    answer = one(FilesSource(tmp_path / "IWM.csv"), "IWM")
    assert answer.bars["adj_close"].null_count() == 60
    assert answer.warnings == ("no adjusted close: returns leave out dividends",)


@pytest.mark.realdata
def test_the_shared_tables_are_read(shared_data):
    etf = FilesSource(shared_data / "etf_daily.parquet")
    iwm = one(etf, "IWM")
    assert (iwm.bars.height, iwm.basis) == (6188, "split_adjusted")
    assert len(etf.symbols()) == 86
    index = one(FilesSource(shared_data / "index_daily.parquet"), "^RUT")
    assert index.bars["session"][0] == date(1987, 9, 10)
    stock = one(FilesSource(shared_data / "stocks_daily.parquet"), "A")
    assert stock.bars["close"][0] == pytest.approx(40.689999, abs=1e-5)


@pytest.mark.realdata
def test_recorded_responses_of_providers_are_recognised(shared_data):
    wire = shared_data / "wire_samples"
    raw = one(FilesSource(wire / "alphavantage_TIME_SERIES_DAILY_IWM_raw.csv"), "IWM")
    assert raw.basis == "as_traded"
    assert raw.bars.row(-1)[1:5] == (date(2026, 8, 21), 299.95, 300.33, 298.17)
    eodhd = one(FilesSource(wire / "eodhd_head.csv", symbol="IWM"), "IWM")
    assert eodhd.bars.row(0)[1:8] == (date(2000, 5, 26), 91.0625, 91.4375, 90.5625, 91.4375, 33.4009, 76800.0)
    yfinance = one(FilesSource(wire / "yfinance_download_multiindex_head.csv"), "SPY")
    assert yfinance.bars.row(0)[1:6] == (date(1993, 1, 29), 43.96875, 43.96875, 43.75, 43.9375)
    with pytest.raises(UnreadableData, match="list of holdings, must be prices"):
        one(FilesSource(wire / "ishares_IWM_holdings_2026-05-05_raw.csv"), "IWM")
    fred = one(FilesSource(wire / "fredgraph_WTISPLC_raw.csv"), "WTISPLC")
    assert isinstance(fred.error, UnreadableData)
