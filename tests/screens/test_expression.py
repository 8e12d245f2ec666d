"""Conditions: what they select, what they refuse, and how they say so."""

import pickle
from datetime import date

import polars as pl
import pytest

from openapex.errors import BadExpression, BadInput, UnknownName
from openapex.screens import COLUMNS, Column, parsed

NAN, INF = float("nan"), float("inf")
FRAME = pl.DataFrame(
    {
        "symbol": ["A", "B", "C", "D", "E"],
        "session": [date(2024, 7, 15), date(2024, 7, 16), date(2024, 7, 17), date(2024, 7, 18), None],
        "rsi": [30.0, 36.0, 42.0, NAN, None],
        "relative_volume": [2.0, 0.0, None, 1.0, INF],
        "n_bars": [300, 200, 100, 50, None],
        "verdict": ["BUY", "HOLD", "SELL", None, "BUY"],
        "sector": ["Energy", "Health's", "", None, "Énergie"],
        "events": [["golden_cross", "squeeze"], [], ["squeeze"], None, ["death_cross"]],
    }
)


def hits(text: str) -> str:
    return "".join(parsed(text).filter(FRAME)["symbol"].to_list())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rsi < 42", "AB"),
        ("rsi <= 42", "ABC"),
        ("rsi > 36", "C"),
        ("rsi >= 36", "BC"),
        ("rsi == 36", "B"),
        ("rsi = 36", "B"),
        ("rsi != 36", "AC"),
        ("30 < rsi < 42", "B"),
        ("42 >= rsi >= 36", "BC"),
        ("100 > rsi > 30 < rsi", "BC"),
        ("rsi between 30 and 36", "AB"),
        ("rsi not between 30 and 36", "C"),
        ("rsi between 30 and 36 and verdict == 'BUY'", "A"),
        ("rsi in (30, 42)", "AC"),
        ("rsi not in (30, 42)", "B"),
        ("-rsi in (-30)", "A"),
        ("verdict in ('BUY', \"SELL\")", "ACE"),
        ("verdict NOT IN ('BUY')", "BC"),
        ("'BUY' == verdict", "AE"),
        ('sector == "Health\'s"', "B"),
        ("sector == ''", "C"),
        ("sector == 'Énergie'", "E"),
        ("'squeeze' in events", "AC"),
        ("'squeeze' not in events", "BE"),
        ("not 'squeeze' in events", "BE"),
        ("session >= '2024-07-17'", "CD"),
        ("session in ('2024-07-15', '2024-07-18')", "AD"),
        ("'2024-07-15' < session < '2024-07-18'", "BC"),
        ("rsi - 6 == 30", "B"),
        ("rsi - 3 - 3 == 30", "B"),
        ("rsi / 2 / 3 == 7", "C"),
        ("2 + rsi * 2 == 62", "A"),
        ("(2 + rsi) * 2 == 64", "A"),
        ("--rsi == 30", "A"),
        ("abs(rsi - 40) < 5", "BC"),
        ("MIN(rsi, 36, 99) == 36", "BC"),
        ("max(rsi, relative_volume * 20) == 40", "A"),
        (".5 * rsi == 15", "A"),
        ("n_bars >= 1e2", "ABC"),
        ("rsi < 40 and n_bars > 250", "A"),
        ("rsi < 31 or n_bars < 150", "ACD"),
        ("rsi < 31 || n_bars < 150 && verdict = 'SELL'", "AC"),
        ("(rsi < 31 or n_bars < 150) and verdict = 'SELL'", "C"),
        ("NOT rsi < 36 And n_bars > 150", "B"),
        ("! rsi < 36", "BC"),
        ("not not rsi < 36", "A"),
    ],
)
def test_condition_selects(text: str, expected: str) -> None:
    assert hits(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rsi < 1000", "ABC"),
        ("not rsi < 0", "ABC"),
        ("rsi < 1000 or n_bars == 50", "ABCD"),
        ("not (rsi < 0 and n_bars == 100)", "ABCD"),
        ("rsi is null", "DE"),
        ("rsi is unknown", "DE"),
        ("rsi is not known", "DE"),
        ("rsi is known", "ABC"),
        ("relative_volume is unknown", "CE"),
        ("1 / relative_volume < 1000", "AD"),
        ("1 / relative_volume is unknown", "BCE"),
        ("1 / (1 / relative_volume) < 1000", "AD"),
        ("min(1, 1 / relative_volume) <= 1", "AD"),
        ("max(1, 1 / relative_volume) is unknown", "BCE"),
        ("abs(relative_volume / 0) is unknown", "ABCDE"),
        ("(rsi < 40 or rsi >= 40) is unknown", "DE"),
        ("verdict is null", "D"),
        ("verdict != 'BUY'", "BC"),
        ("events is unknown", "D"),
        ("session is unknown", "E"),
    ],
)
def test_unknown_is_no_hit_and_stays_unknown(text: str, expected: str) -> None:
    assert hits(text) == expected


