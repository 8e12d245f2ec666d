"""Planted damage: what verification finds, and what a reader is told instead of wrong numbers."""

import errno
import os
import random
import shutil
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from made import NOW, bar_rows, delivery

from openapex.errors import CorruptStore, StoreError
from openapex.store import Store
from openapex.store.files import write_file
from openapex.store.log import CONFIGURATION, Added, Conflict, Log


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    store.ingest([delivery(name, [float(i) for i in range(1, 400)]) for name in ("IWM", "SPY")], now=NOW)
    return store


def data_files(store):
    return sorted((store.home / "market").rglob("bucket=*/*.parquet"))


def rules(store):
    return [problem.rule for problem in store.verify()]


def test_every_flipped_bit_is_found_and_never_served(store):
    file = data_files(store)[0]
    sound = file.read_bytes()
    chance = random.Random(20240102)
    for number in range(200):
        damaged = bytearray(sound)
        damaged[chance.randrange(len(sound))] ^= 1 << chance.randrange(8)
        file.write_bytes(damaged)
        with pytest.raises(CorruptStore, match=r"is damaged: .* run `apex store verify`"):
            store.read(["IWM", "SPY"])
        if number % 10 == 0:
            assert rules(store) == ["damaged_file"]
    file.write_bytes(sound)
    assert store.verify() == ()


def test_a_truncated_file_is_found(store):
    file = data_files(store)[0]
    file.write_bytes(file.read_bytes()[:-100])
    (problem,) = store.verify()
    assert problem.rule == "damaged_file"
    assert file.name in str(problem)


def test_a_missing_file_is_named(store):
    file = data_files(store)[0]
    file.unlink()
    (problem,) = store.verify()
    assert (problem.rule, Path(problem.path).name) == ("missing_file", file.name)
    assert "is missing, must be there as the log says" in str(problem)
    with pytest.raises(CorruptStore, match="is missing"):
        store.read(["IWM", "SPY"])


def test_a_damaged_log_entry_is_named_with_the_next_step(store):
    entry = store.home / "market" / "_delta_log" / "00000000000000000001.json"
    entry.write_bytes(b"\x00{{" + entry.read_bytes()[3:])
    (problem,) = store.verify()
    assert problem.rule == "unreadable_log"
    for use in (store.info, store.symbols, lambda: store.read("IWM"), lambda: store.ingest([delivery()], now=NOW)):
        with pytest.raises(CorruptStore, match="restore the folder from a backup"):
            use()


def test_every_flipped_bit_of_a_log_entry_that_changes_an_answer_is_found(store):
    entry = store.home / "market" / "_delta_log" / "00000000000000000001.json"
    sound, answer = entry.read_bytes(), store.content_hash()
    chance = random.Random(7)
    n_found = 0
    for _ in range(60):
        damaged = bytearray(sound)
        damaged[chance.randrange(len(sound))] ^= 1 << chance.randrange(7)
        entry.write_bytes(damaged)
        if store.verify():
            n_found += 1
        else:
            assert store.content_hash() == answer
    assert n_found > 30


def test_a_checkpoint_that_disagrees_with_the_log_entries_is_found(tmp_path, monkeypatch):
    monkeypatch.setitem(CONFIGURATION, "delta.checkpointInterval", "2")
    store = Store(tmp_path)
    for close in range(1, 6):
        store.ingest([delivery(closes=(float(close),))], now=NOW)
    folder = store.home / "market" / "_delta_log"
    assert list(folder.glob("*.checkpoint.parquet"))
    assert store.verify() == ()
    entry = folder / "00000000000000000002.json"
    entry.write_text("\n".join(line for line in entry.read_text().splitlines() if '"remove"' not in line))
    (problem,) = store.verify()
    assert problem.rule == "unreadable_log"
    assert "checkpoint and log entries disagree" in str(problem)


def test_a_lost_log_is_named_and_nothing_is_written_over_the_data(store):
    shutil.rmtree(store.home / "market" / "_delta_log")
    assert rules(store) == ["missing_log"]
    for use in (store.info, lambda: store.find("IWM"), lambda: store.ingest([delivery()], now=NOW)):
        with pytest.raises(CorruptStore, match="has data files but no log"):
            use()


def test_a_damaged_file_of_an_old_version_is_found(store):
    file = next(path for path in data_files(store))
    store.ingest([delivery(name, (77.0,)) for name in ("IWM", "SPY")], now=NOW)
    file.write_bytes(b"PAR1")
    assert rules(store) == ["damaged_old_version"]


