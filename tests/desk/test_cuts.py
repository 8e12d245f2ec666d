"""The knowledge cut holds for everything that reaches `appraise`: bars, actions, facts, news, benchmarks, files."""

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import openapex as apex
from openapex.desk.analyze import appraise
from openapex.desk.material import Gathered, Material
from openapex.score.model import model
from openapex.sessions import sessions_between
from openapex.sources.source import ACTION_SCHEMA, BAR_SCHEMA, FACT_SCHEMA, HEADLINE_SCHEMA, empty

NOW = datetime(2024, 7, 1, 12, tzinfo=UTC)
CUT = date(2023, 6, 30)


def material(symbol: str = "X", seed: int = 1, **changes: object) -> Material:
    days = sessions_between(date(2021, 1, 4), date(2024, 6, 28))
    rng = np.random.default_rng(seed)
    close = (80 * np.cumprod(1 + rng.normal(0.0004, 0.012, len(days)))).round(2)
    bars = pl.DataFrame(
        {
            "symbol": symbol, "session": days, "open": close, "high": close * 1.01, "low": close * 0.99,
            "close": close, "adj_close": None, "volume": rng.integers(1_000_000, 2_000_000, len(days)).astype(float),
            "provisional": False,
        }
    ).cast(dict(BAR_SCHEMA))  # fmt: skip
    frames = {
        "bars": bars, "actions": empty(ACTION_SCHEMA), "headlines": empty(HEADLINE_SCHEMA), "facts": empty(FACT_SCHEMA),
    } | changes  # fmt: skip
    return Material(symbol, "test", False, "as_traded", **frames)  # type: ignore[arg-type]


def told(asked: Material, others: dict[str, Material] | None = None, as_of: date | None = CUT) -> dict[str, object]:
    try:
        report = appraise(Gathered(asked, others or {}), model(), as_of=as_of, provisional=False, now=NOW)
    except apex.ApexError as error:  # a split without a jump of the price leaves no history to speak of
        return {"error": str(error)}
    return json.loads(json.dumps(report.to_dict()))


def row(schema: pl.Schema, *values: object) -> pl.DataFrame:
    return pl.DataFrame([values], schema, orient="row")


LATER = date(2023, 9, 1)
BANDED = (
    "trailing_pe", "price_to_book", "profit_margin_pct", "return_on_equity_pct", "revenue_growth_pct", "current_ratio",
)  # fmt: skip
FUTURES = {
    "split": {"actions": row(ACTION_SCHEMA, "X", LATER, "split", 4.0)},
    "dividend": {"actions": row(ACTION_SCHEMA, "X", LATER, "dividend", 2.0)},
    "impossible action": {"actions": row(ACTION_SCHEMA, "X", LATER, "split", -4.0)},
    "fact": {"facts": pl.concat([row(FACT_SCHEMA, "X", name, LATER, 12.0, None) for name in BANDED])},
    "headline": {"headlines": row(HEADLINE_SCHEMA, "X", datetime(2023, 8, 31, 9, tzinfo=UTC), "profit rose", "W")},
}  # fmt: skip


@pytest.mark.parametrize("name", FUTURES)
def test_what_becomes_known_after_the_cut_changes_nothing(name: str) -> None:
    with_future = material(**FUTURES[name])
    assert told(with_future) == told(material())
    assert told(with_future, as_of=LATER) != told(material(), as_of=LATER), "and is seen once it is known"


def test_later_bars_change_nothing() -> None:
    whole = material()
    early = material(bars=whole.bars.filter(pl.col("session") <= CUT))
    assert told(whole) == told(early)


def test_later_bars_of_a_benchmark_change_nothing() -> None:
    spy = material("SPY", seed=2)
    early = material("SPY", seed=2, bars=spy.bars.filter(pl.col("session") <= CUT))
    assert told(material(), {"SPY": spy}) == told(material(), {"SPY": early})
    assert told(material(), {"SPY": spy})["key_stats"]["beta_spy"] is not None  # type: ignore[index]


def test_a_fact_known_at_the_cut_is_seen() -> None:
    assert told(material(**FUTURES["fact"]), as_of=LATER)["signals"][7]["score"] is not None  # type: ignore[index]


