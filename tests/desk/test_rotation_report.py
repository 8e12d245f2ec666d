"""`apex.rotation`: order, what is left out and named, closed weeks, and a picture that any reader of XML accepts."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.desk.tables import Tables

import openapex as apex
from openapex.cli.commands import _console
from openapex.cli.weather import print_rotation
from openapex.context.rotation import TailPoint
from openapex.errors import BadInput, NoData
from openapex.sessions import sessions_between

NOW = datetime(2024, 7, 1, 12, tzinfo=UTC)
FRIDAY = date(2024, 6, 28)
SVG = "{http://www.w3.org/2000/svg}"


def bars(symbol: str, n_bars: int = 500, last: date = FRIDAY) -> pl.DataFrame:
    """A random walk of a symbol; each name walks its own way."""
    days = sessions_between(date(2020, 1, 2), last)[-n_bars:]
    rng = np.random.default_rng([ord(letter) for letter in symbol])
    close = 100 * np.cumprod(1 + rng.normal(0.0004, 0.012, len(days)))
    prices = dict.fromkeys(("open", "high", "low", "close", "adj_close"), close)
    return pl.DataFrame({"date": days, "symbol": symbol, **prices, "volume": 1e6})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frames = [bars("SPY"), bars("AAA"), bars("BBB"), bars("CCC"), bars("A&B<"), bars("YOUNG", 60)]
    frames.append(bars("ENDED", last=date(2024, 5, 31)))
    return Tables(pl.concat(frames), {}).written(tmp_path_factory.mktemp("rotation"))


def rotated(folder: Path, *symbols: str, **given: object) -> apex.RotationReport:
    return apex.rotation(symbols, data=folder, now=NOW, **given)  # type: ignore[arg-type]


def test_the_strongest_comes_first_and_the_unknown_last(folder: Path) -> None:
    report = rotated(folder, "YOUNG", "AAA", "BBB", "CCC")
    strength = [row.rs_ratio for row in report.rows[:3]]
    assert strength == sorted(strength, reverse=True)
    assert {row.symbol for row in report.rows[:3]} == {"AAA", "BBB", "CCC"}
    assert report.rows[3].symbol == "YOUNG"
    assert np.isnan(report.rows[3].rs_ratio)
    assert report.rows[3].quadrant is None


def test_what_has_no_bars_or_old_ones_is_named(folder: Path) -> None:
    report = rotated(folder, "AAA", "ENDED", "NOPE")
    assert [row.symbol for row in report.rows] == ["AAA"]
    assert report.missing == ("ENDED", "NOPE")


def test_a_symbol_twice_and_the_benchmark_are_not_rows(folder: Path) -> None:
    report = rotated(folder, "aaa", "SPY", "AAA")
    assert [row.symbol for row in report.rows] == ["AAA"]
    assert report.missing == ()


def test_it_stands_on_the_benchmarks_session_at_or_before_as_of(folder: Path) -> None:
    report = rotated(folder, "AAA", as_of="2024-06-16")
    assert (report.as_of, report.session) == (date(2024, 6, 16), date(2024, 6, 14))
    assert report.rows[0].session == date(2024, 6, 14)


@pytest.mark.parametrize(
    ("as_of", "week"),
    [("2024-06-28", "2024-06-28"), ("2024-06-27", "2024-06-21"), ("2024-04-04", "2024-03-28"), (None, "2024-06-28")],
    ids=["Friday", "Thursday", "after Good Friday", "last bar"],
)
def test_scenario_36_weekly_rows_are_closed_weeks(folder: Path, as_of: str | None, week: str) -> None:
    report = rotated(folder, "AAA", weekly=True, as_of=as_of)
    (row,) = report.rows
    assert (row.weekly, row.window, row.step) == (True, 26, 2)
    assert str(row.tail[-1].session) == week
    assert all(a.session < b.session for a, b in zip(row.tail, row.tail[1:], strict=False))


@pytest.mark.parametrize("weekly", [False, True])
def test_later_bars_change_nothing(folder: Path, tmp_path: Path, weekly: bool) -> None:
    whole = Tables(pl.read_parquet(folder / "bars.parquet"), {})
    cut = whole.cut(date(2024, 3, 6)).written(tmp_path)
    reports = [rotated(place, "AAA", "BBB", weekly=weekly, as_of="2024-03-06") for place in (folder, cut)]
    assert reports[0].to_dict() == reports[1].to_dict()
    wild = whole.planted(date(2024, 3, 5)).written(tmp_path / "wild")
    seen = rotated(wild, "AAA", "BBB", weekly=weekly, as_of="2024-03-06")
    assert (seen.to_dict()["rows"] == reports[0].to_dict()["rows"]) is weekly, (
        "a day within the week shows only in daily rows"
    )


@pytest.mark.parametrize(
    ("symbols", "benchmark", "error", "says"),
    [
        ([], "SPY", BadInput, "symbols is [], must name at least one"),
        (["SPY"], "spy", BadInput, "besides the benchmark"),
        (["NOPE", "NADA"], "SPY", NoData, "none of NOPE, NADA has bars"),
        (["AAA"], "NOPE", NoData, "NOPE"),
    ],
)
def test_what_cannot_be_placed_is_a_named_error(
    folder: Path, symbols: list[str], benchmark: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error) as caught:
        apex.rotation(symbols, benchmark=benchmark, data=folder, now=NOW)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"symbols": "IWM"}, "must be a list of tickers such as ['IWM']"),
        ({"symbols": ["AAA"], "data": ""}, "data is ''"),
        ({"symbols": ["AAA"], "as_of": "soon"}, "as_of is 'soon'"),
        ({"symbols": ["AAA"], "source": "demmo", "data": None}, "Did you mean 'demo'"),
    ],
)
def test_an_argument_that_breaks_its_rule_is_named(folder: Path, given: dict[str, object], says: str) -> None:
    with pytest.raises(BadInput) as caught:
        apex.rotation(**{"data": folder, "now": NOW, **given})  # type: ignore[arg-type]
    assert says in str(caught.value)


def test_a_frame_gives_what_its_file_gives(folder: Path) -> None:
    frame = pl.read_parquet(folder / "bars.parquet")
    for data in (frame, frame.to_pandas()):
        assert apex.rotation(["AAA", "NOPE"], data=data, now=NOW).to_dict() == rotated(folder, "AAA", "NOPE").to_dict()
    with pytest.raises(BadInput, match="symbols is a DataFrame, must be a list of tickers; a frame is given as data"):
        apex.rotation(frame)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="source is 'demo', must be absent when a frame is given"):
        apex.rotation(["AAA"], data=frame, source="demo")


def test_weekly_faces_carry_the_closed_week(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = rotated(folder, "AAA", weekly=True, as_of="2024-06-27")
    assert "Rotation against SPY, closed weeks, 2024-06-21" in texts(report.svg())
    print_rotation(report, _console(True))
    assert "closed weeks, the last on Fri 2024-06-21" in capsys.readouterr().out


def test_json_is_pure_and_its_keys_are_pinned(folder: Path) -> None:
    made = rotated(folder, "YOUNG", "AAA", "NOPE").to_dict()
    assert [*made] == ["benchmark", "as_of", "session", "weekly", "simulated", "rows", "missing"]
    assert made == json.loads(json.dumps(made, allow_nan=False))
    assert made["rows"][1]["rs_ratio"] is None


def texts(svg: str) -> list[str]:
    return [one.text or "" for one in ET.fromstring(svg).iter(f"{SVG}text")]


def test_the_picture_is_xml_that_names_every_symbol(folder: Path) -> None:
    report = rotated(folder, "A&B<", "AAA", "BBB", "YOUNG", "NOPE")
    assert report._repr_html_() == report.svg()
    shown = texts(report.svg())
    assert {"AAA", "BBB", "A&B<", "leading", "weakening", "lagging", "improving"} <= set(shown)
    assert "no place yet: YOUNG" in shown
    assert "Rotation against SPY, sessions, 2024-06-28" in shown
    assert "large dot is newest; tail of 8 sessions" in shown
    assert [one.text for one in ET.fromstring(report.svg()).iter(f"{SVG}title")] == [shown[4]]


def test_every_point_lies_within_the_picture(folder: Path) -> None:
    report = rotated(folder, "AAA", "BBB", "CCC")
    far = tuple(replace(point, rs_ratio=160.0, rs_momentum=-40.0) for point in report.rows[0].tail)
    svg = ET.fromstring(replace(report, rows=(replace(report.rows[0], tail=far), *report.rows[1:])).svg())
    width, height = float(svg.attrib["width"]), float(svg.attrib["height"])
    dots = [(float(one.attrib["cx"]), float(one.attrib["cy"])) for one in svg.iter(f"{SVG}circle")]
    assert len(dots) == 24
    assert all(0 < x < width and 0 < y < height for x, y in dots)


def test_a_picture_of_the_unknown_alone_is_still_one(folder: Path) -> None:
    assert "no place yet: YOUNG" in texts(rotated(folder, "YOUNG").svg())


def test_the_dot_is_in_the_quadrant_that_the_table_names(folder: Path) -> None:
    (row,) = rotated(folder, "AAA").rows
    report = rotated(folder, "AAA")
    for name, x, y in (("leading", 101, 101), ("weakening", 101, 99), ("lagging", 99, 99), ("improving", 99, 101)):
        point = TailPoint(FRIDAY, float(x), float(y), name)  # type: ignore[arg-type]
        svg = ET.fromstring(replace(report, rows=(replace(row, tail=(point,)),)).svg())
        (dot,) = svg.iter(f"{SVG}circle")
        boxes = [*svg.iter(f"{SVG}rect")]
        labels = [one.text for one in svg.iter(f"{SVG}text") if one.attrib.get("fill") == "#666"]
        inside = [
            label
            for label, box in zip(labels, boxes, strict=False)
            if 0 < float(dot.attrib["cx"]) - float(box.attrib["x"]) < float(box.attrib["width"])
            and 0 < float(dot.attrib["cy"]) - float(box.attrib["y"]) < float(box.attrib["height"])
        ]
        assert inside == [name]


def test_simulated_data_says_so_in_json_and_picture(capsys: pytest.CaptureFixture[str]) -> None:
    report = apex.rotation(["IWM"], source="demo")
    assert report.to_dict()["simulated"] is True
    assert any(text.startswith("SIMULATED") for text in texts(report.svg()))
    print_rotation(report, _console(True))
    assert capsys.readouterr().out.split()[0] == "SIMULATED"


def test_the_table_names_what_is_missing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_rotation(rotated(folder, "YOUNG", "AAA", "NOPE"), _console(True))
    printed = capsys.readouterr().out
    assert "no bars: NOPE  [add their bars to the data]" in printed
    assert [line.split()[:2] for line in printed.splitlines() if line.startswith("YOUNG")] == [["YOUNG", "unknown"]]
