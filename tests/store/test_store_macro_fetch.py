"""What a fetch and `store info` say of macro series."""

from dataclasses import replace

import polars as pl
import pytest
from made import NOW, delivery, macro
from rich.console import Console

from openapex.cli.tables import print_fetch_report, print_store_info
from openapex.desk import fetch as desk
from openapex.desk.keep import store_info, stored_series, stored_symbols
from openapex.sources.demo import DemoSource


class Provider:
    """A source that answers with given deliveries."""

    name, simulated, is_network = "provider", True, True

    def __init__(self, deliveries):
        self.deliveries = {one.symbol: one for one in deliveries}

    def symbols(self):
        return tuple(self.deliveries)

    def fetch(self, symbols, *, start=None, end=None):
        return iter([self.deliveries[name] for name in symbols])


def fetched(monkeypatch, deliveries):
    monkeypatch.setattr(desk, "open_source", lambda *_, **__: Provider(deliveries))
    return desk.fetch([], source="provider", now=NOW)


def printed(what, given):
    console = Console(width=200)
    with console.capture() as capture:
        what(given, console)
    return capture.get()


@pytest.fixture(autouse=True)
def _home(monkeypatch, tmp_path):
    monkeypatch.setenv("APEX_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def deliveries():
    parts = DemoSource().macro().partition_by("series", maintain_order=True)
    return [replace(macro(simulated=True), symbol=rows["series"][0], macro=rows) for rows in parts]


def test_a_fetch_counts_macro_values_apart_from_bars(monkeypatch, deliveries):
    report = fetched(monkeypatch, deliveries)
    n = sum(one.macro.height for one in deliveries)
    names = [one.symbol for one in deliveries]
    assert (report.stored, report.to_dict()["macro"]) == (names, {"new": n, "revised": 0})
    assert report.to_dict()["bars"] == {"new": 0, "revised": 0, "superseded": 0}
    assert f"0 superseded; {n:,} new macro values, 0 revised; store@1" in printed(print_fetch_report, report)
    assert list(stored_series()) == []  # simulated


def test_a_revised_value_is_counted(monkeypatch, deliveries):
    fetched(monkeypatch, deliveries)
    one = deliveries[0]
    row = pl.int_range(pl.len()) == 3
    changed = one.macro.with_columns(value=pl.when(row).then(pl.col("value") + 1).otherwise("value"))
    report = fetched(monkeypatch, [replace(one, macro=changed)])
    assert report.to_dict()["macro"] == {"new": 0, "revised": 1}


def test_a_fetch_of_bars_alone_does_not_speak_of_macro(monkeypatch):
    report = fetched(monkeypatch, [delivery("IWM", simulated=True)])
    assert "macro" not in printed(print_fetch_report, report)
    assert "Macro" not in printed(print_store_info, store_info())
    assert report.to_dict()["macro"] == {"new": 0, "revised": 0}


def test_store_info_lists_series_and_rows_beside_symbols_and_bars(monkeypatch, deliveries):
    fetched(monkeypatch, [delivery("IWM", simulated=True), *deliveries])
    n = sum(one.macro.height for one in deliveries)
    text = printed(print_store_info, store_info())
    header, row = (line.split() for line in text.splitlines()[-2:])
    assert header == ["Source", "Symbols", "Bars", "Series", "Macro", "rows", "First", "Last", "Fetched"]
    assert row[:6] == ["provider", "(SIMULATED)", "1", "3", f"{len(deliveries)}", f"{n:,}"]
    assert list(stored_symbols()) == []
