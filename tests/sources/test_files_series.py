"""Macro series from files: when each value was known, missing values, several tables, what cannot be told."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from macro_contract import MacroCase, MacroSourceContract

from openapex.errors import UnknownSymbol, UnreadableData
from openapex.sources.files import FilesSource
from openapex.sources.source import Answer, Delivery, Failure

HEADER = "reference_date,series,value,known_at\n"
VINTAGES = HEADER + "2023-08-01,UNRATE,3.8,2023-09-01\n2023-08-01,UNRATE,3.7,2024-01-05\n"
LONG = """date,series,value
2024-03-04,DGS2,4.54
2024-03-05,DGS2,4.55
2024-03-06,DGS2,.
2024-03-07,DGS2,4.50
2024-03-08,DGS2,4.48
2023-12-01,UNRATE,3.7
2024-01-01,UNRATE,3.7
2024-02-01,UNRATE,3.9
"""


def written(file: Path, text: str) -> FilesSource:
    file.write_text(text, encoding="utf-8")
    return FilesSource(file)


def one(source: FilesSource, name: str, **span: date) -> Answer:
    (answer,) = source.fetch([name], **span)
    return answer


class TestLongTable(MacroSourceContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> MacroCase:
        return MacroCase(written(tmp_path / "macro.csv", LONG), ("DGS2", "UNRATE"), "DGS22", date(2024, 3, 7))


class TestVintagesBesideTheLatest(MacroSourceContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> MacroCase:
        written(tmp_path / "first.csv", VINTAGES)
        written(tmp_path / "macro.csv", LONG + "2023-08-01,UNRATE,3.7\n")
        return MacroCase(FilesSource(tmp_path), ("DGS2", "UNRATE"), "DGS22", date(2024, 3, 7))


class TestGraphDownload(MacroSourceContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> MacroCase:
        rows = [line.split(",") for line in LONG.splitlines()[1:]]
        for name in ("DGS2", "UNRATE"):
            lines = [f"{day},{value}" for day, series, value in rows if series == name]
            written(tmp_path / f"{name}.csv", "\n".join([f"observation_date,{name}", *lines]) + "\n")
        return MacroCase(FilesSource(tmp_path), ("DGS2", "UNRATE"), "DGS22", date(2024, 3, 7))


def test_a_release_lag_tells_when_a_value_was_known_and_whether_it_is_as_published(tmp_path):
    source = written(tmp_path / "macro.csv", LONG)
    dgs2, unrate = source.fetch(["DGS2", "UNRATE"])
    # H.15 of 2024-03-11 (Monday) is the first with Friday's yield; BLS published January's rate on 2024-02-02
    assert dgs2.macro.row(-1) == ("DGS2", date(2024, 3, 8), date(2024, 3, 11), 4.48, True)
    assert unrate.macro.row(1) == ("UNRATE", date(2024, 1, 1), date(2024, 2, 2), 3.7, False)


@pytest.mark.parametrize("column", ["known_at", "vintage", "realtime_start", "Known At"])
def test_scenario_25_a_revision_is_seen_from_its_day_on_and_the_first_value_until_then(tmp_path, column):
    source = written(tmp_path / "macro.csv", VINTAGES.replace("known_at", column))
    assert one(source, "UNRATE", end=date(2023, 10, 1)).macro.rows() == [
        ("UNRATE", date(2023, 8, 1), date(2023, 9, 1), 3.8, True)
    ]
    assert one(source, "UNRATE").macro["value"].to_list() == [3.8, 3.7]


@pytest.mark.parametrize("names", [("a.csv", "b.csv"), ("b.csv", "a.csv")])
def test_scenario_25_a_later_value_never_stands_before_the_revision_that_made_it(tmp_path, names):
    """The second table has today's 3.7 %, which its release lag would date into 2023."""
    written(tmp_path / names[0], VINTAGES)
    written(tmp_path / names[1], "date,series,value\n2023-08-01,UNRATE,3.7\n2023-09-01,UNRATE,3.8\n")
    answer = one(FilesSource(tmp_path), "UNRATE")
    assert answer.macro.select("reference_date", "known_at", "value", "as_published").rows() == [
        (date(2023, 8, 1), date(2023, 9, 1), 3.8, True),
        (date(2023, 8, 1), date(2024, 1, 5), 3.7, True),
        (date(2023, 9, 1), date(2023, 10, 6), 3.8, False),
    ]
    assert answer.source == "files:a.csv+b.csv"
    assert answer.warnings == (
        "UNRATE stands in a.csv and b.csv: their rows are united, and the first file counts where both have a value",
    )


