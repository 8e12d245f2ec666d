"""A folder of several tables: each recognised by its columns, one answer per name, the same whatever else is asked."""

import json
import pickle
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from contract import SourceCase, SourceContract
from hypothesis import given, settings
from hypothesis import strategies as st

from openapex.errors import NoData, UnknownSymbol, UnreadableData
from openapex.sessions import sessions_between
from openapex.sources.files import FilesSource
from openapex.sources.folder import MANY_FILES
from openapex.sources.kinds import kind_of
from openapex.sources.source import MACRO_SCHEMA, Answer, Delivery, Failure, NoNewData

DAYS = sessions_between(date(2023, 12, 1), date(2024, 6, 28))
HOLDINGS = "symbol,name,sector,asset_class,weight_pct,as_of\nBE,Bloom,Industrials,Equity,1.9,2024-05-05\n"


def bars(symbol: str | None, n_bars: int = 60, scale: float = 1.0, first: int = 0) -> pl.DataFrame:
    days = DAYS[first : first + n_bars]
    close = scale * (100 + np.arange(len(days)) % 7)
    frame = pl.DataFrame({"date": days, "open": close, "high": close + 1, "low": close - 1, "close": close})
    frame = frame.with_columns(adj_close=pl.col("close") * 0.9, volume=pl.lit(1000.0))
    return frame if symbol is None else frame.with_columns(symbol=pl.lit(symbol))