@pytest.mark.parametrize("symbol", ["BTC-USD", "X"])
def test_news_on_days_without_a_known_session_is_no_error(symbol: str) -> None:
    news = row(HEADLINE_SCHEMA, symbol, datetime(2024, 6, 29, 9, tzinfo=UTC), "profit rose", "W")
    made = told(material(symbol, headlines=news), as_of=date(2050, 1, 1))
    assert made["session"] == "2024-06-28"


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(
    "late",
    [
        {"close": None, "open": None, "high": None, "low": None, "adj_close": None},
        {"adj_close": 5.0},
        {"volume": None},
    ],
    ids=["priceless", "adjusted", "no volume"],
)
def test_a_later_row_of_a_file_changes_not_a_word(tmp_path: Path, suffix: str, late: dict[str, float | None]) -> None:
    table = material().bars.rename({"session": "date"}).drop("provisional")
    if "volume" in late:
        table = table.with_columns(adj_close="close")
    last = table[-1].with_columns(pl.lit(value, pl.Float64).alias(name) for name, value in late.items())
    said = []
    for folder, rows in (("whole", pl.concat([table[:-1], last])), ("cut", table.filter(pl.col("date") <= CUT))):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / f"prices.{suffix}"
        rows.write_csv(path) if suffix == "csv" else rows.write_parquet(path)
        said.append(apex.analyze("X", data=path, as_of=CUT, now=NOW).to_dict())
    assert said[0] == said[1]


def test_repeated_and_jumbled_rows_of_a_file_are_named(tmp_path: Path) -> None:
    table = material().bars.rename({"session": "date"}).drop("provisional")
    path = tmp_path / "X.csv"
    pl.concat([table[100:], table[:101]]).write_csv(path)
    rules = {warning.rule for warning in apex.analyze("X", data=path, now=NOW).data.warnings}
    assert {"duplicate_session", "unsorted"} <= rules
    table[::-1].write_csv(path)  # newest first, as Alpha Vantage lists them
    assert "unsorted" not in {warning.rule for warning in apex.analyze("X", data=path, now=NOW).data.warnings}


def test_a_symbol_is_found_as_the_file_spells_it(tmp_path: Path) -> None:
    table = material("abc").bars.rename({"session": "date"}).drop("provisional")
    table.write_parquet(tmp_path / "all.parquet")
    assert apex.analyze("abc", data=tmp_path / "all.parquet", now=NOW).symbol == "abc"


def test_frames_as_yfinance_gives_them_are_understood() -> None:
    table = material().bars.drop("provisional", "adj_close", "symbol").to_pandas().set_index("session")
    table.columns = [name.title() for name in table.columns]
    wide = __import__("pandas").concat({"X": table}, axis=1)
    by_field = wide.swaplevel(axis=1).rename_axis(["Price", "Ticker"], axis=1).rename_axis("Date")
    plain = apex.analyze("X", data=table.rename_axis("Date"), now=NOW)
    for frame in (wide, by_field):
        assert apex.analyze("X", data=frame, now=NOW).to_dict()["signals"] == plain.to_dict()["signals"]


def test_as_of_may_be_a_timestamp() -> None:
    frame = material().bars.drop("adj_close")
    moment = datetime(2023, 6, 30, 15)
    assert apex.analyze("X", data=frame, as_of=moment, now=NOW).session == CUT


def test_a_source_beside_a_frame_is_refused() -> None:
    with pytest.raises(apex.ApexError, match="source is 'demo', must be absent"):
        apex.analyze(material().bars, source="demo")


def test_the_place_in_history_is_that_of_the_chosen_model() -> None:
    reports = [apex.analyze("IWM", source="demo", model=name) for name in ("apex", "technical")]
    assert reports[0].standing != reports[1].standing


def test_an_action_that_cannot_be_true_is_in_the_report() -> None:
    bad = material(actions=row(ACTION_SCHEMA, "X", date(2022, 3, 1), "split", -4.0))
    report = appraise(Gathered(bad, {}), model(), as_of=CUT, provisional=False, now=NOW)
    assert "action" in {warning.rule for warning in report.data.warnings}


def test_key_statistics_cannot_be_changed() -> None:
    report = appraise(Gathered(material(), {}), model(), as_of=CUT, provisional=False, now=NOW)
    with pytest.raises(TypeError):
        report.key_stats["last"] = 1.0  # type: ignore[index]


def test_a_stale_report_says_so_on_every_face() -> None:
    from rich.console import Console

    from openapex.cli.report import print_report

    report = apex.analyze("X", data=material().bars, now=datetime(2024, 9, 30, tzinfo=UTC))
    console = Console(width=118, record=True, file=io.StringIO())
    print_report(report, console)
    text = console.export_text()
    assert "STALE" in text.splitlines()[0]
    assert "[stale]" in text
    html = report._repr_html_()
    assert "STALE" in html
    assert "sessions behind" in html
    assert f"{report.standing.n_sessions:,} sessions" in html


def test_a_provisional_report_says_so_on_every_face() -> None:
    bars = material().bars.with_columns(provisional=pl.col("session") == date(2024, 6, 28))
    report = apex.analyze("X", data=bars, now=NOW, provisional=True)
    assert "PROVISIONAL" in report._repr_html_()


def test_html_escapes_what_comes_from_outside() -> None:
    name = "<script>alert(1)</script>"
    report = apex.analyze(name, data=material(name).bars, now=NOW)
    assert "<script>" not in report._repr_html_()