def test_a_supposed_day_of_publication_gives_way_to_a_known_one_only_from_that_day_on(tmp_path):
    written(tmp_path / "first.csv", HEADER + "2023-08-01,UNRATE,3.8,2023-08-30\n2023-09-01,UNRATE,3.8,2023-10-09\n")
    written(tmp_path / "today.csv", "date,series,value\n2023-08-01,UNRATE,3.7\n2023-09-01,UNRATE,3.7\n")
    answer = one(FilesSource(tmp_path), "UNRATE")
    assert answer.macro.select("known_at", "value", "as_published").rows() == [
        (date(2023, 8, 30), 3.8, True),
        (date(2023, 10, 6), 3.7, False),
        (date(2023, 10, 9), 3.8, True),
    ]
    assert answer.n_superseded == 1
    early = one(FilesSource(tmp_path), "UNRATE", end=date(2023, 10, 8))
    assert early.macro.equals(answer.macro[:2])


def test_the_first_of_two_files_counts_where_both_have_a_value(tmp_path):
    written(tmp_path / "a.csv", "date,series,value\n2024-01-02,DGS2,4.33\n")
    written(tmp_path / "b.csv", "date,series,value\n2024-01-02,DGS2,9.99\n2024-01-03,DGS2,4.35\n")
    answer = one(FilesSource(tmp_path), "DGS2")
    assert answer.macro["value"].to_list() == [4.33, 4.35]
    assert answer.n_superseded == 1


def test_scenario_24_a_dot_is_a_missing_value_and_never_a_number(tmp_path):
    source = written(tmp_path / "fredgraph.csv", "DATE,DGS2\n2024-07-03,4.71\n2024-07-04,.\n2024-07-05,4.60\n")
    answer = one(source, "DGS2")
    assert answer.macro["value"].to_list() == [4.71, None, 4.6]
    assert answer.macro["known_at"].to_list() == [date(2024, 7, 4), date(2024, 7, 5), date(2024, 7, 8)]


def test_a_graph_download_of_several_series_gives_each_its_own_rows(tmp_path):
    text = "observation_date,DGS2,UNRATE\n2024-01-01,.,3.7\n2024-01-02,4.33,\n2024-02-01,4.20,3.9\n"
    source = written(tmp_path / "fredgraph.csv", text)
    assert source.symbols() == ["DGS2", "UNRATE"]
    dgs2, unrate = source.fetch(["DGS2", "UNRATE"])
    assert dgs2.macro["value"].to_list() == [None, 4.33, 4.2]
    assert unrate.macro.select("reference_date", "value").rows() == [(date(2024, 1, 1), 3.7), (date(2024, 2, 1), 3.9)]


def test_a_series_without_a_known_lag_needs_a_column_known_at(tmp_path):
    source = written(tmp_path / "mine.csv", "date,series,value\n2024-01-02,MINE,1\n2024-01-02,DGS2,4.3\n")
    mine, dgs2 = source.fetch(["MINE", "DGS2"])
    assert isinstance(mine, Failure)
    assert isinstance(mine.error, UnreadableData)
    assert str(mine.error) == (
        "mine.csv holds MINE without a column known_at, must have one (the day each value was published): "
        "no release lag is known for MINE"
    )
    assert isinstance(dgs2, Delivery)
    known = written(tmp_path / "known.csv", HEADER + "2024-01-02,MINE,1,2024-01-09\n")
    assert one(known, "MINE").macro.row(0) == ("MINE", date(2024, 1, 2), date(2024, 1, 9), 1.0, True)


