"""The columns of the scan table are whole, named as everywhere else, and the page says what the code says."""

from pathlib import Path
from typing import get_args

import polars as pl
import pytest
from docs.tables import with_columns, with_presets

from openapex.score.composite import Verdict
from openapex.screens import COLUMNS, DEFAULT, parsed
from openapex.screens.columns import EVENTS, VERDICTS
from openapex.screens.grammar import MAX_NESTING
from openapex.screens.words import MAX_LENGTH, MAX_WORDS
from openapex.signals import SIGNALS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "screens.md"


def test_the_default_columns_exist_and_keep_the_order() -> None:
    assert [name for name in COLUMNS if name in DEFAULT] == list(DEFAULT)


def test_every_signal_has_its_score_column() -> None:
    assert [name for name in COLUMNS if name.endswith("_score")] == [f"{name}_score" for name in SIGNALS]


def test_verdicts_are_those_of_the_score() -> None:
    assert get_args(Verdict) == VERDICTS


def test_event_names_are_unique() -> None:
    assert len(set(EVENTS)) == len(EVENTS) > 20


@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_has_its_sentence_and_can_be_named(name: str) -> None:
    assert COLUMNS[name].sentence.endswith(".")
    assert parsed(f"{name} is known").filter(pl.DataFrame({name: [None]})).height == 0


def test_the_generated_tables_of_the_page_are_up_to_date() -> None:
    text = PAGE.read_text("utf-8")
    assert with_presets(with_columns(text)) == text, "run: python -m docs.tables"


def test_the_page_names_the_limits() -> None:
    text = PAGE.read_text("utf-8")
    assert f"{MAX_LENGTH:,} characters" in text
    assert f"{MAX_WORDS} words" in text
    assert f"{MAX_NESTING} deep" in text


def test_every_example_of_the_page_can_be_read() -> None:
    block = PAGE.read_text("utf-8").split("```text\n")[1].split("```")[0]
    examples = [line for line in block.splitlines() if line.strip()]
    assert len(examples) >= 8
    for line in examples:
        parsed(line.split("   ")[0])


def test_the_grammar_of_the_page_is_that_of_the_code() -> None:
    import openapex.screens.grammar as grammar

    assert grammar.__doc__
    rules = [line.strip() for line in grammar.__doc__.split("::\n")[1].splitlines() if line.strip()]
    page = [line.strip() for line in PAGE.read_text("utf-8").split("```ebnf\n")[1].split("```")[0].splitlines()]
    assert page == rules
