"""What is taken from yfinance, pinned; threads and the cookie cache, which it shares across a process."""

import inspect
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from yahoo_server import (
    Listing,
    YahooServer,
    source,
    yahoo_fixture,  # noqa: F401  (the fixture `yahoo`)
)

from openapex.sources.source import Delivery

NOW = datetime(2024, 12, 6, 15, 0, tzinfo=UTC)
DAYS = [day for n in range(60) if (day := date(2024, 10, 7) + timedelta(days=n)).weekday() < 5]
SUMMARY = {"quoteType": {"quoteType": "EQUITY"}}


def listing(symbol: str) -> Listing:
    """Forty bars that differ between symbols."""
    level = 10.0 + sum(map(ord, symbol)) % 50
    return Listing(symbol, [(day, level, level + 1, level - 1, level, 900) for day in DAYS], summary=SUMMARY)


def test_scenario_14_the_recorded_contract_with_yfinance() -> None:
    """An upgrade that moves what is used here fails loudly; read its change log before changing this record."""
    from yfinance import _http, cache, data, exceptions
    from yfinance.config import YfConfig

    recorded = {
        data.YfData.__init__: "(self, session=None)",
        data.YfData.get: "(self, url, params=None, timeout=30)",
        data.YfData._get_cookie_and_crumb: "(self, timeout=30)",
        data.YfData._load_cookie_curlCffi: "(self)",
        data.YfData._save_cookie_curlCffi: "(self)",
        cache.set_cache_location: "(cache_dir: str)",
        cache.get_cookie_cache: "()",
        cache._CookieDBManager.get_database: "()",
        cache._CookieCache.lookup: "(self, strategy)",
        _http.new_session: "()",
        _http.is_supported_session: "(obj) -> bool",
    }
    assert {name: str(inspect.signature(name)) for name in recorded} == recorded
    assert type(data.YfData) is data.SingletonMeta, "Transport.own goes past it"
    assert issubclass(exceptions.YFRateLimitError, exceptions.YFException)
    assert YfConfig.network.retries == 0, "retries are ours"
    assert hasattr(cache._CookieCacheManager, "_Cookie_cache")


def test_scenario_14_the_defaults_that_flipped_before_are_recorded_though_not_used() -> None:
    """`Ticker.history` is not called; this tells when its meaning changes again (auto_adjust did in 0.2.51)."""
    from yfinance.scrapers.history import PriceHistory

    defaults = {
        name: parameter.default for name, parameter in inspect.signature(PriceHistory.history).parameters.items()
    }
    flags = ("auto_adjust", "back_adjust", "repair", "keepna", "prepost", "actions", "rounding", "raise_errors")
    assert [defaults[name] for name in flags] == [True, False, False, False, False, True, False, False]


def test_importing_the_source_does_not_import_yfinance() -> None:
    code = (
        "import sys, openapex.sources.yahoo as y; y.YahooSource();"
        "print(sorted({'yfinance', 'pandas', 'curl_cffi', 'peewee'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_the_environment_can_name_another_host(yahoo: YahooServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from openapex.sources.yahoo import YahooSource

    yahoo.list_(listing("IWM"))
    monkeypatch.setenv("APEX_YAHOO_URL", yahoo.url)
    (answer,) = YahooSource(now=lambda: NOW, extras=False).fetch(["IWM"])
    assert isinstance(answer, Delivery)
    assert yahoo.log[0].host == "query2.finance.yahoo.com"


def test_a_requests_session_will_do(yahoo: YahooServer) -> None:
    import requests

    from openapex.sources.yahoo import YahooSource

    class ToLocalhost(requests.Session):
        def request(self, method: str, url: str, *args: object, **named: object) -> requests.Response:
            _, _, path = url.partition("finance.yahoo.com")
            return super().request(method, yahoo.url + path, *args, **named)  # type: ignore[arg-type]

    yahoo.list_(listing("IWM"))
    with ToLocalhost() as session:
        session.trust_env = False
        (answer,) = YahooSource(session, now=lambda: NOW, extras=False).fetch(["IWM"])
    assert isinstance(answer, Delivery)
    assert answer.bars.height == len(DAYS)


def together(n_threads: int, work: Callable[[int], object]) -> list[object]:
    """Run the same work in threads that start at once."""
    gate = threading.Barrier(n_threads)

    def run(n: int) -> object:
        gate.wait(10)
        return work(n)

    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(run, range(n_threads)))


