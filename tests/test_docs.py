"""The docs tell the truth: README examples run, its report is what the command prints, every link leads somewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from openapex.adjust import adjusted
from openapex.quality import RULES
from openapex.sources.demo import DemoSource
from openapex.sources.source import Delivery

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text("utf-8")


def apex(*words: str) -> str:
    env = os.environ | {"COLUMNS": "118"}
    command = [sys.executable, "-m", "openapex.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, env=env, check=True).stdout


def without_trailing_space(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def test_readme_shows_a_result_by_line_25_and_it_is_what_the_command_prints() -> None:
    block = re.search(r"```text\n(.*?)```", README, re.S)
    assert block
    assert README[: block.start()].count("\n") < 25
    printed = apex("analyze", "IWM", "--source", "demo", "--no-color")
    assert without_trailing_space(block[1]) == without_trailing_space(printed)


def test_readme_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [answer for answer in DemoSource().fetch(["IWM", "SPY"]) if isinstance(answer, Delivery)]
    frames = [adjusted(answer.bars, answer.actions, answer.basis).bars for answer in answers]
    pl.concat(frames).rename({"session": "date"}).write_parquet(tmp_path / "prices.parquet")
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    names: dict[str, object] = {}
    exec(code, names)
    assert "report" in names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_names_this_machine(page: Path) -> None:
    text = page.read_text("utf-8")
    assert not [place for place in (ROOT, ROOT.parent, Path.home()) if f"{place}/" in text]


@pytest.mark.parametrize(
    "command",
    [
        "apex analyze",
        "apex context",
        "apex rotation",
        "apex scan",
        "apex fetch",
        "apex import",
        "apex store info",
        "apex store verify",
        "make demo",
        "make test",
    ],
)
def test_every_command_has_its_sentence_in_the_readme(command: str) -> None:
    assert command in README


def test_every_option_of_analyze_is_in_the_tutorial_or_readme() -> None:
    text = README + (ROOT / "docs" / "tutorial.md").read_text("utf-8")
    options = set(re.findall(r"--[a-z][a-z-]+", apex("analyze", "--help"))) - {"--help"}
    assert not sorted(option for option in options if option not in text)


def test_every_quality_rule_has_its_sentence() -> None:
    page = (ROOT / "docs" / "data-quality.md").read_text("utf-8")
    assert not [rule for rule in RULES if f"`{rule}`" not in page]


def test_every_make_target_has_help() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"\.PHONY: (.*)", text)
    assert phony
    described = set(re.findall(r"^([a-z-]+):.*## ", text, re.M))
    assert set(phony[1].split()) == described


def test_every_adr_is_numbered_once() -> None:
    numbers = [path.name[:4] for path in sorted((ROOT / "docs" / "adr").glob("*.md"))]
    assert numbers == [f"{i:04}" for i in range(1, len(numbers) + 1)]


def test_pins_name_no_host() -> None:
    assert "http" not in (ROOT / "constraints.txt").read_text("utf-8")
