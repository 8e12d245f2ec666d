"""`apex context`, `apex rotation` and their kin: sections, width, colours, exit codes, files."""

import contextlib
import io
import json
import os
import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import polars as pl
import pytest
from rich.console import Console
from tests.desk.tables import Tables, demo_tables

import openapex
from openapex.cli import main
from openapex.cli.behind import numbers_table
from openapex.cli.tables import print_fetch_report
from openapex.desk.fetch import FetchReport
from openapex.errors import NetworkError
from openapex.sources.http_faults import transport_error

ESCAPE = "\x1b["


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


def apex(home: Path, *words: str, columns: int = 118) -> Done:
    """Run the command in this process, as the console script does, with a store of its own and no network."""
    env = {"APEX_HOME": str(home), "APEX_YAHOO_URL": "http://127.0.0.1:9", "APEX_FRED_URL": "http://127.0.0.1:9"}
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        mock.patch.dict(os.environ, env | {"COLUMNS": str(columns)}),
        mock.patch.object(sys, "argv", ["apex", *words]),
        mock.patch("openapex.cli.gc"),  # the settings of a process that ends
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 0
    return Done(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return apex(tmp_path_factory.mktemp("home"), "context", "iwm", "--source", "demo", "--no-color")


@pytest.fixture(scope="module")
def demo() -> dict[str, Any]:
    return openapex.context("IWM", source="demo").to_dict()


@pytest.fixture(scope="module")
def tables() -> Tables:
    return demo_tables()


def test_context_has_its_sections_in_order(shown: Done) -> None:
    assert (shown.code, shown.err) == (0, "")
    lines = [line.rstrip() for line in shown.out.splitlines()]
    titles = [
        "Numbers behind the lines",
        "Relative strength",
        "Rotation, daily (63 sessions) against SPY",
        "Rotation, weekly (26 closed weeks, the last on 2025-12-26) against SPY",
        "Rate sensitivity: % a percentage point of the 2-year, same day, 95 % interval",
        "What the page says belongs together",
        "Events of the page",
        "What the events ask",
        "Regime",
        "Mean return against SPY in the 20 sessions after each regime",
        "Macro series",
    ]
    assert [line for line in lines if line in titles] == titles
    block = lines[: lines.index(titles[0])]
    firsts = [
        line.split()[0] for line in block if re.match(r"(vs|Rates|Credit|Growth|Breadth|Regime|Events) {2,}", line)
    ]
    assert firsts == ["Rates", "Credit", "Growth", "Breadth", "Regime", "Events"]
    assert [line for line in lines if line.startswith("vs SPY")]


def test_context_says_what_it_is_of_and_where_it_is_from(shown: Done) -> None:
    first, *rest = shown.out.splitlines()
    assert first.split()[:2] == ["SIMULATED", "IWM"]
    assert "close of Wed 2025-12-31" in first
    footer = next(line for line in rest if line.startswith("Data"))
    assert "SIMULATED demo sha256:" in footer
    assert "not in this data: XRT, IJR" in shown.out


def test_no_line_is_wider_than_a_screen_and_none_is_cut(shown: Done) -> None:
    assert max(len(line) for line in shown.out.splitlines()) <= 118
    assert "…" not in shown.out


def test_a_narrow_screen_cuts_nothing(tmp_path: Path) -> None:
    for words in (["context", "IWM"], ["rotation", "IWM", "QQQ"], ["rotation", "IWM", "--weekly"], ["analyze", "IWM"]):
        wide, narrow = (apex(tmp_path, *words, "--source", "demo", "--no-color", columns=n).out for n in (118, 80))
        assert max(map(len, narrow.splitlines())) <= 80
        assert "…" not in narrow
        assert sorted(re.findall(r"\d[\d.,:-]*", narrow)) == sorted(re.findall(r"\d[\d.,:-]*", wide)), words


def test_a_topic_tells_when_its_newest_number_was_known(shown: Done) -> None:
    assert re.search(r"^Growth +STEADY +-1 +12-25  CFNAI", shown.out, re.M), "the claims of 20 December"
    assert re.search(r"^Breadth +BROAD +\+6.3 pp +95  12-31  IWM", shown.out, re.M)
    assert "\nValue: 20-session lead or change" in shown.out


def test_the_numbers_behind_the_lines_are_all_there(shown: Done, demo: dict[str, Any]) -> None:
    rates, credit, growth, breadth, regime = (demo[key] for key in ("rates", "credit", "growth", "breadth", "regime"))
    lines = [" ".join(line.split()) for line in shown.out.splitlines()]
    for words in (
        f"Rates 2-year, change in 20 publications {rates['two_year_change_20_pct']:+.2f} pp "
        f"{rates['two_year_change_20_sigmas']:+.1f} 73 STEADY since {rates['state_since']}",
        f"2-year minus policy rate {rates['conviction_pct']:+.2f} pp {rates['conviction_percentile']:.0f} no change",
        f"Credit high-yield spread 3.60 % 41 CALM since {credit['state_since']}",
        f"its change in 20 publications -0.20 pp {credit['spread_change_20_sigmas']:+.1f}",
        f"VIX 11.8 {credit['vix_percentile']:.0f}",
        f"Growth votes, ups less downs -1 of 3 STEADY since {growth['state_since']}",
        f"Breadth IWM less QQQ, 20 sessions +6.3 pp {breadth['relative_20_sigmas']:+.1f} 95 BROAD since 2025-12-10",
        f"last change of leadership {breadth['last_leadership_change']}",
        f"TAILWIND now, since {regime['since']}",
        "Rotation day up daily return minus SPY's above +2 standard deviations of the 252 sessions before",
        f"Driver of a dip {demo['events']['driver']}: 2-year's 20-day change ",
    ):  # fmt: skip
        assert any(line.startswith(words.strip()) for line in lines), words


def test_what_the_page_says_stands_beside_what_to_hold_it_against(shown: Done, demo: dict[str, Any]) -> None:
    lines = [" ".join(line.split()) for line in shown.out.splitlines()]
    conviction, cycle = demo["rates"]["conviction_link"], demo["growth"]["cycle_link"]
    spike, after, dip = (demo["events"][name] for name in ("spike_link", "spike_breakout_link", "dip_link"))
    atr, regime = demo["relative"]["atr"], demo["regime"]["lead_after"]
    for words in (
        f"IWM/SPY ratio with rate-cut conviction, correlation {conviction['correlation']:+.2f} 756 overlap 37",
        f"RSI with CFNAI, correlation by month {cycle['symbol']:+.2f} SPY {cycle['benchmark']:+.2f} 120",
        f"volume spikes beside a rotation or policy day {spike['share_pct']:.0f} % "
        f"any {spike['base_pct']:.0f} % {spike['n']}",
        f"20 sessions after spikes at breakouts, against SPY {after['mean_pct']:+.1f} pp "
        f"any {after['base_pct']:+.1f} pp {after['n']}",
        f"20 sessions after RSI dips, against SPY {dip['mean_pct']:+.1f} pp any {dip['base_pct']:+.1f} pp {dip['n']}",
        *(
            f"ATR of {name} in percent of its price {atr[name]['atr_pct']:.2f} % in 1.5–2.5 % on "
            f"{atr[name]['atr_pct_band_share_pct']:.0f} % of days {atr[name]['n_sessions']:,}"
            for name in ("IWM", "QQQ")
        ),
        *(f"{name} {one['mean_pct']:+.2f} pp {one['n']:,} {one['n_independent']}" for name, one in regime.items()),
    ):
        assert words in lines, words


def test_a_state_that_only_stands_says_when_it_was_last_confirmed() -> None:
    weather = openapex.context("IWM", source="demo").weather
    held = replace(weather.rates, state="RISING", state_since=date(2025, 11, 3), last_confirmed=date(2025, 12, 1))
    console = Console(width=118, record=True, file=io.StringIO())
    console.print(numbers_table(replace(weather, rates=held)))
    lines = [" ".join(line.split()) for line in console.export_text().splitlines()]
    assert lines[1].endswith("RISING since 2025-11-03, last confirmed")
    assert lines[2] == "2025-12-01"


def test_rate_sensitivities_are_ranked_among_those_known_and_the_missing_are_named(
    shown: Done, demo: dict[str, Any]
) -> None:
    table = shown.out.partition("\nRate sensitivity")[2].partition("\n\n")[0].splitlines()
    told = re.findall(r"^(\w+) +(\d of \d|missing)?", "\n".join(table[2:]), re.M)
    ranks = {row["symbol"]: row["rank"] or "" for row in demo["rates"]["sensitivities"]}
    assert dict(told) == ranks | {"IJR": "missing"}
    assert sorted(ranks.values()) == ["", "1 of 4", "2 of 4", "3 of 4", "4 of 4"]


def test_breadth_has_a_row_for_each_set_that_is_counted(tmp_path: Path, tables: Tables) -> None:
    one, macro = {"S5TH": 63.4, "ADV": 1200.0, "DECL": 800.0, "MAHN": 55.0, "MALN": 7.0}, tables.series["macro"]
    recent = macro.filter(pl.col("reference_date").dt.year() > 2024)
    day = recent.filter(pl.col("series") == "VIXCLS").drop("truly_known")
    made = [day.with_columns(series=pl.lit(name), value=pl.lit(value)) for name, value in one.items()]
    bars = tables.bars.filter(pl.col("date").dt.year() > 2023)
    folder = Tables(bars, {"macro": pl.concat([recent.drop("truly_known"), *made])}).written(tmp_path / "folder")
    out = apex(tmp_path, "context", "IWM", "--data", str(folder), "--no-color").out
    table = out.partition("\nBreadth by what is counted\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split() for line in table[1:]] == [
        ["S&P", "500", "stocks", "63", "%"],
        ["NYSE", "issues", "1,200", "800", "+20", "%", "55", "7"],
    ]


def test_macro_values_have_their_units(shown: Done) -> None:
    for words in (
        r"DGS2 +2-year Treasury yield +3\.79 %", r"ICSA +Initial jobless claims +313 K", r"USREC .*announced +no ",
        r"PAYEMS +Nonfarm payrolls +170,578 K", r"Series +Value +About +Known +Notes",
    ):  # fmt: skip
        assert re.search(rf"^{words}", shown.out, re.M), words


def test_a_stale_symbol_says_so_in_the_first_line(tmp_path: Path, tables: Tables) -> None:
    folder = Tables(tables.bars.filter(pl.col("date").dt.year() > 2023), {}).written(tmp_path / "old")
    for command in ("context", "analyze"):
        out = apex(tmp_path, command, "IWM", "--data", str(folder), "--no-color").out
        assert out.splitlines()[0].split()[-1] == "STALE"
        assert re.search(r"last bar is 2025-12-31, \d+ sessions behind", " ".join(out.split()))


def test_tables_without_a_number_are_left_out(tmp_path: Path, tables: Tables) -> None:
    folder = Tables(tables.bars.filter(pl.col("date").dt.year() > 2022), {}).written(tmp_path / "bars")
    out = apex(tmp_path, "context", "IWM", "--data", str(folder), "--no-color").out
    titles = {line.strip() for line in out.splitlines()}
    assert "Relative strength" in titles
    assert not {"Regime", "Macro series"} & titles
    assert "Rate sensitivity" not in out
    assert "nan" not in out


def test_without_colours_there_are_no_escapes(shown: Done, tmp_path: Path) -> None:
    assert ESCAPE not in shown.out
    for words in (["rotation", "IWM", "--source", "demo"], ["analyze", "IWM", "--source", "demo"]):
        assert ESCAPE not in apex(tmp_path, *words, "--no-color").out


def test_context_json_is_the_result_alone(tmp_path: Path) -> None:
    done = apex(tmp_path, "context", "IWM", "--source", "demo", "--as-of", "2024-07-17", "--json")
    made = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert (made["symbol"], made["as_of"], made["simulated"]) == ("IWM", "2024-07-17", True)
    assert {"relative_20_pct", "state"} <= set(made["breadth"])


def test_context_of_a_folder_without_macro_says_how_to_add_it(tmp_path: Path, tables: Tables) -> None:
    folder = Tables(tables.bars.filter(pl.col("date").dt.year() > 2022), {}).written(tmp_path / "bars")
    for command in ("context", "analyze"):
        done = apex(tmp_path, command, "IWM", "--data", str(folder), "--no-color")
        assert done.code == 0
        words = " ".join(done.out.split())
        assert "--data FOLDER that also holds a table of date, series, value" in words
        assert "or with the bars in the store: apex fetch --macro (from FRED)" in words
        assert "SIMULATED" not in done.out
        assert max(len(line) for line in done.out.splitlines()) <= 118


def test_a_folder_without_bars_says_what_it_holds_and_an_empty_one_what_it_may(tmp_path: Path, tables: Tables) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "macro").mkdir()
    tables.series["macro"].drop("truly_known").write_parquet(tmp_path / "macro" / "macro.parquet")
    for command in ("context", "analyze"):
        for name, code, says in (
            ("macro", 1, "It holds macro series and no bars: add a table of date, symbol, close."),
            ("empty", 2, "must hold CSV or Parquet files: one named after each symbol, or tables (date, symbol, close"),
        ):  # fmt: skip
            done = apex(tmp_path, command, "IWM", "--data", str(tmp_path / name))
            assert done.code == code
            assert says in " ".join(done.err.split())