def series(name: str, *rows: tuple[date, float | None]) -> pl.DataFrame:
    schema = {"date": pl.Date, "value": pl.Float64}
    return pl.DataFrame(list(rows), schema=schema, orient="row").with_columns(series=pl.lit(name))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Funds, shares, an index in a file of its own, macro series, breadth, holdings, and tables of other kinds."""
    folder = tmp_path_factory.mktemp("mixed")
    pl.concat([bars("IWM"), bars("SPY", 60, 2.0)]).write_parquet(folder / "funds.parquet")
    pl.concat([bars("A"), bars("NA", 60, 3.0)]).reverse().write_csv(folder / "shares.csv")
    bars(None).write_csv(folder / "^RUT.csv")
    rates = [(day.item(), 4.0 + i / 100) for i, day in enumerate(DAYS[:60])]
    macro = pl.concat([series("DGS2", *rates), series("UNRATE", (date(2023, 12, 1), 3.7), (date(2024, 1, 1), 3.7))])
    macro.write_parquet(folder / "macro.parquet")
    series("S5TH", *((day, 50.0 + value) for day, value in rates)).write_csv(folder / "breadth.csv")
    (folder / "fredgraph.csv").write_text("observation_date,DGS10\n2024-01-01,.\n2024-01-02,3.95\n", encoding="utf-8")
    (folder / "iwm_holdings.csv").write_text(HOLDINGS, encoding="utf-8")
    pl.DataFrame({"ts": [1], "symbol": ["IWM"], "close": [1.0]}).write_parquet(folder / "minutes.parquet")
    (folder / "phrases.csv").write_text('text,label\n"sales, net, fell",negative\n', encoding="utf-8")
    (folder / "README.md").write_text("# Notes\n", encoding="utf-8")
    (folder / "more").mkdir()
    return folder


HELD = ["A", "DGS10", "DGS2", "IWM", "NA", "S5TH", "SPY", "UNRATE", "^RUT"]


def one(source: FilesSource | Path, symbol: str, **span: date) -> Answer:
    (answer,) = (source if isinstance(source, FilesSource) else FilesSource(source)).fetch([symbol], **span)
    return answer


def same(one: Answer, other: Answer) -> bool:
    if type(one) is not type(other):
        return False
    if not isinstance(one, Delivery):
        return str(getattr(one, "error", one)) == str(getattr(other, "error", other))
    frames = all(getattr(one, name).equals(getattr(other, name)) for name in ("bars", "macro"))
    return frames and (one.source, one.warnings, one.n_superseded) == (
        other.source,
        other.warnings,
        other.n_superseded,
    )


class TestFolderOfTables(SourceContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> SourceCase:
        bars("IWM", 120).write_parquet(tmp_path / "funds.parquet")
        pl.concat([bars("A", 120), bars("SPY", 120)]).write_csv(tmp_path / "shares.csv")
        series("DGS2", (date(2024, 1, 2), 4.3)).write_csv(tmp_path / "macro.csv")
        return SourceCase(FilesSource(tmp_path), ("IWM", "SPY"), "IWMM", date(2024, 3, 8))


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ("date symbol open high low close volume", "bars"),
        ("Date,Ticker,Adj Close", "other"),
        ("Date,Close,Adj Close", "symbol_bars"),
        ("timestamp open high low close volume", "symbol_bars"),
        ("date series value", "series"),
        ("reference_date series value known_at", "series"),
        ("observation_date series_id value realtime_start", "series"),
        ("observation_date DGS2", "series"),
        ("DATE DGS2 DGS10", "series"),
        ("DATE VALUE", "other"),
        ("date rate", "other"),
        ("date symbol value", "other"),
        ("Ticker,Name,Sector,Asset Class,Market Value,Weight (%),Price", "holdings"),
        ("symbol name sector asset_class weight_pct as_of", "holdings"),
        ("ts symbol open high low close volume", "other"),
        ("symbol end_date revenues collected", "other"),
        ("text label", "other"),
    ],
)
def test_a_table_is_recognised_by_its_columns(columns, kind):
    assert kind_of(tuple(columns.split("," if "," in columns else " "))) == kind


def test_the_user_can_see_what_each_file_was_taken_for(mixed):
    assert [(note.name, note.kind) for note in FilesSource(mixed).tables()] == [
        ("README.md", "other"),
        ("^RUT.csv", "symbol_bars"),
        ("breadth.csv", "series"),
        ("fredgraph.csv", "series"),
        ("funds.parquet", "bars"),
        ("iwm_holdings.csv", "holdings"),
        ("macro.parquet", "series"),
        ("minutes.parquet", "other"),
        ("more", "other"),
        ("phrases.csv", "other"),
        ("shares.csv", "bars"),
    ]
    why = {note.name: note.why for note in FilesSource(mixed).tables()}
    assert "'ts', 'symbol', 'close': not those of bars (date, close), series" in why["minutes.parquet"]
    assert why["README.md"] == "does not end in .csv or .parquet"
    assert why["more"] == "a folder, not looked into"


def test_bars_and_series_are_answered_in_one_call_in_the_order_asked(mixed):
    asked = ["DGS2", "IWM", "NOPE", "^RUT", "S5TH", "A", "IWM"]
    answers = list(FilesSource(mixed).fetch(asked))
    assert [answer.symbol for answer in answers] == asked
    kinds = [type(answer) for answer in answers]
    assert kinds == [Delivery, Delivery, Failure, Delivery, Delivery, Delivery, Delivery]
    assert [answer.bars.height for answer in answers if isinstance(answer, Delivery)] == [0, 60, 60, 0, 60, 60]
    dgs2 = answers[0]
    assert (dgs2.source, dgs2.simulated, dgs2.basis) == ("files:macro.parquet", False, "split_adjusted")
    assert dgs2.macro.schema == MACRO_SCHEMA
    assert dgs2.macro.row(0) == ("DGS2", date(2023, 12, 1), date(2023, 12, 4), 4.0, True)  # a Friday, said on Monday


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from([*HELD, "NOPE", "phrases", "DGS22"]), min_size=1, max_size=8), st.sampled_from([0, 30]))
def test_an_answer_is_the_same_whatever_else_is_asked(mixed, asked, cut):
    span = {"end": DAYS[cut].item()} if cut else {}
    together = list(FilesSource(mixed).fetch(asked, **span))
    assert [answer.symbol for answer in together] == asked
    for answer in together:
        assert same(answer, one(mixed, answer.symbol, **span)), answer


def test_every_symbol_and_series_is_listed_and_delivered(mixed):
    source = FilesSource(mixed)
    assert source.symbols() == HELD
    assert source.series() == ["DGS10", "DGS2", "S5TH", "UNRATE"]
    assert [type(answer) for answer in source.fetch(source.symbols())] == [Delivery] * len(HELD)


def test_a_typo_is_answered_with_the_nearest_name_of_any_table(mixed):
    answer = one(mixed, "IWMM")
    assert isinstance(answer.error, UnknownSymbol)
    assert "one of the 9 symbols and series in the folder mixed0. Did you mean 'IWM'?" in str(answer.error)
    assert str(pickle.loads(pickle.dumps(answer.error))) == str(answer.error)


def test_a_file_of_another_kind_says_what_it_holds_when_asked_by_name(mixed):
    assert "has columns 'text', 'label', must have date, open" in str(one(mixed, "phrases").error)
    assert "list of holdings, must be prices" in str(one(mixed, "iwm_holdings").error)


def test_a_name_that_is_a_symbol_and_a_series_has_bars(tmp_path):
    bars("ADV").write_parquet(tmp_path / "funds.parquet")
    series("ADV", (date(2024, 1, 2), 900.0)).write_parquet(tmp_path / "a_breadth.parquet")
    answer = one(tmp_path, "ADV")
    assert (answer.bars.height, answer.macro.height) == (60, 0)
    assert FilesSource(tmp_path).symbols() == ["ADV"]


def test_a_symbol_of_two_tables_is_read_where_its_bars_reach_furthest(tmp_path):
    bars("IWM", 60).write_parquet(tmp_path / "a.parquet")
    bars("IWM", 40, 5.0, first=30).write_csv(tmp_path / "b.csv")
    answer = one(tmp_path, "IWM")
    assert (answer.source, answer.bars.height) == ("files:b.csv", 40)
    assert answer.warnings == ("IWM stands in 2 tables: b.csv is used, whose bars reach furthest, not a.parquet",)
    tied = one(tmp_path, "IWM", end=DAYS[50].item())
    assert (tied.source, tied.bars.height) == ("files:a.parquet", 51)
    assert one(tmp_path, "IWM", end=DAYS[20].item()).warnings == ()


@pytest.mark.parametrize("at", [10, 29, 30, 45, 59, 60, 65])
def test_rows_after_the_end_change_neither_the_chosen_table_nor_a_word(tmp_path, at):
    (tmp_path / "cut").mkdir()
    macro = series("DGS2", *((day.item(), 4.0) for day in DAYS[:100]))
    again = series("DGS2", *((day.item(), 5.0) for day in DAYS[50:100]))
    tables = {"a": bars("IWM", 60), "b": bars("IWM", 40, 5.0, first=30), "c": macro, "d": pl.concat([again, again])}
    end = DAYS[at].item()
    for name, frame in tables.items():
        frame.write_parquet(tmp_path / f"{name}.parquet")
        known = pl.col("date") < end if "series" in frame.columns else pl.col("date") <= end  # a yield is a day late
        frame.filter(known).write_parquet(tmp_path / "cut" / f"{name}.parquet")
    for symbol in ("IWM", "DGS2"):
        assert same(one(tmp_path, symbol, end=end), one(tmp_path / "cut", symbol, end=end))


def test_the_file_named_after_a_symbol_comes_before_any_table(tmp_path):
    bars(None, 20).write_csv(tmp_path / "IWM.csv")
    bars("SPY", 20).write_csv(tmp_path / "SPY.csv")
    pl.concat([bars("IWM", 60), bars("SPY", 60)]).write_parquet(tmp_path / "funds.parquet")
    answers = list(FilesSource(tmp_path).fetch(["IWM", "SPY"]))
    assert [answer.source for answer in answers] == ["files:IWM.csv", "files:SPY.csv"]
    kinds = [note.kind for note in FilesSource(tmp_path).tables()]
    assert kinds == ["symbol_bars", "symbol_bars", "bars"]


def test_a_folder_of_very_many_files_is_one_per_symbol_and_none_else_is_opened(tmp_path):
    bars(None, 20).write_csv(tmp_path / "IWM.csv")
    for i in range(MANY_FILES):
        (tmp_path / f"S{i}.csv").write_bytes(b"\xff\xfe")  # opening one would be an error
    source = FilesSource(tmp_path)
    assert one(source, "IWM").bars.height == 20
    assert isinstance(one(source, "SPY").error, UnknownSymbol)
    assert source.holdings("IWM") is None
    assert len(source.symbols()) == MANY_FILES + 1
    assert {note.kind for note in source.tables()} == {"symbol_bars"}
    assert "not UTF-8 text" in str(one(source, "S7").error)


def test_a_file_that_cannot_be_read_is_named_and_leaves_the_others(tmp_path):
    bars("IWM").write_parquet(tmp_path / "funds.parquet")
    (tmp_path / "shares.parquet").write_bytes(b"PAR1 no more")
    source = FilesSource(tmp_path)
    assert one(source, "IWM").bars.height == 60
    assert source.symbols() == ["IWM", "shares"]  # so that an import names it
    assert isinstance(one(source, "shares").error, UnreadableData)
    unknown = str(one(source, "A").error)
    assert "Not read: shares.parquet cannot be read as Parquet" in unknown


def test_a_table_with_damaged_pages_fails_what_it_may_hold_and_is_said_of_the_rest(tmp_path):
    bars("IWM").write_csv(tmp_path / "funds.csv")
    pl.concat([bars(f"S{i}", 100, 1 + i / 7) for i in range(200)]).write_parquet(tmp_path / "shares.parquet")
    content = bytearray((tmp_path / "shares.parquet").read_bytes())
    pages = len(content) - 8 - int.from_bytes(content[-8:-4], "little")  # the footer's length stands before the mark
    content[4:pages] = b"\xff" * (pages - 4)
    (tmp_path / "shares.parquet").write_bytes(content)
    source = FilesSource(tmp_path)
    iwm, other = source.fetch(["IWM", "S7"])
    assert iwm.bars.height == 60
    assert any(text.startswith("shares.parquet was left out: ") for text in iwm.warnings)
    assert isinstance(other, Failure)
    assert "shares.parquet cannot be read as Parquet" in str(other.error)
    assert source.symbols() == ["IWM", "shares"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_in_order_of_dates_gives_each_symbol_its_own_rows(tmp_path, suffix):
    frame = pl.concat([bars("IWM"), bars("SPY", 60, 2.0)]).sort("date", "symbol")
    frame.write_csv(tmp_path / "t.csv") if suffix == "csv" else frame.write_parquet(tmp_path / "t.parquet")
    for path in (tmp_path, tmp_path / f"t.{suffix}"):
        iwm, spy = FilesSource(path).fetch(["IWM", "SPY"])
        assert iwm.bars["close"].to_list() == bars("IWM")["close"].to_list()
        assert spy.bars["close"].to_list() == bars("SPY", 60, 2.0)["close"].to_list()


def test_the_dates_of_one_symbol_do_not_tell_how_another_ones_are_read(tmp_path):
    seconds = pl.DataFrame({"date": [1710163800], "symbol": ["A"], "close": [1.0]})
    micro = seconds.with_columns(date=pl.col("date") * 1_000_000, symbol=pl.lit("B"))
    pl.concat([seconds, micro]).write_parquet(tmp_path / "shares.parquet")
    for answer in FilesSource(tmp_path).fetch(["A", "B"]):
        assert answer.bars["session"].to_list() == [date(2024, 3, 11)]


def test_a_bad_value_of_one_symbol_leaves_the_others(tmp_path):
    bad = bars("SPY").with_columns(date=pl.when(pl.int_range(60) == 7).then(None).otherwise("date"))
    pl.concat([bars("IWM"), bad]).write_parquet(tmp_path / "funds.parquet")
    iwm, spy = FilesSource(tmp_path).fetch(["IWM", "SPY"])
    assert iwm.bars.height == 60
    assert "date in row 8 is None" in str(spy.error)


def test_a_folder_of_one_file_per_symbol_lists_every_file(tmp_path):
    bars(None).write_csv(tmp_path / "IWM.csv")
    (tmp_path / "SPY.csv").write_text("nothing,here\n1,2\n", encoding="utf-8")
    (tmp_path / "QQQ.csv").write_text("", encoding="utf-8")
    source = FilesSource(tmp_path)
    assert source.symbols() == ["IWM", "QQQ", "SPY"]
    errors = [type(getattr(answer, "error", None)) for answer in source.fetch(source.symbols())]
    assert errors == [type(None), NoData, UnreadableData]


def test_a_span_before_the_first_value_is_no_new_data(mixed):
    answer = one(mixed, "DGS2", end=date(2020, 1, 2))
    assert isinstance(answer, NoNewData)
    assert answer.reason == "macro.parquet holds DGS2, and no value of it known by 2020-01-02"


@pytest.mark.realdata
def test_the_shared_folder_is_recognised(shared_data):
    source = FilesSource(shared_data)
    kinds = {note.name: note.kind for note in source.tables()}
    assert kinds == {
        "README.md": "other", "etf_daily.parquet": "bars", "fundamentals_pit.parquet": "other",
        "index_daily.parquet": "bars", "intraday_1min.parquet": "other", "iwm_holdings_2026-05-05.csv": "holdings",
        "macro.parquet": "series", "market_breadth.parquet": "series", "sentiment_phrasebank.csv": "other",
        "stocks_daily.parquet": "bars", "wire_samples": "other",
    }  # fmt: skip
    asked = ["IWM", "DGS2", "S5TH", "XHB", "^RUT", "A", "UNRATE"]
    iwm, dgs2, s5th, xhb, rut, stock, unrate = source.fetch(asked, end=date(2023, 6, 30))
    assert (iwm.bars["session"][-1], iwm.bars["close"][-1]) == (date(2023, 6, 30), pytest.approx(187.27, abs=0.005))
    assert isinstance(xhb.error, UnknownSymbol)
    assert [one.bars["session"][-1] for one in (rut, stock)] == [date(2023, 6, 30)] * 2
    # Treasury, Daily Par Yield Curve Rates: 4.87 on 2023-06-30, out in that evening, and 4.87 on 06-29
    assert dgs2.macro.row(-1) == ("DGS2", date(2023, 6, 29), date(2023, 6, 30), 4.87, True)
    assert s5th.macro["known_at"].max() == date(2023, 6, 30)
    # BLS, Employment Situation of 2023-06-02: 3.7 % for May 2023; the file has today's value, and we say so
    assert unrate.macro.row(-1)[1:] == (date(2023, 5, 1), date(2023, 6, 2), 3.6, False)
    assert all(not one.warnings for one in (iwm, dgs2, s5th, rut, stock, unrate))


@pytest.mark.realdata
@pytest.mark.slow
def test_scenario_04_an_import_of_the_shared_folder_accounts_for_every_name(shared_data, tmp_path, monkeypatch):
    from openapex.desk.fetch import import_path

    monkeypatch.setenv("APEX_HOME", str(tmp_path))
    report = import_path(shared_data)
    asked = set(report.requested)
    assert len(asked) == len(report.requested) == len(report.stored) + len(report.no_new_data) + len(report.failed)
    assert asked == {*report.stored, *report.no_new_data, *report.failed}
    assert len(asked) == 86 + 2390 + 8 + 49 + 8
    causes = {name: str(error) for name, error in report.failed.items()}
    assert set(causes) <= {"OILPRICE"}, json.dumps(causes)
    assert all("must have one (the day each value was published)" in cause for cause in causes.values())
