"""docs/signals.md says every signal, value and event; its pictures and its knots are those of the code."""

import doctest
import re
import runpy
from pathlib import Path

import pytest
from price_paths import random_bars

from openapex.signals import SIGNALS, bollinger, fibonacci, rsi
from openapex.signals.signal import PriceSignal, SignalInputs

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "signals.md").read_text(encoding="utf-8")
PICTURES = runpy.run_path(str(DOCS / "make_pictures.py"), run_name="pictures")
PRICE = [signal for signal in SIGNALS.values() if isinstance(signal, PriceSignal)]


def section(title):
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("signal", PRICE, ids=lambda signal: signal.name)
def test_each_signal_has_its_section_with_picture_source_values_and_a_sentence_per_event(signal):
    text = section(signal.title)
    assert f"(pictures/{signal.name}.svg)" in text
    for heading in ("**Why so.**", "**Values.**", "**Events.**", "**Source"):
        assert heading in text
    values = text.split("**Values.**")[1].split("**Events.**")[0]
    for name in set(signal.indicator.outputs[1 : -len(signal.event_names)]) - set(signal.hidden):
        assert f"`{name}`" in values
    assert re.findall(r"^- `(\w+)`: \w.+$", text.split("**Events.**")[1], re.M) == list(signal.event_names)


def test_no_event_is_documented_that_does_not_exist():
    known = {name for signal in PRICE for name in signal.event_names}
    assert set(re.findall(r"^- `(\w+)`:", PAGE, re.M)) == known


def test_the_other_two_signals_are_linked():
    assert "(signals-sentiment-fundamentals.md)" in PAGE


@pytest.mark.parametrize("picture", PICTURES["PICTURES"], ids=lambda picture: picture.name)
def test_committed_pictures_are_those_the_code_makes(picture):
    """If this fails after a wanted change of a map: python docs/make_pictures.py."""
    assert (DOCS / "pictures" / f"{picture.name}.svg").read_text(encoding="utf-8") == PICTURES["svg"](picture)


KNOTS = [
    ("RSI", "*No trend*", rsi.RANGE_RSI, rsi.RANGE_SCORE),
    ("RSI", "*Uptrend*", rsi.UPTREND_RSI[1:], rsi.UPTREND_SCORE[1:]),
    ("Bollinger", "*Sideways*", bollinger.RANGE_B, bollinger.RANGE_SCORE),
    ("Bollinger", "*Rising bands*", bollinger.UPTREND_B, bollinger.UPTREND_SCORE),
    ("Bollinger", "- *Squeeze*", bollinger.BREAK_B, bollinger.BREAK_SCORE),
    ("Fibonacci", "- *Upswing*", fibonacci.UPSWING_RETRACEMENT, fibonacci.UPSWING_SCORE),
]


@pytest.mark.parametrize(("title", "label", "xs", "ys"), KNOTS, ids=lambda x: x if isinstance(x, str) else "")
def test_the_knots_on_the_page_are_the_knots_in_the_code(title, label, xs, ys):
    line = section(title).split(label)[1].split(".\n")[0].split(". *")[0]
    found = re.findall(r"(−?[\d.]+) → (\d+)", line)
    assert [(float(x.replace("−", "-")), float(y)) for x, y in found] == list(zip(xs, ys, strict=True))


def test_the_example_on_the_page_runs():
    result = doctest.testfile(str(DOCS / "signals.md"), module_relative=False, encoding="utf-8")
    assert result.attempted
    assert not result.failed


def test_needs_n_bars_is_the_declared_warm_up():
    inputs = SignalInputs(random_bars(seed=3, n=400))
    for signal in PRICE:
        if signal.name == "fibonacci":
            continue
        n_needed = int(re.search(r"Needs (\d+) bars", section(signal.title))[1])
        assert n_needed == signal.indicator.warm_up() + 1
        score = signal.history(inputs).score
        assert score[n_needed - 1] == score[n_needed - 1]
        assert str(n_needed) in signal.missing