def test_a_day_of_another_year_than_the_sessions_has_its_year(tmp_path: Path) -> None:
    out = apex(tmp_path, "analyze", "IWM", "--source", "demo", "--as-of", "2024-01-02", "--no-color").out
    assert re.search(r"^Growth +[A-Z]+ +[-+]\d +2023-12-\d\d  ", out, re.M)
    assert re.search(r"^vs SPY +[A-Z]+ +[-+.\d]+ pp +[.\d]+ +01-02  ", out, re.M)


def test_holdings_give_the_sectors(tmp_path: Path) -> None:
    path = tmp_path / "IWM_holdings.csv"
    path.write_text(
        "symbol,sector,asset_class,weight_pct,as_of\nA,Energy,Equity,60,2025-01-02\nB,Energy,Equity,39.5,2025-01-02\n"
    )
    done = apex(tmp_path, "context", "IWM", "--source", "demo", "--holdings", str(path), "--no-color")
    assert "Sectors of IWM, list of 2025-01-02" in done.out
    assert re.search(r"^Energy +99\.5 % +2 *$", done.out, re.M)


def test_no_context_leaves_the_block_out(tmp_path: Path) -> None:
    whole = apex(tmp_path, "analyze", "IWM", "--source", "demo", "--no-color")
    bare = apex(tmp_path, "analyze", "IWM", "--source", "demo", "--no-color", "--no-context")
    assert re.search(r"^Context +State +Value +Pctile +Known +Why", whole.out, re.M)
    assert "Regime" in whole.out
    assert "Context" not in bare.out
    assert "Regime" not in bare.out
    made = json.loads(apex(tmp_path, "analyze", "IWM", "--source", "demo", "--no-context", "--json").out)
    assert made["context"] == []


