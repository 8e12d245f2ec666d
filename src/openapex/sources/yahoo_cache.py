"""yfinance's cookie cache, made harmless: a locked, read-only or corrupt file costs one warning, never the data."""

import pickle
import sqlite3
from pathlib import Path
from typing import Any

from peewee import PeeweeException
from yfinance import cache
from yfinance.data import YfData

CACHE_FAULTS = (PeeweeException, sqlite3.Error, OSError, pickle.UnpicklingError, EOFError, LookupError)
LOCK_TIMEOUT_S = 0.5


class Transport(YfData):  # type: ignore[misc]
    """yfinance's transport with its cookie kept in a given folder, or in memory alone.

    `YfData` is a singleton of the process whose session is replaced by whoever asks last; `Transport.own` makes an
    instance that belongs to one source.

    Parameters
    ----------
    session : session
        A curl_cffi or requests session.
    folder : Path or None
        Where the cookie is kept between processes; None is in memory.
    """

    def __init__(self, session: Any, folder: Path | None) -> None:
        super().__init__(session=session)
        self.warnings: list[str] = []
        self._folder = folder
        if folder is not None:
            self._kept(lambda: _open(folder))

    @classmethod
    def own(cls, session: Any, folder: Path | None) -> "Transport":
        """Return a new instance, past the singleton."""
        made: Transport = type.__call__(cls, session, folder)
        return made

    def _load_cookie_curlCffi(self) -> bool:  # noqa: N802  (yfinance's name)
        return bool(self._kept(super()._load_cookie_curlCffi))

    def _save_cookie_curlCffi(self) -> bool:  # noqa: N802  (yfinance's name)
        return bool(self._kept(super()._save_cookie_curlCffi))

    def _kept(self, use: Any) -> Any:
        """Use the cache; on a fault rebuild it once, then go on without it and say so once."""
        if self._folder is None:
            return False
        try:
            return use()
        except CACHE_FAULTS as error:
            folder, cause = self._folder, error
        try:
            _rebuild(folder)
            return use()
        except CACHE_FAULTS:
            self._folder = None
            self.warnings.append(f"Yahoo's cookie cache in {folder} cannot be used ({cause}); going on without it")
            return False


def _open(folder: Path) -> None:
    """Point yfinance at the folder and touch the file, so that a fault shows here and not in a request."""
    cache.set_cache_location(str(folder))
    cache._CookieCacheManager._Cookie_cache = None
    folder.mkdir(parents=True, exist_ok=True)
    database = cache._CookieDBManager.get_database()
    database.timeout = LOCK_TIMEOUT_S
    cache.get_cookie_cache().lookup("curlCffi")


def _rebuild(folder: Path) -> None:
    """Replace a file that is no database; one that is merely locked stays and fails again."""
    cache.set_cache_location(str(folder))
    path = folder / "cookies.db"
    if path.exists() and _is_corrupt(path):
        for stale in folder.glob("cookies.db*"):
            stale.unlink()
    _open(folder)


def _is_corrupt(path: Path) -> bool:
    connection = sqlite3.connect(path, timeout=LOCK_TIMEOUT_S)
    try:
        return bool(connection.execute("PRAGMA quick_check").fetchone() != ("ok",))
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:
        return True
    finally:
        connection.close()
