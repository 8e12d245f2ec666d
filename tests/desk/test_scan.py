"""What a scan promises: every requested symbol has a row or a cause, filters and sorts hold, simulated data says so."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import openapex as apex
from openapex.errors import BadInput, NoData, UnknownName
from openapex.screens import COLUMNS
from openapex.sources.demo import DemoSource
from openapex.sources.source import Delivery

NAMES = ("SPY", "IWM", "QQQ", "TEC01", "FIN08", "HLT03")


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six simulated symbols without splits in the span, one young, one that ended long ago."""
    frames = [
        answer.bars for answer in DemoSource().fetch(NAMES, start=date(2022, 1, 3)) if isinstance(answer, Delivery)
    ]
    bars = pl.concat(frames)
    young = bars.filter(pl.col("symbol") == "IWM").tail(9).with_columns(symbol=pl.lit("YOUNG"))
    ended = bars.filter((pl.col("symbol") == "QQQ") & (pl.col("session") < date(2024, 6, 1))).with_columns(
        symbol=pl.lit("ENDED")
    )
    path = tmp_path_factory.mktemp("scan") / "prices.parquet"
    pl.concat([bars, young, ended]).rename({"session": "date"}).drop("provisional").write_parquet(path)
    return path


def test_every_requested_symbol_has_a_row_or_a_cause(prices: Path) -> None:
    report = apex.scan(["SPY", "YOUNG", "ENDED", "NOPE"], data=prices)
    assert report.table["symbol"].to_list() == ["SPY"]
    assert {one.symbol: one.cause for one in report.refused} == {
        "YOUNG": "InsufficientHistory",
        "ENDED": "Stale",
        "NOPE": "UnknownSymbol",
    }
    assert report.n_requested == report.n_scored + len(report.refused) == 4


def test_a_symbol_does_not_depend_on_the_others_but_for_ranks(prices: Path) -> None:
    alone = apex.scan(["FIN08"], data=prices).table
    among = apex.scan(data=prices).table.filter(pl.col("symbol") == "FIN08")
    own = [name for name in COLUMNS if not name.endswith("_rank")]
    assert alone.select(own).equals(among.select(own), null_equal=True)


def test_filter_sort_and_top(prices: Path) -> None:
    whole = apex.scan(data=prices)
    report = apex.scan(data=prices, where="rsi > 0 and symbol != 'SPY'", sort="rsi", top=2)
    rest = whole.table.filter(pl.col("symbol") != "SPY").sort("rsi", "symbol")
    assert report.n_hits == rest.height
    assert report.hits["symbol"].to_list() == rest["symbol"].to_list()[:2]
    assert whole.hits["score"].is_sorted(descending=True)


def test_no_bar_after_as_of_is_used(prices: Path) -> None:
    report = apex.scan(data=prices, as_of="2024-01-15")  # a holiday
    assert report.session == date(2024, 1, 12)
    assert set(report.table["session"]) == {date(2024, 1, 12)}


def test_universes_are_files_lists_of_holdings_and_names(prices: Path, tmp_path: Path) -> None:
    text = tmp_path / "mine.txt"
    text.write_text("# my own\nspy\nIWM  # small\nSPY\n")
    assert apex.scan(str(text), data=prices).table["symbol"].to_list() == ["SPY", "IWM"]
    listed = tmp_path / "FUND_holdings.csv"
    listed.write_text(
        "symbol,sector,asset_class,weight_pct,as_of\nIWM,Small,Equity,60,2025-01-02\nUSD,,Cash,40,2025-01-02\n"
    )
    report = apex.scan(str(listed), data=prices)
    assert report.table.select("symbol", "sector").rows() == [("IWM", "Small")]
    assert apex.scan("indices", data=prices).n_requested == 6
    with pytest.raises(UnknownName, match="Did you mean 'indices'"):
        apex.scan("indexes", data=prices)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"where": "rsi <"}, BadInput),
        ({"where": "__import__('os')"}, BadInput),
        ({"where": "rsii < 30"}, UnknownName),
        ({"sort": "-scor"}, UnknownName),
        ({"columns": ["symbols"]}, UnknownName),
        ({"preset": "rsi-dips"}, UnknownName),
        ({"top": -1}, BadInput),
        ({"universe": []}, BadInput),
        ({"universe": ["NOPE"]}, NoData),
        ({"data": pl.DataFrame({"symbol": ["A"]}), "engine": "dask"}, BadInput),
    ],
)
def test_bad_input_is_a_named_error(prices: Path, given: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        apex.scan(**{"data": prices, **given})  # type: ignore[arg-type]


def test_the_simulated_market_says_so_and_json_is_pure() -> None:
    made = apex.scan(["IWM", "SPY"], source="demo").to_dict()
    assert made["simulated"] is True
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert list(made["rows"][0]) == list(COLUMNS)


def test_a_frame_is_scanned_as_the_file_it_came_from(prices: Path) -> None:
    frame = pl.read_parquet(prices)
    read = apex.scan(data=prices)
    for given in (frame, frame.to_pandas(), frame.sample(fraction=1.0, shuffle=True, seed=3)):
        assert apex.scan(data=given).table.equals(read.table, null_equal=True)
    with pytest.raises(BadInput, match="names the symbol"):
        apex.scan(data=frame.drop("symbol"))


def test_nothing_to_scan_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_HOME", str(tmp_path))
    with pytest.raises(NoData, match="apex import PATH"):
        apex.scan()


def test_rows_that_the_quality_rules_leave_out_are_counted(prices: Path) -> None:
    assert apex.scan(["SPY"], data=prices).n_quarantined == 0
    bars = pl.read_parquet(prices)
    row = pl.int_range(pl.len()).over("symbol")
    is_bad = (pl.col("symbol") == "SPY") & row.is_in([100, 200])
    bad = bars.with_columns(high=pl.when(is_bad).then(1.0).otherwise("high"))
    report = apex.scan(["SPY", "IWM"], data=bad)
    assert report.n_quarantined == report.to_dict()["quarantined"] == 2
    named = apex.analyze("SPY", data=bad.filter(pl.col("symbol") == "SPY")).to_dict()["data"]
    assert named["n_quarantined"] == 2


def test_before_the_simulated_market_began_nothing_can_be_scored() -> None:
    with pytest.raises(NoData, match="none of 2 symbols can be scored"):
        apex.scan(["SPY", "IWM"], source="demo", as_of="1990-01-01")


def test_bars_in_the_place_of_the_universe_are_told_where_they_go(prices: Path) -> None:
    with pytest.raises(BadInput, match="must be tickers; bars are passed as data="):
        apex.scan(pl.read_parquet(prices))  # type: ignore[arg-type]


def test_top_0_is_all_and_a_file_of_tickers_may_have_commas_and_quotes(prices: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("SPY,\n\"IWM\"\n'QQQ'; # three\n")
    report = apex.scan(str(file), data=prices, top=0)
    assert sorted(report.hits["symbol"]) == ["IWM", "QQQ", "SPY"]