def test_scenario_21_eight_threads_on_one_source_do_not_mix_ranges(yahoo: YahooServer) -> None:
    yahoo.list_(listing("IWM"))
    shared = source(yahoo, NOW, requests_per_second=1e6, extras=True)

    def work(n: int) -> list[list[date]]:
        found = []
        for turn in range(5):
            begin, end = DAYS[n + turn], DAYS[n + turn + 10]
            (answer,) = shared.fetch(["IWM"], start=begin, end=end)
            assert isinstance(answer, Delivery)
            found.append(answer.bars["session"].to_list())
        return found

    for n, found in enumerate(together(8, work)):
        assert found == [DAYS[n + turn : n + turn + 11] for turn in range(5)]


def test_scenario_21_eight_sources_with_their_own_sessions_stay_apart(yahoo: YahooServer) -> None:
    with YahooServer() as other:
        yahoo.list_(listing("IWM"))
        other.list_(listing("SPY"))

        def work(n: int) -> list[str]:
            server, symbol = ((yahoo, "IWM"), (other, "SPY"))[n % 2]
            own = source(server, NOW, requests_per_second=1e6, extras=True)
            return [type(answer).__name__ for _ in range(5) for answer in own.fetch([symbol])]

        assert together(8, work) == [["Delivery"] * 5] * 8


@pytest.fixture
def cookie_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for the cookie; yfinance's own place is restored afterwards."""
    from yfinance import cache

    before = cache._CookieDBManager.get_location()
    yield tmp_path / "cache"
    cache.set_cache_location(before)
    cache._CookieCacheManager._Cookie_cache = None


def fetched(yahoo: YahooServer, folder: Path) -> Delivery:
    """Fetch twice with a new source (so that a warning could repeat) and return the first answer."""
    yahoo.list_(listing("IWM"))
    first, second = source(yahoo, NOW, extras=True, cache_folder=folder).fetch(["IWM", "IWM"])
    assert isinstance(first, Delivery)
    assert isinstance(second, Delivery)
    assert second.warnings == ()
    assert first.facts.height == second.facts.height == 1
    return first


def test_the_cookie_is_kept_where_the_caller_says(yahoo: YahooServer, cookie_folder: Path) -> None:
    assert fetched(yahoo, cookie_folder).warnings == ()
    assert (cookie_folder / "cookies.db").exists()


def test_without_a_folder_nothing_is_written(
    yahoo: YahooServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from yfinance import cache

    monkeypatch.setattr(cache._CookieDBManager, "_cache_dir", str(tmp_path / "never"))
    monkeypatch.setattr(cache._CookieDBManager, "_db", None)
    monkeypatch.setattr(cache._CookieCacheManager, "_Cookie_cache", None)
    yahoo.list_(listing("IWM"))
    (answer,) = source(yahoo, NOW, extras=True).fetch(["IWM"])
    assert isinstance(answer, Delivery)
    assert answer.facts.height == 1
    assert not (tmp_path / "never").exists()


def test_scenario_22_a_corrupt_cache_is_rebuilt(yahoo: YahooServer, cookie_folder: Path) -> None:
    cookie_folder.mkdir()
    (cookie_folder / "cookies.db").write_bytes(b"this is no database" * 500)
    assert fetched(yahoo, cookie_folder).warnings == ()
    with sqlite3.connect(cookie_folder / "cookies.db") as connection:
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
    connection.close()


def test_scenario_22_a_cache_with_other_tables_works(yahoo: YahooServer, cookie_folder: Path) -> None:
    cookie_folder.mkdir()
    connection = sqlite3.connect(cookie_folder / "cookies.db")
    connection.execute("CREATE TABLE other (x)")
    connection.commit()
    connection.close()
    assert fetched(yahoo, cookie_folder).warnings == ()


def test_scenario_22_a_locked_cache_costs_one_warning(yahoo: YahooServer, cookie_folder: Path) -> None:
    cookie_folder.mkdir()
    holder = sqlite3.connect(cookie_folder / "cookies.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        (warning,) = fetched(yahoo, cookie_folder).warnings
    finally:
        holder.close()
    assert "cookie cache" in warning
    assert "locked" in warning


def test_scenario_22_a_folder_that_cannot_be_made_costs_one_warning(yahoo: YahooServer, cookie_folder: Path) -> None:
    cookie_folder.write_text("a file stands where the folder should be")
    (warning,) = fetched(yahoo, cookie_folder).warnings
    assert str(cookie_folder) in warning


def test_scenario_22_a_cache_that_breaks_while_in_use_costs_one_warning(
    yahoo: YahooServer, cookie_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import peewee
    from yfinance import cache

    def broken(*_: object) -> None:
        raise peewee.OperationalError("no such table: _cookieschema")

    monkeypatch.setattr(cache._CookieCache, "lookup", broken)
    (warning,) = fetched(yahoo, cookie_folder).warnings
    assert "no such table" in warning