def test_one_table_is_the_same_as_parquet_in_any_order_and_with_categories(tmp_path):
    csv = written(tmp_path / "macro.csv", LONG)
    frame = pl.read_csv(tmp_path / "macro.csv", null_values=".", try_parse_dates=True)
    (tmp_path / "parquet").mkdir()
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=7).with_columns(pl.col("series").cast(pl.Categorical))
    shuffled.write_parquet(tmp_path / "parquet" / "macro.parquet")
    for name in ("DGS2", "UNRATE"):
        assert one(FilesSource(tmp_path / "parquet"), name).macro.equals(one(csv, name).macro)


def test_a_row_that_repeats_is_replaced_by_the_last_and_said(tmp_path):
    source = written(tmp_path / "macro.csv", "date,series,value\n2024-01-02,DGS2,4.3\n2024-01-02,DGS2,4.33\n")
    answer = one(source, "DGS2")
    assert answer.macro["value"].to_list() == [4.33]
    assert answer.n_superseded == 1
    assert answer.warnings == (
        "repeated rows: 1 have the reference date and known_at of another; the last of each is used",
    )


def test_bars_asked_of_a_file_of_series_are_refused_by_name(tmp_path):
    answer = one(written(tmp_path / "macro.csv", LONG), "IWM")
    assert isinstance(answer.error, UnknownSymbol)
    assert str(answer.error) == (
        "symbol is 'IWM', must be one of the 2 series in the file macro.csv. It holds macro series and no bars."
    )


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("soon,DGS2,1,2024-01-02", "date in row 1 is 'soon', must be a date"),
        ("2024-01-02,DGS2,dear,2024-01-03", "value in row 1 is 'dear', must be a number"),
        ("2024-01-02,DGS2,1,", "known_at in row 1 is None, must be a date"),
        ("2024-01-02,DGS2,1,2024-01-01", "known_at of 2024-01-02 is 2024-01-01, must not be earlier than it"),
        ("2024-01-02,DGS2,inf,2024-01-03", "value of 2024-01-02 is inf, must be a finite number"),
    ],
)
def test_a_value_that_cannot_be_read_fails_its_series_alone(tmp_path, rows, words):
    source = written(tmp_path / "macro.csv", f"{HEADER}{rows}\n2024-01-02,DGS10,4,2024-01-03\n")
    bad, good = source.fetch(["DGS2", "DGS10"])
    assert isinstance(bad.error, UnreadableData)
    assert words in str(bad.error)
    assert good.macro["value"].to_list() == [4.0]


def test_two_columns_for_one_thing_are_refused(tmp_path):
    source = written(tmp_path / "macro.csv", "date,reference_date,series,value\n2024-01-02,2024-01-02,DGS2,1\n")
    answer = one(source, "DGS2")
    assert "must have only one for reference_date" in str(answer.error)


@pytest.mark.realdata
def test_the_recorded_graph_download_is_a_series(shared_data):
    answer = one(FilesSource(shared_data / "wire_samples" / "fredgraph_WTISPLC_raw.csv"), "WTISPLC")
    assert "no release lag is known for WTISPLC" in str(answer.error)


@pytest.mark.realdata
def test_every_series_of_the_shared_tables_has_the_rows_of_its_file(shared_data):
    for name in ("macro.parquet", "market_breadth.parquet"):
        source = FilesSource(shared_data / name)
        counts = dict(pl.read_parquet(shared_data / name).group_by("series").len().rows())
        answers = {answer.symbol: answer for answer in source.fetch(source.symbols())}
        delivered = {
            key: one.macro["reference_date"].n_unique() for key, one in answers.items() if isinstance(one, Delivery)
        }
        assert set(counts) - set(delivered) <= {"OILPRICE"}
        assert delivered == {key: counts[key] for key in delivered}
