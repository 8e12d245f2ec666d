"""The page about the store tells the truth: its examples run, its rule ids are all there are."""

import re
from pathlib import Path

from openapex.store import checking

PAGE = (Path(__file__).parents[2] / "docs" / "store.md").read_text("utf-8")


def test_the_examples_run(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("APEX_HOME", str(tmp_path))
    names = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, names)
    n_new, version = capsys.readouterr().out.splitlines()[0].split()
    assert int(n_new) > 1000
    assert version == "store@1"


def test_every_rule_of_verify_has_its_name_on_the_page():
    rules = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)", (?:str|file)', Path(checking.__file__).read_text("utf-8")))
    rules |= {"missing_file", "damaged_file", "two_files", "unsorted"}
    listed = PAGE[PAGE.index("## When something is wrong") :]
    assert rules == set(re.findall(r"`([a-z_]+)`", listed))
