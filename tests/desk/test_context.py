"""`apex.context`: its JSON and its docs, what it says of missing data, when a macro value counts, holdings."""

import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console
from tests.desk.tables import Tables

import openapex as apex
from openapex.cli.report import print_report
from openapex.cli.weather import print_context
from openapex.context.profile import profile
from openapex.desk.surroundings import macro_known
from openapex.errors import BadInput, NoData
from openapex.sources.source import MACRO_SCHEMA

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LAST = date(2025, 12, 31)
FRIDAY, SATURDAY = date(2024, 6, 28), date(2024, 6, 29)
"""A session and the day after it; the Monday after is a session as well."""
DOCS = Path(__file__).resolve().parents[2] / "docs"
NAMED = {
    "profile.proxies", "relative.pairs", "relative.rotation.daily", "relative.rotation.weekly", "relative.atr",
    "regime.share", "regime.median_dwell", "regime.transitions", "regime.lead_after", "data.macro",
}  # fmt: skip
"""Objects of the JSON whose keys are symbols, pairs, states or series."""


@pytest.fixture(scope="module")
def demo() -> apex.ContextReport:
    return apex.context("IWM", source="demo")


def told(symbol: str, folder: Path, **given: Any) -> dict[str, Any]:
    return apex.context(symbol, data=folder, **{"now": NOW, **given}).to_dict()


def printed(report: apex.ContextReport) -> str:
    console = Console(width=118, record=True, file=io.StringIO())
    print_context(report, console)
    return console.export_text()