def test_expr_is_null_where_unknown() -> None:
    frame = FRAME.select(x=parsed("rsi < 40 and n_bars > 150").expr())
    assert frame["x"].to_list() == [True, True, False, False, None]


def test_names_are_the_columns_used_once_in_order() -> None:
    assert parsed("verdict == 'BUY' and rsi < 42 and min(rsi, atr_pct) > 1").names == ("verdict", "rsi", "atr_pct")


def test_text_is_as_typed() -> None:
    assert parsed("  RSI_RANK<3 ".lower()).text == "  rsi_rank<3 "


def test_flag_columns_are_conditions() -> None:
    columns = {"is_new": Column("flag", "", "New."), "rsi": COLUMNS["rsi"]}
    frame = pl.DataFrame({"is_new": [True, False, None], "rsi": [1, 1, 1]})
    assert parsed("is_new and rsi < 2", columns).filter(frame).height == 1
    assert parsed("not is_new", columns).filter(frame).height == 1


def test_two_conditions_join_to_both() -> None:
    both = parsed("rsi < 31 or rsi > 40") & parsed("verdict == 'SELL'")
    assert both.names == ("rsi", "verdict")
    assert both.filter(FRAME)["symbol"].to_list() == ["C"]
    assert parsed(both.text).filter(FRAME)["symbol"].to_list() == ["C"]