def test_rotation_prints_a_row_a_symbol_and_names_the_missing(tmp_path: Path) -> None:
    done = apex(tmp_path, "rotation", "IWM", "qqq", "SPY", "NOPE", "--source", "demo", "--no-color")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].split()[:2] == ["SIMULATED", "Rotation"]
    rows = re.findall(r"^([A-Z]+) +(?:leading|weakening|lagging|improving)", done.out, re.M)
    assert sorted(rows) == ["IWM", "QQQ"]
    assert "no bars: NOPE" in done.out
    assert max(map(len, lines)) <= 118


def test_rotation_weekly_and_json(tmp_path: Path) -> None:
    done = apex(tmp_path, "rotation", "IWM", "--source", "demo", "--weekly", "--benchmark", "DIA", "--json")
    made = json.loads(done.out)
    assert (made["benchmark"], made["weekly"], made["rows"][0]["symbol"]) == ("DIA", True, "IWM")


def test_rotation_draws_its_graph(tmp_path: Path) -> None:
    path = tmp_path / "graph.svg"
    done = apex(tmp_path, "rotation", "IWM", "QQQ", "--source", "demo", "--svg", str(path), "--json")
    assert json.loads(done.out)["simulated"] is True
    assert done.err == f"wrote {path}\n"
    texts = {one.text for one in ET.parse(path).iter("{http://www.w3.org/2000/svg}text")}
    assert {"IWM", "QQQ"} <= texts
    assert any((text or "").startswith("SIMULATED") for text in texts)


