"""docs/indicators.md names every indicator with its inputs, defaults and warm-up, and its examples run."""

import doctest
from pathlib import Path

import pytest

from openapex.indicators import INDICATORS, Indicator

PAGE = Path(__file__).resolve().parents[2] / "docs" / "indicators.md"


@pytest.mark.parametrize("indicator", INDICATORS, ids=str)
def test_every_indicator_has_its_row(indicator: Indicator):
    row = next(line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{indicator.name}` |"))
    cells = [cell.strip() for cell in row.replace("\\|", "/").strip("|").split("|")]
    assert cells[1] == ", ".join(indicator.inputs)
    assert cells[3] == ", ".join(f"{name} {value}" for name, value in indicator.params.items())
    assert cells[5] == str(indicator.warm_up(*indicator.params.values()))
    if "…" not in cells[2]:
        assert cells[2] == ", ".join(indicator.outputs)


def test_the_examples_run():
    assert doctest.testfile(str(PAGE), module_relative=False).failed == 0