def test_expression_survives_a_pickle() -> None:
    copied = pickle.loads(pickle.dumps(parsed("rsi < 42 and 'squeeze' in events")))
    assert copied.names == ("rsi", "events")
    assert copied.filter(FRAME)["symbol"].to_list() == ["A"]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", 1, "next is the end, must be a name, a number, 'text' or ("),
        ("rsi <", 6, "next is the end"),
        ("rsi", 1, "rsi is a number, must be a condition"),
        ("verdict and rsi < 3", 1, "verdict is text, must be a condition for and"),
        ("not rsi", 5, "rsi is a number, must be a condition for not"),
        ("rsi < 'x'", 7, "'x' is text, must be a number to be compared with rsi"),
        ("'x' > rsi", 1, "'x' is text, must be a number to be compared with rsi"),
        ("verdict == 3", 12, "3 is a number, must be text to be compared with verdict"),
        ("symbol < 'M'", 1, "must be == or !="),
        ("session > 3", 11, "3 is a number, must be a date to be compared with session"),
        ("session > '2024-02-30'", 11, "date is '2024-02-30', must be a day such as '2024-07-17'"),
        ("session > '20240230'", 11, "date is '20240230'"),
        ("rsi + 'a' < 3", 7, "'a' is text, must be a number for +"),
        ("-verdict == 'BUY'", 2, "verdict is text, must be a number for -"),
        ("(rsi < 3) + 1 > 2", 2, "rsi < 3 is a condition, must be a number for +"),
        ("(rsi < 3) == (rsi < 4)", 2, "rsi < 3 is a condition, must be a value for =="),
        ("events == 'squeeze'", 1, "events is a list, must be a value for =="),
        ("rsi in events", 1, "rsi is a number, must be 'text' in quotes before in events"),
        ("'a' in rsi", 8, "rsi is a number, must be a list after in"),
        ("'a' in 'abc'", 8, "next is \"'abc'\", must be choices in parentheses or a column of lists"),
        ("rsi in (1, 'a')", 12, "'a' is text, must be a number"),
        ("rsi in (1, atr_pct)", 12, "atr_pct is not a constant"),
        ("rsi in ()", 9, "next is ')'"),
        ("1 = 1", 1, "comparison names no column, must name at least one"),
        ("rsi < 3 or 'a' = 'a'", 12, "comparison names no column"),
        ("3 is null", 1, "3 names no column"),
        ("rsi is 3", 8, "next is '3', must be null, unknown or known"),
        ("rsi not 3", 9, "next is '3', must be in or between"),
        ("rsi < 3)", 8, "next is ')', must be and, or, or the end"),
        ("(rsi < 3", 9, "next is the end, must be )"),
        ("rsi < 3 rsi", 9, "next is 'rsi', must be and, or, or the end"),
        ("rsi < 5 %", 9, "'%' is not part of a condition"),
        ("rsi < 3 & rsi > 1", 9, "write and"),
        ("rsi < 0x10", 7, "number is malformed, must be decimal"),
        ("rsi < 1_000", 7, "number is malformed"),
        ("rsi < 010", 7, "number is malformed"),
        ("rsi < 1e", 7, "number is malformed"),
        ("rsi < 1.2.3", 7, "number is malformed"),
        ("rsi < 1e16", 7, "number is too large, must be at most 1e+15"),
        ("abs(rsi, 3) < 1", 1, "abs has 2 arguments, must have 1"),
        ("min(rsi) < 1", 1, "min has 1 arguments, must have 2 or more"),
        ("max('a', rsi) < 1", 5, "'a' is text, must be a number for max"),
        ("verdict == 'BUY", 12, "text has no closing '"),
        ("rsi <\t3", 6, "character is U+0009, must be visible or a plain space"),
        ("rsi ≥ 3", 5, "'≥' is not part of a condition"),
        ("rsi ** 2 < 3", 6, "next is '*'"),
        ("rsi.real < 3", 4, "'.' is not part of a condition"),
    ],
)
def test_fault_is_named_and_pointed_at(text: str, place: int, message: str) -> None:
    with pytest.raises(BadExpression) as caught:
        parsed(text)
    first, *excerpt = str(caught.value).split("\n")
    assert message in first
    assert f"(character {place})" in first
    assert caught.value.position == place
    assert excerpt[1].index("^") == 2 + place - 1


def test_a_fault_at_the_end_of_a_long_condition_is_shown_with_what_stands_before() -> None:
    with pytest.raises(BadExpression) as caught:
        parsed(" or ".join(["rsi < 30"] * 30) + " or rsi < 'here'")
    _, shown, carets = str(caught.value).split("\n")
    assert shown.endswith("rsi < 30 or rsi < 'here'")
    assert len(shown) == 2 + 72 == len(carets)