def test_a_graph_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "graph.svg"
    done = apex(tmp_path, "rotation", "IWM", "--source", "demo", "--svg", str(path))
    assert (done.code, done.out) == (2, "")
    assert "cannot write" in done.err
    assert "No such file or directory" in done.err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["context"], 2, "Missing argument"),
        (["context", "IWMM", "--source", "demo"], 1, "Did you mean 'IWM'"),
        (["context", "IWM", "--source", "demmo"], 2, "Did you mean 'demo'"),
        (["context", "IWM", "--source", "demo", "--as-of", "soon"], 2, "as_of is 'soon'"),
        (["context", "IWM", "--data", "/nonexistent"], 2, "/nonexistent"),
        (["context", "IWM", "--source", "demo", "--holdings", "/nonexistent/IWM.csv"], 2, "must be an existing CSV"),
        (["context", "IWM", "--offline"], 1, "nothing is stored for IWM"),
        (["rotation"], 2, "Missing argument"),
        (["rotation", "SPY", "--source", "demo"], 2, "besides the benchmark"),
        (["rotation", "NOPE", "--source", "demo"], 1, "none of NOPE has bars"),
        (["rotation", "IWM", "--source", "demo", "--benchmark", "SPYY"], 1, "Did you mean 'SPY'"),
        (["fetch"], 2, "apex fetch --macro"),
        (["fetch", "--context"], 2, "symbols is empty"),
    ],
)
def test_bad_words_end_with_a_named_error_and_the_right_code(
    tmp_path: Path, words: list[str], code: int, says: str
) -> None:
    done = apex(tmp_path, *words)
    assert says in " ".join((done.err + done.out).split())
    assert done.code == code
    assert "Traceback" not in done.err