def test_what_a_killed_process_leaves_is_room_and_no_problem(store):
    folder = data_files(store)[0].parent
    (folder / f"{'0' * 64}-deadbeef.parquet").write_bytes(b"half a file")
    assert store.verify() == ()
    assert store.info().n_leftover_bytes == len(b"half a file")


def _plant(store, rows, bucket, replace=True):
    """Commit rows behind the store's back."""
    log = Log(store.home / "market")
    snapshot = log.snapshot()
    file, size = write_file(log.root, ("bars", "files", bucket), rows)
    removed = snapshot.select("bars", "files", [bucket]) if replace else ()
    log.commit(snapshot, [Added(file, size, rows)], removed, NOW)


def _rows(symbol="IWM", closes=(1.0, 2.0)):
    origin = {"basis": pl.lit("split_adjusted"), "simulated": pl.lit(False), "fetched_at": pl.lit(NOW)}
    return (
        bar_rows(symbol, closes)
        .with_columns(**origin)
        .with_columns(pl.col("fetched_at").cast(pl.Datetime("us", "UTC")))
    )


@pytest.mark.parametrize(
    ("rows", "bucket", "rule"),
    [
        (_rows().reverse(), 3, "unsorted"),
        (pl.concat([_rows(), _rows()]).sort("session"), 3, "repeated_key"),
        (_rows().with_columns(session=pl.Series([None, _rows()["session"][1]], dtype=pl.Date)), 3, "null_key"),
        (_rows(), 4, "wrong_bucket"),
        (_rows().drop("volume"), 3, "wrong_columns"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rows_that_break_a_rule_of_their_table_are_found(store, rows, bucket, rule):
    _plant(store, rows, bucket)
    assert rules(store) == [rule]


def test_two_files_for_one_bucket_are_found(store):
    _plant(store, _rows("IWM"), 3, replace=False)
    assert rules(store) == ["two_files"]


def test_of_two_commits_on_one_version_the_second_is_turned_away(store):
    # delta-rs with its own retries accepts both when the bucket was empty, and the key would stand twice.
    log = Log(store.home / "market")
    base = log.snapshot()
    first, second = (write_file(log.root, ("bars", "yahoo", 3), _rows()) for _ in range(2))
    version = log.commit(base, [Added(*first, _rows())], [], NOW)
    with pytest.raises(Conflict):
        log.commit(base, [Added(*second, _rows())], [], NOW)
    assert log.snapshot().version == version == base.version + 1
    assert store.verify() == ()


def test_a_full_disk_is_named_and_leaves_the_store_as_it_was(store, monkeypatch):
    before = store.content_hash()

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("openapex.store.files.os.fsync", full)
    with pytest.raises(StoreError, match=r"bucket=3.* cannot be written: No space left on device; free some space"):
        store.ingest([delivery(closes=(9.0,))], now=NOW)
    monkeypatch.undo()
    assert store.content_hash() == before
    assert store.info().n_leftover_bytes == 0
    assert store.verify() == ()


def test_a_full_disk_under_the_log_is_named_and_leaves_the_store_as_it_was(store, monkeypatch):
    # delta-rs's own words on a full tmpfs, deep in a text of several lines
    words = "Generic LocalFileSystem error\n  caused by: Unable to copy data to file: No space left (os error 28)"

    def full(*_, **__):
        raise CommitFailedError(words)

    before = store.content_hash()
    monkeypatch.setattr(DeltaTable, "create_write_transaction", full)
    with pytest.raises(StoreError, match="market cannot be written: No space left on device"):
        store.ingest([delivery(closes=(9.0,))], now=NOW)
    assert store.content_hash() == before
    assert store.info().n_leftover_bytes == 0


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    store = Store(tmp_path / "file")
    with pytest.raises(StoreError, match=r"file/market cannot be written: Not a directory; .* APEX_HOME"):
        store.ingest([delivery()], now=NOW)


def test_a_read_only_folder_is_named(tmp_path, monkeypatch):
    def read_only(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "mkdir", read_only)  # root, who may run this, is stopped by no permission bits
    with pytest.raises(StoreError, match="market cannot be written: Read-only file system"):
        Store(tmp_path / "home").ingest([delivery()], now=NOW)
