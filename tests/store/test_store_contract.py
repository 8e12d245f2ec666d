"""What every caller of the store may rely on."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from threading import Thread

import polars as pl
import pytest
from made import FIRST, NOW, bar_rows, closes_of, day, delivery
from polars.testing import assert_frame_equal

from openapex.errors import BadInput, NoData, StoreError, UnknownSymbol
from openapex.sources.source import ACTION_SCHEMA, BAR_SCHEMA, FACT_SCHEMA, HEADLINE_SCHEMA, MACRO_SCHEMA
from openapex.store import Store, store_home
from openapex.store.log import Conflict, Log
from openapex.store.tables import DELTA_COLUMNS, TABLES, bucket_of

FULL = {
    "actions": ((day(1), "dividend", 0.5), (day(2), "split", 2.0)),
    "headlines": (
        (datetime(2024, 1, 3, 15, tzinfo=UTC), "Up", "Wire"),
        (datetime(2024, 1, 3, 22, tzinfo=UTC), "Down", None),
    ),
    "facts": (("trailing_pe", day(0), 17.5, None), ("sector", day(2), None, "Fund")),
}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "home with space é")


def test_what_went_in_comes_out_sorted_and_dated(store):
    given = delivery(bars=bar_rows("IWM", [10.0, None, 12.0], provisional={2}).reverse(), **FULL)
    receipt = store.ingest([given], now=NOW)
    held = store.read("IWM")
    assert_frame_equal(held.bars, given.bars.sort("session").filter(pl.col("close").is_not_null()))
    assert_frame_equal(held.actions, given.actions)
    assert_frame_equal(held.headlines, given.headlines)
    assert_frame_equal(held.facts, given.facts, check_row_order=False)
    assert (held.symbol, held.source, held.simulated, held.basis) == ("IWM", "files", False, "split_adjusted")
    assert (held.fetched_at, held.version) == (NOW, receipt.version)
    assert (receipt.n_requested, receipt.n_new, receipt.symbols) == (1, 2, ("IWM",))


def test_stored_columns_are_those_that_sources_deliver():
    macro = {"symbol" if name == "series" else name: kind for name, kind in MACRO_SCHEMA.items()}
    expected = {
        "bars": BAR_SCHEMA, "actions": ACTION_SCHEMA, "headlines": HEADLINE_SCHEMA, "facts": FACT_SCHEMA, "macro": macro
    }  # fmt: skip
    assert {kind: table.delivered for kind, table in TABLES.items()} == expected


def test_ingesting_again_makes_no_commit(store):
    first = store.ingest([delivery(**FULL)], now=NOW)
    again = store.ingest([delivery(**FULL)], now=NOW + timedelta(days=1))
    assert (again.version, again.n_new, again.n_revised, again.n_unchanged) == (first.version, 0, 0, 3)
    assert store.read("IWM").fetched_at == NOW


def test_nan_and_null_are_the_same_unknown_and_so_are_both_zeros(store):
    bars = bar_rows("IWM", [0.0, 1.0]).with_columns(adj_close=pl.lit(float("nan")))
    store.ingest([delivery(bars=bars)], now=NOW)
    again = store.ingest([delivery(bars=bars.with_columns(adj_close=None))], now=NOW)
    minus = store.ingest([delivery(bars=bars.with_columns(low=pl.Series([-0.0, 1.0])))], now=NOW)
    assert again.n_unchanged == minus.n_unchanged == 2
    assert store.read("IWM").bars["adj_close"].to_list() == [None, None]


def test_a_revised_bar_is_served_and_the_old_one_stays_readable_at_its_version(store):
    old = store.ingest([delivery(closes=(10.0, 11.0))], now=NOW)
    new = store.ingest([delivery(closes=(10.0, 11.5))], now=NOW)
    assert (new.n_new, new.n_revised, new.n_unchanged) == (0, 1, 1)
    assert closes_of(store.read("IWM")) == [10.0, 11.5]
    assert closes_of(store.read("IWM", version=old.version)) == [10.0, 11.0]
    assert closes_of(store.read("IWM", version=int(old.version.removeprefix("store@")))) == [10.0, 11.0]


def test_a_settled_bar_replaces_a_provisional_one_and_never_the_other_way_round(store):
    store.ingest([delivery(closes=(10.0, 11.0), provisional={1})], now=NOW)
    newer = store.ingest([delivery(closes=(11.1,), start=1, provisional={1})], now=NOW)
    settled = store.ingest([delivery(closes=(11.5,), start=1)], now=NOW)
    late = store.ingest([delivery(closes=(11.2,), start=1, provisional={1})], now=NOW)
    assert (newer.n_revised, settled.n_revised) == (1, 1)
    assert (late.n_revised, late.n_superseded, late.version) == (0, 1, settled.version)
    assert closes_of(store.read("IWM")) == [10.0, 11.5]
    assert not store.read("IWM").bars["provisional"].any()


def test_of_a_provisional_and_a_settled_row_in_one_delivery_the_settled_one_is_kept(store):
    rows = pl.concat([bar_rows("IWM", [11.5]), bar_rows("IWM", [11.0], provisional={0})])
    assert store.ingest([delivery(bars=rows)], now=NOW).n_superseded == 1
    assert closes_of(store.read("IWM")) == [11.5]


@pytest.mark.parametrize(("basis", "simulated"), [("as_traded", False), ("split_adjusted", True)])
def test_prices_of_another_meaning_are_refused_by_name_and_the_rest_is_stored(store, basis, simulated):
    store.ingest([delivery()], now=NOW)
    receipt = store.ingest(
        [delivery(closes=(1.0,), basis=basis, simulated=simulated, **FULL), delivery("SPY")], now=NOW
    )
    (refused,) = receipt.refused
    assert isinstance(refused.error, BadInput)
    assert "basis of IWM is" in str(refused.error)
    assert receipt.warnings == (f"IWM was not stored: {refused.error}",)
    assert receipt.symbols == ("SPY",)
    assert closes_of(store.read("IWM")) == [10.0, 11.0, 12.0]
    assert store.read("IWM").actions.is_empty()


def test_two_meanings_in_one_ingest_are_refused_too(store):
    receipt = store.ingest([delivery(), delivery(basis="as_traded")], now=NOW)
    assert [one.symbol for one in receipt.refused] == ["IWM"]
    assert store.find("IWM") is None


def test_a_delivery_that_contradicts_itself_is_refused_by_name(store):
    wrong = [
        delivery("IWM", bars=bar_rows("SPY", [1.0])),
        delivery("", ()),
        delivery(bars=pl.DataFrame({"close": [1.0]})),
        delivery(bars=bar_rows("IWM", [1.0]).with_columns(close=pl.lit("n/a"))),
    ]
    receipt = store.ingest(wrong, now=NOW)
    assert [str(one.error).split(",")[0] for one in receipt.refused] == [
        "bars holds ['SPY']", "symbol is ''", "bars has columns ['close']", "bars are Schema([('symbol'",
    ]  # fmt: skip
    assert store.symbols() == ()


def test_numbers_of_another_type_are_read_as_numbers(store):
    bars = bar_rows("IWM", [1.5, 2.5]).with_columns(pl.col("close").cast(pl.Float32), pl.col("volume").cast(pl.Int64))
    store.ingest([delivery(bars=bars)], now=NOW)
    assert closes_of(store.read("IWM")) == [1.5, 2.5]
    assert store.verify() == ()


def test_a_store_that_is_always_busy_gives_up_with_a_name(store, monkeypatch):
    def busy(*_):
        raise Conflict

    monkeypatch.setattr(Log, "commit", busy)
    monkeypatch.setattr("openapex.store.ingest.PATIENCE_SECONDS", 0.01)
    with pytest.raises(StoreError, match=r"market was busy for 0\.01 s; try again"):
        store.ingest([delivery()], now=NOW)


def test_an_empty_delivery_deletes_nothing(store):
    first = store.ingest([delivery(**FULL)], now=NOW)
    receipt = store.ingest([delivery(closes=())], now=NOW)
    assert (receipt.version, receipt.symbols) == (first.version, ("IWM",))
    assert store.ingest([], now=NOW).version == first.version
    assert store.read("IWM").bars.height == 3


def test_rows_without_a_key_or_any_price_are_left_out_and_counted(store):
    bars = pl.concat([bar_rows("IWM", [1.0, None]), bar_rows("IWM", [3.0]).with_columns(session=None)])
    receipt = store.ingest([delivery(bars=bars, facts=(("pe", None, 1.0, None),))], now=NOW)
    assert receipt.warnings == (
        "IWM: 2 bars without session or any price were left out",
        "IWM: 1 facts without field or known_at were left out",
    )
    assert closes_of(store.read("IWM")) == [1.0]


def test_a_fund_with_equal_prices_day_after_day_keeps_every_bar(store):
    assert store.ingest([delivery("VWEAX", [5.0] * 40)], now=NOW).n_new == 40
    assert store.read("VWEAX").bars.height == 40


def test_end_cuts_everything_at_what_was_known_at_that_close(store):
    store.ingest([delivery(**FULL)], now=NOW)
    held = store.read("IWM", end=day(1))  # Wednesday 2024-01-03, close 21:00 UTC
    assert held.bars["session"].max() == day(1)
    assert held.actions["kind"].to_list() == ["dividend"]
    assert held.headlines["title"].to_list() == ["Up"]
    assert held.facts["field"].to_list() == ["trailing_pe"]


def test_on_a_day_without_session_what_was_published_that_day_is_known(store):
    saturday = datetime(2024, 1, 6, 12, tzinfo=UTC)
    store.ingest([delivery(headlines=((saturday, "News", None),))], now=NOW)
    assert store.read("IWM", end=date(2024, 1, 5)).headlines.is_empty()
    assert store.read("IWM", end=date(2024, 1, 6)).headlines.height == 1


def test_simulated_rows_come_only_by_name(store):
    store.ingest([delivery(source="demo", simulated=True)], now=NOW)
    assert store.find("IWM") is None
    assert store.symbols() == ()
    assert store.symbols("demo") == ("IWM",)
    with pytest.raises(UnknownSymbol):
        store.read("IWM")
    assert store.read("IWM", source="demo").simulated


def test_the_real_source_fetched_last_is_preferred(store):
    store.ingest([delivery(source="files", closes=(1.0,))], now=NOW)
    store.ingest([delivery(source="yahoo", closes=(2.0,))], now=NOW + timedelta(hours=1))
    store.ingest([delivery(source="demo", closes=(3.0,), simulated=True)], now=NOW + timedelta(hours=2))
    assert store.read("IWM").source == "yahoo"
    store.ingest([delivery(source="files", closes=(1.5,))], now=NOW + timedelta(hours=3))
    assert store.read("IWM").source == "files"
    assert closes_of(store.read("IWM", source="yahoo")) == [2.0]


def test_many_symbols_come_from_the_one_source_that_holds_the_most_of_them(store):
    names = ("A", "B", "C")
    store.ingest([delivery(name, source="files") for name in names], now=NOW)
    store.ingest([delivery("A", source="yahoo")], now=NOW + timedelta(hours=1))
    held = store.read(["C", "A", "B", "A"])
    assert (held.source, held.symbols, held.bars.height) == ("files", names, 9)
    assert held.bars.equals(held.bars.sort("symbol", "session"))
    with pytest.raises(BadInput, match="symbol was asked of 3 symbols, must be one"):
        _ = held.symbol


def test_unknown_symbols_and_versions_are_named_with_what_to_do(store):
    with pytest.raises(UnknownSymbol, match=r"must be one of the 0 stored in .* Get it with: apex fetch IWM"):
        store.read("IWM")
    assert store.find("IWM") is None
    with pytest.raises(NoData, match="version is 3"):
        store.read("IWM", version=3)
    store.ingest([delivery("IWM")], now=NOW)
    with pytest.raises(UnknownSymbol, match=r"symbol is 'IWN' and 1 more, .* Did you mean 'IWM'"):
        store.read(["IWM", "IWN", "QQQ"])
    with pytest.raises(NoData, match="version is 99, must be from 0 to 1"):
        store.read("IWM", version="store@99")
    with pytest.raises(BadInput, match="version is 'latest', must be a number"):
        store.read("IWM", version="latest")
    with pytest.raises(BadInput, match="symbols is empty"):
        store.read([])


@pytest.mark.parametrize("name", ["", "Yahoo", "../x", "a/b", "ü", "a b", "1a", "a" * 65])
def test_a_source_name_that_cannot_be_a_folder_is_refused(store, name):
    with pytest.raises(BadInput, match=r"source is .* must be lower-case"):
        store.ingest([delivery(source=name)], now=NOW)


def test_a_moment_without_zone_is_refused(store):
    with pytest.raises(BadInput, match="must have a time zone"):
        store.ingest([delivery()], now=datetime(2024, 1, 1))
    with pytest.raises(BadInput, match="must have a time zone"):
        store.vacuum(now=datetime(2024, 1, 1))
    with pytest.raises(BadInput, match="keep_days is -1, must be at least 0"):
        store.vacuum(now=NOW, keep_days=-1)


def test_info_tells_what_is_held(store):
    assert (store.info().version, store.info().sources, store.verify()) == ("empty", (), ())
    store.ingest([delivery("A"), delivery("B", (1.0,), start=9)], now=NOW)
    info = store.info()
    (part,) = info.sources
    assert (part.source, part.n_symbols, part.n_bars, part.first, part.last) == ("files", 2, 4, FIRST, day(9))
    assert (part.fetched_at, part.simulated, info.home) == (NOW, False, store.home)
    assert info.n_bytes > 1000
    assert info.n_leftover_bytes == 0
    assert info.to_dict()["sources"][0]["last"] == "2024-01-11"


def test_vacuum_frees_old_versions_but_those_that_are_cited(store):
    for close in (1.0, 2.0, 3.0, 4.0):
        store.ingest([delivery(closes=(close,))], now=NOW)
    soon, later = datetime.now(UTC), datetime.now(UTC) + timedelta(days=40)
    assert store.vacuum(now=soon, keep_days=0) == 0  # young files may belong to someone
    assert store.vacuum(now=later, keep_days=60) == 0
    assert store.vacuum(now=later, keep_versions=[2]) > 0
    assert closes_of(store.read("IWM", version=2)) == [2.0]
    assert closes_of(store.read("IWM")) == [4.0]
    assert store.vacuum(now=later, keep_versions=[2]) == 0
    with pytest.raises(NoData, match=r"version is 1, must be one that is still kept"):
        store.read("IWM", version=1)
    assert store.verify() == ()


def test_other_tools_read_the_table_as_plain_delta(tmp_path):
    store = Store(tmp_path)
    store.ingest([delivery(**FULL)], now=NOW)
    table = pl.scan_delta(str(store.home / "market"))
    assert table.collect_schema().names() == list(DELTA_COLUMNS)
    bars = table.filter(dataset="bars", symbol="IWM").select("session", "close", "bucket").sort("session").collect()
    assert bars.rows() == [(day(0), 10.0, bucket_of("IWM")), (day(1), 11.0, 3), (day(2), 12.0, 3)]


def test_threads_that_ingest_and_read_at_once_lose_nothing(store):
    names = [f"S{i}" for i in range(12)]

    def work(mine):
        for name in mine:
            store.ingest([delivery(name)], now=NOW)
            assert closes_of(store.read(name)) == [10.0, 11.0, 12.0]

    threads = [Thread(target=work, args=(names[i::4],)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.symbols() == tuple(sorted(names))
    assert store.verify() == ()


def test_home_is_apex_home_or_the_users_data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("APEX_HOME", str(tmp_path))
    assert store_home() == tmp_path
    monkeypatch.delenv("APEX_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert store_home().name == "openapex"


def test_importing_the_store_does_not_import_deltalake():
    code = "import sys, openapex.store; sys.exit('deltalake' in sys.modules or 'pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
