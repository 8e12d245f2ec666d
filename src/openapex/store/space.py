"""Room on the disk: what takes it, and how it is given back without breaking a version that is still wanted."""

from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path

from openapex.errors import BadInput
from openapex.store.files import DataFile, unwritable
from openapex.store.log import Log

SHELTER = timedelta(days=1)
"""A file younger than this may belong to a process that has not committed yet, so it is never taken."""


def sizes_on_disk(home: Path) -> dict[Path, int]:
    """Return the size of every file below `home`; files that vanish meanwhile are left out."""
    sizes = {}
    for path in home.rglob("*"):
        try:
            if path.is_file():
                sizes[path] = path.stat().st_size
        except FileNotFoundError:
            continue
    return sizes


def vacuum(log: Log, *, keep_days: float, keep_versions: Collection[int], now: datetime) -> int:
    """Delete data files that no kept version uses; return the bytes given back.  See `Store.vacuum`."""
    if keep_days < 0:
        raise BadInput(f"keep_days is {keep_days}, must be at least 0")
    if now.tzinfo is None:
        raise BadInput(f"now is {now}, must have a time zone")
    if not log.exists():
        return 0
    on_disk = {path: size for path, size in sizes_on_disk(log.root).items() if path.parent.name.startswith("bucket=")}
    kept = {log.root / file.path for file in _kept_files(log, now - timedelta(days=keep_days), keep_versions)}
    oldest = (now - SHELTER).timestamp()
    freed = 0
    for path, size in on_disk.items():
        try:
            if path not in kept and path.stat().st_mtime < oldest:
                path.unlink()
                freed += size
        except FileNotFoundError:
            continue
        except OSError as error:
            raise unwritable(path, error) from error
    return freed


def _kept_files(log: Log, since: datetime, versions: Collection[int]) -> set[DataFile]:
    """Return the files of the given versions and of every one that was the latest at some moment since."""
    made = log.made_at()
    first = max((version for version, moment in made.items() if moment <= since), default=0)
    cited = {version for version in versions if version in made}
    return log.ever_added(after=first).union(*(log.replayed(version) for version in cited | {first}))