@pytest.mark.parametrize("command", ["context", "rotation"])
def test_every_option_has_its_sentence(tmp_path: Path, command: str) -> None:
    done = apex(tmp_path, command, "--help")
    assert done.code == 0
    for option in set(re.findall(r"--[a-z][a-z-]+", done.out)):
        assert re.search(rf"{option}\b.*[a-z]{{3}}", done.out), option


def test_import_then_context_from_the_store(tmp_path: Path, tables: Tables) -> None:
    recent = tables.bars.filter(pl.col("date").dt.year() > 2023)
    folder = Tables(recent, tables.series).written(tmp_path / "tables")
    done = apex(tmp_path / "home", "import", str(folder))
    assert done.code == 0, done.out + done.err
    made = json.loads(apex(tmp_path / "home", "context", "IWM", "--offline", "--json").out)
    direct = json.loads(apex(tmp_path / "home", "context", "IWM", "--data", str(folder), "--json").out)
    assert made["lines"] == direct["lines"]
    assert made["data"]["version"] == "store@1"


def test_a_fetch_without_a_network_says_so_once() -> None:
    words = "HTTPSConnectionPool(host='x', port=443): (Caused by NameResolutionError('Failed to resolve x'))"
    first = transport_error("FRED", "DGS2", OSError(words))
    rest = {name: NetworkError(f"{name} was not asked for: FRED could not be reached") for name in ("ICSA", "USREC")}
    out = io.StringIO()
    report = FetchReport(requested=("DGS2", "ICSA", "USREC"), failed={"DGS2": first, **rest})
    print_fetch_report(report, Console(file=out, width=118))
    assert [line.strip() for line in out.getvalue().splitlines()[1:]] == [
        "DGS2: NetworkError, FRED was not reached (OSError: name resolution failed)",
        "2 more were not asked for",
        "nothing stored; try again later, or: apex import FILE",
    ]


def test_the_block_has_value_percentile_state_and_day_known() -> None:
    from openapex.cli.lines import lines_table, value_text
    from openapex.desk.context import context

    lines = context("IWM", source="demo").lines
    assert [column.header for column in lines_table(lines, date(2025, 12, 31)).columns] == [
        "Context", "State", "Value", "Pctile", "Known", "Why",
    ]  # fmt: skip
    told = {line.topic: value_text(line) for line in lines}
    assert told["relative"].endswith(" pp")
    assert told["credit"].endswith(" %")
    assert all(told.values())
