"""Hostile conditions: each is refused by name in less than 100 ms, and nothing is executed.

``attacks.jsonl`` holds them, the long ones as a unit, how often it is repeated, and an end.
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from openapex.errors import BadExpression, BadInput, UnknownName
from openapex.screens import parsed

ATTACKS = [json.loads(line) for line in Path(__file__).with_name("attacks.jsonl").read_text("utf-8").splitlines()]
MOST_SECONDS = 0.1
HARMLESS = (
    "__import__('os').system('id')", "'; DROP TABLE bars; --", "$(rm -rf /)", "{0.__class__}", "%s%n", "((((",
    "<script>", "../../etc/passwd", "9**9**9", "nan", "SELECT 1", "\\x00", "日本", "é",
)  # fmt: skip


def text_of(attack: dict[str, Any]) -> str:
    return str(attack["text"] if "text" in attack else attack["unit"] * attack["times"] + attack["end"])


def seconds_to_refuse(text: str) -> float:
    begin = time.perf_counter()
    with pytest.raises((BadExpression, UnknownName)) as caught:
        parsed(text)
    spent = time.perf_counter() - begin
    assert len(str(caught.value)) < 1_000
    assert all(c.isprintable() or c == "\n" for c in str(caught.value))
    return spent


def test_there_are_at_least_200_attacks_of_every_kind() -> None:
    kinds = Counter(attack["kind"] for attack in ATTACKS)
    assert len({text_of(attack) for attack in ATTACKS}) == len(ATTACKS) >= 200
    assert set(kinds) == {
        "python", "sql", "shell", "unicode", "control", "numbers", "format", "grammar", "deep", "long", "regex",
    }  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack['kind']}-{text_of(attack)[:24]!a}")
def test_attack_is_refused_in_time(attack: dict[str, Any]) -> None:
    text = text_of(attack)
    assert min(seconds_to_refuse(text) for _ in range(2)) < MOST_SECONDS


@pytest.mark.parametrize("text", HARMLESS)
def test_inside_quotes_it_is_only_text(text: str) -> None:
    frame = pl.DataFrame({"symbol": [text, "A"]})
    quote = '"' if "'" in text else "'"
    assert parsed(f"symbol == {quote}{text}{quote}").filter(frame)["symbol"].to_list() == [text]


EXECUTED = {"exec", "compile", "import", "os.system", "subprocess.Popen", "open", "socket.connect"}
_heard: list[str] = []
_is_listening = False


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if _is_listening and event in EXECUTED:
        _heard.append(event)


def test_nothing_is_executed_compiled_imported_or_opened() -> None:
    """Python's own audit events name every such act; a control shows that the ear hears."""
    global _is_listening
    sys.addaudithook(_listen)
    texts = [text_of(attack) for attack in ATTACKS]
    _is_listening = True
    try:
        for text in texts:
            try:
                parsed(text)
            except BadInput:
                continue
        heard = list(_heard)
        compile("1", "control", "eval")
    finally:
        _is_listening = False
    assert heard == []
    assert "compile" in _heard