def keys(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, key) of every key that is a word of ours, not the name of a symbol, pair, state or series."""
    if isinstance(value, list):
        for each in value:
            yield from keys(each, path)
    elif isinstance(value, dict):
        for key, each in value.items():
            if path in NAMED:
                yield from keys(each, f"{path}.*")
            else:
                yield path, key
                yield from keys(each, f"{path}.{key}".removeprefix("."))


def test_top_level_keys_are_pinned(demo: apex.ContextReport) -> None:
    assert [*demo.to_dict()] == [
        "symbol", "as_of", "session", "simulated", "profile", "relative", "rates", "credit", "growth", "breadth",
        "regime", "events", "lines", "data",
    ]  # fmt: skip


def test_json_is_pure(demo: apex.ContextReport) -> None:
    made = demo.to_dict()
    assert made == json.loads(json.dumps(made, allow_nan=False))


def test_every_key_is_in_the_docs(demo: apex.ContextReport, folder: Path, listed: Path) -> None:
    pages = {name: (DOCS / f"{name}.md").read_text("utf-8") for name in ("context", "json")}
    words = {
        name: {word for text in re.findall(r"`([^`]+)`", page) for word in re.findall(r"\w+", text)}
        for name, page in pages.items()
    }
    found = {*keys(demo.to_dict()), *keys(told("IWM", folder, holdings=listed))}
    undocumented = {(path, key) for path, key in found if key not in words["context"]}
    of_data = {(path, key) for path, key in undocumented if path.startswith("data") and key in words["json"]}
    assert sorted(undocumented - of_data) == []


def test_simulated_data_says_so_on_every_face(demo: apex.ContextReport) -> None:
    assert demo.to_dict()["simulated"] is True
    assert printed(demo).split()[0] == "SIMULATED"
    assert "SIMULATED" in demo._repr_html_()


def test_html_has_the_lines_and_escapes_them(folder: Path, tables: Tables, tmp_path: Path) -> None:
    name = "<b>&"
    bars = tables.bars.filter(pl.col("symbol") == "IWM").with_columns(symbol=pl.lit(name))
    Tables(pl.concat([tables.bars, bars]), tables.series).written(tmp_path)
    html = apex.context(name, data=tmp_path, now=NOW)._repr_html_()
    assert name not in html
    assert "&lt;b&gt;&amp;" in html
    assert "Rates" in html
    assert "<th>State</th><th>Pctile</th><th>Known</th>" in html
    assert "<td>&lt;b&gt;&amp;/SPY</td>" in html
    assert "nan" not in html


def test_the_analysis_shows_the_same_lines_but_for_hyg(folder: Path) -> None:
    brief, whole = apex.analyze("IWM", data=folder, now=NOW).to_dict()["context"], told("IWM", folder)["lines"]
    assert [line["topic"] for line in brief] == [*profile("IWM").topics, "links", "events"]
    credit, fuller = brief[2].pop("sentence"), whole[2].pop("sentence")
    assert fuller.partition("; HYG ")[0] == credit, "for a ready answer HYG and IEF are not read"
    assert brief == whole


def test_another_symbol_has_the_default_profile(folder: Path) -> None:
    made = told("KRE", folder)
    assert (made["profile"]["name"], made["profile"]["symbol"]) == ("default", "KRE")
    assert [*made["relative"]["pairs"]] == ["KRE/SPY", "KRE/QQQ", "SPY/QQQ"]


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"symbol": "IWMX", "source": "demo"}, NoData, "Did you mean 'IWM'"),
        ({"symbol": "iwmx", "source": "demo"}, NoData, "Did you mean 'IWM'"),
        ({"symbol": "iwm", "source": "demo", "as_of": "1990-01-02"}, NoData, "no bars of IWM: the simulated market"),
        (
            {"symbol": "dgs2", "source": "demo"},
            NoData,
            "symbol is 'dgs2', a macro series (2-year Treasury yield), must",
        ),
        ({"symbol": "IWM", "source": "fred"}, BadInput, "source is 'fred', must be files, yahoo or demo"),
        ({"symbol": " ", "source": "demo"}, BadInput, "symbol is empty"),
        ({"symbol": "IWM", "data": ""}, BadInput, "data is ''"),
        ({"symbol": "IWM", "source": "demo", "as_of": "soon"}, BadInput, "as_of is 'soon'"),
        ({"symbol": "IWM", "source": "demo", "as_of": "1990-01-02"}, NoData, "1990-01-02"),
        ({"symbol": "IWM", "source": "demo", "holdings": "/nowhere/IWM.csv"}, BadInput, "must be an existing CSV"),
    ],
)
def test_what_cannot_be_answered_is_a_named_error(given: dict[str, str], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=re.escape(says)):
        apex.context(**given)


def missing(report: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["how"] for one in report["data"]["missing"]}


def test_without_macro_data_it_works_and_names_what_is_missing_and_how(tables: Tables, tmp_path: Path) -> None:
    folder = Tables(tables.bars, {}).written(tmp_path)
    report = apex.context("IWM", data=folder, now=NOW)
    made, text = report.to_dict(), printed(report)
    assert made["regime"]["state"] is None
    assert made["regime"]["parts"] == {"rates": None, "credit": None, "breadth": "BROAD", "growth": None}
    assert made["rates"]["two_year_pct"] is None
    assert made["breadth"]["relative_20_pct"] is not None
    assert made["data"]["macro"] == {}
    for name in ("DGS2", "DFF", "BAMLH0A0HYM2", "VIXCLS", "ICSA", "PAYEMS", "UNRATE", "CFNAI", "USREC", "S5TH"):
        assert "--data FOLDER" in missing(made)[name]
        assert name in text
    assert "table of date, series, value" in text
    sentences = {line["topic"]: line["sentence"] for line in made["lines"]}
    assert sentences["regime"] == "unknown: it needs rates and credit and growth"
    assert all("missing" in sentences[topic] for topic in ("rates", "credit", "growth"))
    console = Console(width=118, record=True, file=io.StringIO())
    print_report(apex.analyze("IWM", data=folder, now=NOW), console)
    assert "macro series are missing: --data FOLDER" in console.export_text()


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_file_of_one_symbol_alone_is_enough(tables: Tables, tmp_path: Path, suffix: str) -> None:
    bars = tables.bars.filter((pl.col("symbol") == "IWM") & (pl.col("date").dt.year() > 2023))
    path = tmp_path / f"IWM.{suffix}"
    bars.write_csv(path) if suffix == "csv" else bars.write_parquet(path)
    made = told("IWM", path)
    assert (made["relative"]["pairs"], made["relative"]["rotation"]) == ({}, {"daily": {}, "weekly": {}})
    assert [*made["relative"]["atr"]] == ["IWM"]
    assert {one["mean_pct"] for one in made["regime"]["lead_after"].values()} == {None}
    assert [*missing(made)][: len(profile("IWM").companions)] == [*profile("IWM").companions]
    sentences = {line["topic"]: line["sentence"] for line in made["lines"]}
    assert sentences["relative"] == "unknown: SPY is missing or too old"
    assert sentences["breadth"] == "unknown: IWM and QQQ are needed, with 21 common sessions"
    assert made["events"]["rsi_dip"]["is_now"] is not None
    assert made["events"]["rotation_day_up"]["is_now"] is None


def test_one_bar_is_enough(tables: Tables, tmp_path: Path) -> None:
    first = tables.bars.filter(pl.col("symbol") == "IWM")["date"].min()
    made = told("IWM", tables.written(tmp_path), as_of=first)
    assert made["session"] == str(first)
    assert made["relative"]["pairs"]["IWM/SPY"]["relative_20_pct"] is None
    assert made["regime"]["state"] is None


def test_a_stale_companion_is_left_out_and_named_with_its_last_day(tables: Tables, tmp_path: Path) -> None:
    ends = LAST - timedelta(days=30)
    old = (pl.col("symbol").is_in(["QQQ", "KRE"])) & (pl.col("date") > ends)
    report = apex.context("IWM", data=Tables(tables.bars.filter(~old), tables.series).written(tmp_path), now=NOW)
    made = report.to_dict()
    titles = {one["name"]: one["title"] for one in made["data"]["missing"]}
    assert titles["QQQ"] == "its bars end on 2025-12-01"
    assert titles["KRE"] == "regional banks; its bars end on 2025-12-01"
    assert "QQQ (ends 2025-12-01)" in printed(report)
    assert not {"IWM/QQQ", "SPY/QQQ", "KRE/SPY"} & set(made["relative"]["pairs"])
    assert made["breadth"]["relative_20_pct"] is None
    assert [made[topic]["state"] for topic in ("breadth", "regime")] == [None, None]


def test_the_last_day_of_a_companion_is_the_one_before_the_session(tables: Tables, tmp_path: Path) -> None:
    day, is_kre = pl.col("date"), pl.col("symbol") == "KRE"
    gone = (is_kre & day.is_between(date(2024, 5, 1), FRIDAY)) | ((pl.col("symbol") == "IWM") & (day > FRIDAY))
    made = told("IWM", Tables(tables.bars.filter(~gone), tables.series).written(tmp_path))
    titles = {one["name"]: one["title"] for one in made["data"]["missing"]}
    assert titles["KRE"] == "regional banks; its bars end on 2024-04-30"


def test_a_companion_six_days_behind_is_still_used(tables: Tables, tmp_path: Path) -> None:
    old = (pl.col("symbol") == "KRE") & (pl.col("date") > LAST - timedelta(days=6))
    made = told("IWM", Tables(tables.bars.filter(~old), tables.series).written(tmp_path))
    assert made["relative"]["pairs"]["KRE/SPY"]["session"] == "2025-12-24"
    assert "KRE" not in missing(made)


def test_missing_proxies_are_named_not_guessed(tables: Tables, tmp_path: Path) -> None:
    made = told("IWM", tables.without("XHB", "XBI").written(tmp_path))
    titles = {one["name"]: one["title"] for one in made["data"]["missing"]}
    assert (titles["XHB"], titles["XBI"]) == ("homebuilders", "biotech")
    assert not [pair for pair in made["relative"]["pairs"] if pair.startswith("X")]
    assert [*made["relative"]["rotation"]["daily"]] == ["IWM", "QQQ", "KRE"]


def test_a_series_that_ended_is_named_with_its_last_day(tables: Tables, tmp_path: Path) -> None:
    macro = tables.series["macro"]
    ended = macro.filter((pl.col("series") != "VIXCLS") | (pl.col("reference_date") <= date(2025, 9, 30)))
    made = told("IWM", Tables(tables.bars, {"macro": ended}).written(tmp_path))
    titles = {one["name"]: one["title"] for one in made["data"]["missing"]}
    assert titles["VIXCLS"] == "VIX; its values end on 2025-09-30"
    assert made["credit"]["vix"] is None
    assert made["data"]["macro"]["VIXCLS"]["is_stale"] is True


def with_rows(tables: Tables, *rows: tuple[str, date, date, float]) -> Tables:
    """Return the tables without what of the same series became known later than 2024-06-27, and with `rows`."""
    macro = tables.series["macro"]
    names = [name for name, *_ in rows]
    kept = macro.filter(~pl.col("series").is_in(names) | (pl.col("known_at") <= date(2024, 6, 27)))
    order = ["series", "reference_date", "known_at", "value", "truly_known"]
    made = pl.DataFrame([(*row, row[2]) for row in rows], schema=order, orient="row")
    return Tables(tables.bars, {"macro": pl.concat([kept.select(order), made])})


def test_a_value_known_on_saturday_counts_on_fridays_session(tables: Tables, tmp_path: Path) -> None:
    made_up = ("DGS2", date(2024, 6, 28), SATURDAY, 9.5)
    folder = with_rows(tables, made_up).written(tmp_path)
    made = told("IWM", folder, as_of=SATURDAY)
    assert (made["session"], made["as_of"]) == ("2024-06-28", "2024-06-29")
    assert made["rates"]["two_year_pct"] == 9.5
    assert told("IWM", folder, as_of="2024-06-28")["rates"]["two_year_pct"] != 9.5


def test_a_value_known_on_monday_does_not_count_on_saturday(tables: Tables, tmp_path: Path) -> None:
    made_up = ("DGS2", date(2024, 6, 28), date(2024, 7, 1), 9.5)
    folder = with_rows(tables, made_up).written(tmp_path)
    assert told("IWM", folder, as_of=SATURDAY)["rates"]["two_year_pct"] != 9.5
    assert told("IWM", folder, as_of="2024-07-01")["rates"]["two_year_pct"] == 9.5


def test_scenario_25_of_two_revisions_at_a_weekend_the_later_counts(tables: Tables, tmp_path: Path) -> None:
    about = date(2024, 6, 1)
    rows = [
        ("UNRATE", about, date(2024, 6, 28), 7.0),
        ("UNRATE", about, date(2024, 6, 29), 7.2),
        ("UNRATE", about, date(2024, 6, 30), 7.1),
    ]
    for name, order in (("forward", rows), ("backward", rows[::-1])):
        folder = with_rows(tables, *order).written(tmp_path / name)
        seen = [told("IWM", folder, as_of=f"2024-06-{day}")["growth"]["unemployment_pct"] for day in (27, 28, 29, 30)]
        assert seen[1:] == [7.0, 7.2, 7.1]
        assert seen[0] < 7.0


def test_revisions_clamped_to_one_session_keep_their_order_whatever_the_order_of_rows() -> None:
    rows = [(date(2024, 6, day), value) for day, value in ((30, 7.1), (28, 7.0), (29, 7.2))]
    frame = pl.DataFrame(
        [("UNRATE", date(2024, 6, 1), known, value, True) for known, value in rows], MACRO_SCHEMA, orient="row"
    )
    seen = [macro_known(frame, FRIDAY, date(2024, 6, day)).latest("UNRATE")[1] for day in (28, 29, 30)]
    assert [values.tolist() for values in seen] == [[7.0], [7.2], [7.1]]


def test_without_as_of_nothing_counts_that_came_after_the_last_bar(tables: Tables, tmp_path: Path) -> None:
    day = FRIDAY
    bars = tables.bars.filter((pl.col("symbol") != "IWM") | (pl.col("date") <= day))
    folder = Tables(bars, tables.series).written(tmp_path / "later")
    made, asked = told("IWM", folder), told("IWM", folder, as_of=day)
    cut = told("IWM", tables.cut(day).written(tmp_path / "cut"))
    for report in (made, cut):
        assert {key: report[key] for key in report if key != "data"} == {
            key: asked[key] for key in asked if key != "data"
        }
        assert report["data"]["macro"] == asked["data"]["macro"]
        assert report["data"]["version"] == asked["data"]["version"]


LIST = """symbol,name,sector,asset_class,weight_pct,as_of
AAA,A,Industrials,Equity,40.0,{day}
BBB,B,Health Care,Equity,35.5,{day}
CCC,C,Industrials,Equity,20.0,{day}
USD,US DOLLAR,Cash and/or Derivatives,Cash,4.5,{day}
"""


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "IWM_holdings.csv"
    path.write_text(LIST.format(day="2025-10-01"))
    return path


def sectors(report: dict[str, Any]) -> list[tuple[str, float, int]]:
    return [(one["name"], one["weight_pct"], one["n_holdings"]) for one in report["profile"]["sectors"]["sectors"]]


def test_a_list_of_holdings_gives_the_sectors(listed: Path) -> None:
    report = apex.context("IWM", source="demo", holdings=listed)
    made = report.to_dict()
    assert sectors(made) == [("Industrials", 60.0, 2), ("Health Care", 35.5, 1)]
    assert made["profile"]["sectors"]["cash"] == {
        "name": "Cash and derivatives", "weight_pct": 4.5, "n_holdings": 1,
    }  # fmt: skip
    assert made["profile"]["sectors"]["list_date"] == "2025-10-01"
    assert "Sectors of IWM, list of 2025-10-01" in printed(report)


def test_a_list_in_the_folder_is_found_and_the_newest_known_counts(tables: Tables, tmp_path: Path) -> None:
    folder = tables.written(tmp_path / "folder")
    assert told("IWM", folder)["profile"]["sectors"] is None
    (folder / "IWM_holdings_2024.csv").write_text(LIST.format(day="2024-10-01"))
    (folder / "IWM_holdings_2025.csv").write_text(LIST.format(day="2025-10-01").replace("40.0", "41.0"))
    (folder / "IWM_holdings_2026.csv").write_text(LIST.format(day="2026-10-01").replace("40.0", "42.0"))
    assert sectors(told("IWM", folder))[0] == ("Industrials", 61.0, 2)
    assert sectors(told("IWM", folder, as_of="2025-09-30"))[0] == ("Industrials", 60.0, 2)
    assert told("SPY", folder)["profile"]["sectors"] is None


@pytest.mark.parametrize(("as_of", "is_shown"), [("2025-10-01", False), ("2025-10-02", True)])
def test_a_list_counts_from_the_next_business_day_and_before_that_is_named(
    listed: Path, as_of: str, is_shown: bool
) -> None:
    made = apex.context("IWM", source="demo", holdings=listed, as_of=as_of).to_dict()
    assert (made["profile"]["sectors"] is not None) is is_shown
    said = [one["message"] for one in made["data"]["warnings"] if one["rule"] == "holdings"]
    assert said == ([] if is_shown else ["list of holdings of 2025-10-01 was not known on 2025-10-01: not used"])


@pytest.mark.parametrize(
    ("name", "first", "says"),
    [
        ("iwm_holdings.csv", "", "holdings iwm_holdings.csv are of IWM, must be of SPY"),
        ("KRE list.csv", "", "holdings KRE list.csv are of KRE, must be of SPY"),
        (
            "list.csv",
            "\ufeffiShares Russell 2000 ETF\n",
            "holdings list.csv are of IWM (iShares Russell 2000 ETF), must",
        ),
    ],
)
def test_a_list_of_another_fund_is_refused(tmp_path: Path, name: str, first: str, says: str) -> None:
    path = tmp_path / name
    path.write_text(first + LIST.format(day="2025-10-01"), encoding="utf-8")
    with pytest.raises(BadInput, match=re.escape(says)):
        apex.context("SPY", source="demo", holdings=path)


def spoilt(tables: Tables, folder: Path, of: str) -> Path:
    """Write the tables with a fault in the macro table: in one value, in the form of a row, or in every byte."""
    recent = tables.bars.filter(pl.col("date").dt.year() > 2022)
    Tables(recent, {}).written(folder)
    rows = tables.series["macro"].drop("truly_known").filter(pl.col("reference_date").dt.year() > 2022)
    value = pl.when(pl.col("series") == "VIXCLS").then(pl.lit("soon")).otherwise(pl.col("value").cast(pl.String))
    text = rows.with_columns(value=value).write_csv()
    if of == "value":
        (folder / "macro.csv").write_text(text)
    elif of == "row":
        (folder / "macro.csv").write_text(rows.write_csv() + "VIXCLS,2025-12-31,2025-12-31,1,2,3\n")
    else:
        (folder / "macro.parquet").write_bytes(b"PAR1 nonsense")
    return folder


@pytest.mark.parametrize(
    ("of", "says"),
    [
        ("value", "VIXCLS left out: macro.csv: value in row"),
        ("row", "…) left out: macro.csv cannot be read as CSV"),
        ("bytes", "left out: macro.parquet cannot be read as Parquet"),
    ],
)
def test_a_macro_table_that_cannot_be_read_is_named(tables: Tables, tmp_path: Path, of: str, says: str) -> None:
    folder = spoilt(tables, tmp_path, of)
    for report in (apex.context("IWM", data=folder, now=NOW), apex.analyze("IWM", data=folder, now=NOW)):
        messages = [one["message"] for one in report.to_dict()["data"]["warnings"] if one["rule"] == "source"]
        assert [one for one in messages if says in one], messages
    assert says.split(":")[0] in " ".join(printed(apex.context("IWM", data=folder, now=NOW)).split())