def test_carets_stay_under_the_place_in_a_long_condition() -> None:
    text = " or ".join(["rsi < 30"] * 30) + " or rsi < 'here' or " + " or ".join(["rsi < 30"] * 30)
    with pytest.raises(BadExpression) as caught:
        parsed(text)
    _, shown, carets = str(caught.value).split("\n")
    assert len(shown) <= 80
    assert shown[carets.index("^") : carets.rindex("^") + 1] == "'here'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rsii < 42", "column is 'rsii'.*Did you mean 'rsi'?"),
        ("RSI < 42", "Did you mean 'rsi'?"),
        ("relative_volumn > 2", "Did you mean 'relative_volume'?"),
        ("abz(rsi) < 42", "function is 'abz'.*Did you mean 'abs'?"),
        ("verdict == 'BUYY'", "verdict is 'BUYY'.*Did you mean 'BUY'?"),
        ("verdict in ('BUY', 'sel')", "Did you mean 'SELL'?"),
        ("verdict != 'buy'", "Did you mean 'BUY'?"),
        ("'golden_crss' in events", "events is 'golden_crss'.*Did you mean 'golden_cross'?"),
    ],
)
def test_unknown_name_is_met_with_the_nearest(text: str, message: str) -> None:
    with pytest.raises(UnknownName, match=message.replace("?", r"\?")):
        parsed(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rsi < 3" + " " * 1_994, "2001 characters, must be at most 2000"),
        ("(" * 51 + "rsi < 3" + ")" * 51, "nesting is deeper than 50"),
        ("not " * 51 + "rsi < 3", "nesting is deeper than 50"),
        ("-" * 51 + "rsi < 3", "nesting is deeper than 50"),
        ("rsi < " + "+".join(["1"] * 150), "more than 300 words"),
        ("x" * 65 + " < 3", "name has 65 characters, must be at most 64"),
    ],
)
def test_limits_are_refused(text: str, message: str) -> None:
    with pytest.raises(BadExpression, match=message):
        parsed(text)


@pytest.mark.parametrize(
    "text",
    [
        "rsi < 3" + " " * 1_993,
        "(" * 50 + "rsi < 3" + ")" * 50,
        "not " * 50 + "rsi < 3",
        "-" * 50 + "rsi < 3",
        "rsi < " + "+".join(["1"] * 149),
        "rsi < 1e15",
        "/".join(["rsi"] * 149) + " < 1",
        "min(1, " * 49 + "rsi" + ")" * 49 + " <= 1",
        "rsi < " * 149 + "1",
        "rsi in (" + ", ".join(["1"] * 148) + ")",
    ],
    ids=lambda text: text[:12],
)
def test_at_the_limits_it_still_works(text: str) -> None:
    frame = pl.concat([FRAME] * 600, rechunk=True)
    parsed(text).filter(frame)


@pytest.mark.parametrize(
    ("text", "n_times"),
    [
        ("rsi < 31 and not not rsi < 31", 30),
        ("--rsi < 31", 49),
        ("((rsi < 31))", 37),
        ("rsi in (30) and rsi in (30)", 25),
        ("abs(abs(abs(abs(rsi)))) < 31", 18),
    ],
)
def test_nesting_counts_how_deep_not_how_often(text: str, n_times: int) -> None:
    assert hits(" and ".join([text] * n_times)) == "A"


def test_filter_names_a_missing_column() -> None:
    with pytest.raises(BadInput, match="frame has no column rsi, must have it"):
        parsed("rsi < 3").filter(pl.DataFrame({"symbol": ["A"]}))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("rsi < 3", ["1"]),
        ("verdict == 'BUY'", [1.0]),
        ("session > '2024-01-01'", ["2024-07-17"]),
        ("'squeeze' in events", ["squeeze"]),
        ("'squeeze' in events", [[1]]),
    ],
)
def test_filter_names_a_column_of_another_type(text: str, values: list[object]) -> None:
    name = parsed(text).names[0]
    with pytest.raises(BadInput, match=f"column {name} is of type .*, must be a"):
        parsed(text).filter(pl.DataFrame({name: values}))


@pytest.mark.parametrize("text", ["rsi < 3", "verdict == 'BUY'", "session > '2024-01-01'", "'squeeze' in events"])
def test_columns_without_any_value_or_row_select_nothing(text: str) -> None:
    name = parsed(text).names[0]
    assert parsed(text).filter(pl.DataFrame({name: [None, None]})).height == 0
    assert parsed(text).filter(pl.DataFrame({name: []})).height == 0


def test_categorical_verdicts_are_text() -> None:
    frame = pl.DataFrame({"verdict": pl.Series(["BUY", "HOLD"], dtype=pl.Enum(["BUY", "HOLD"]))})
    assert parsed("verdict != 'SELL'").filter(frame).height == 2


def test_frame_is_untouched() -> None:
    before = FRAME.clone()
    parsed("rsi < 3 or 1 / relative_volume > 2").filter(FRAME)
    assert FRAME.equals(before)
