"""What Yahoo does wrong, one named error each; nothing is retried for ever and nobody is called delisted."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from yahoo_server import (
    NOT_FOUND,
    TOO_MANY,
    FakeTime,
    Fault,
    Listing,
    Request,
    YahooServer,
    source,
    yahoo_fixture,  # noqa: F401  (the fixture `yahoo`)
)

from openapex.errors import ApexError, BadInput, BadPayload, NetworkError, RateLimited, UnknownSymbol
from openapex.sources.pace import BREAK_AFTER
from openapex.sources.source import Delivery, Failure, NoNewData
from openapex.sources.yahoo import YahooSource, yahoo_session

NOW = datetime(2024, 12, 6, 15, 0, tzinfo=UTC)
WEEK = [date(2024, 12, 2) + timedelta(days=n) for n in range(4)]
HTML = "<!DOCTYPE html><html><head><title>Yahoo</title></head><body><h1>Will be right back</h1></body></html>"


def week(symbol: str = "IWM") -> Listing:
    """Four plain bars."""
    return Listing(symbol, [(day, 100.0, 101.0, 99.0, 100.5, 1_000_000) for day in WEEK])


def chart_fault(fault: Fault) -> Callable[[Request], Fault | None]:
    """Order a fault for charts only."""
    return lambda request: fault if "/chart/" in request.path else None


def one_failure(yahoo: YahooServer, **given: object) -> ApexError:
    """Fetch IWM and return the error it fails with."""
    answers = list(source(yahoo, NOW, **given).fetch(["IWM"]))
    assert len(answers) == 1
    assert isinstance(answers[0], Failure)
    return answers[0].error


@pytest.mark.slow
def test_scenario_01_bursts_of_429_over_2000_tickers_all_end_named(yahoo: YahooServer) -> None:
    symbols = [f"S{n}" for n in range(2000)]
    yahoo.list_(*(week(symbol) for symbol in symbols))
    time = FakeTime(NOW)

    def refuse_a_fifth(request: Request) -> Fault | None:
        if time.passed_s % 100 < 80:
            return None
        return Fault(429, TOO_MANY.body, {"Retry-After": "5"}) if request.n % 3 == 0 else TOO_MANY

    yahoo.faults = refuse_a_fifth
    answers = list(source(yahoo, NOW, time, requests_per_second=10.0).fetch(symbols))
    failed = [answer for answer in answers if isinstance(answer, Failure)]
    assert [answer.symbol for answer in answers] == symbols
    assert all(isinstance(answer.error, RateLimited) and answer.symbol in str(answer.error) for answer in failed)
    assert not any("delisted" in str(answer.error) for answer in failed)
    assert len(failed) <= 5, "bursts of 20 s are waited out by almost all"
    assert 2000 < len(yahoo.log) < 2300
    assert time.passed_s > 2000 / 10 - 1, "the cap holds"


def test_scenario_01_a_lasting_429_stops_after_few_requests_and_names_every_symbol(yahoo: YahooServer) -> None:
    yahoo.faults = lambda request: TOO_MANY
    symbols = [f"S{n}" for n in range(2000)]
    answers = list(source(yahoo, NOW).fetch(symbols))
    assert [answer.symbol for answer in answers] == symbols
    assert all(isinstance(answer, Failure) and isinstance(answer.error, RateLimited) for answer in answers)
    assert all(answer.symbol in str(answer.error) for answer in answers if isinstance(answer, Failure))
    assert len(yahoo.log) == BREAK_AFTER


def test_scenario_01_the_breaker_lets_one_request_through_after_its_cool_down(yahoo: YahooServer) -> None:
    yahoo.list_(week("A"), week("B"))
    yahoo.faults = lambda request: TOO_MANY
    time = FakeTime(NOW)
    asked = source(yahoo, NOW, time)
    list(asked.fetch([f"S{n}" for n in range(20)]))
    yahoo.faults = lambda request: None
    assert isinstance(next(asked.fetch(["A"])), Failure)
    time.sleep(61)
    assert all(isinstance(answer, Delivery) for answer in asked.fetch(["A", "B"]))


def test_scenario_01_retry_after_is_obeyed(yahoo: YahooServer) -> None:
    yahoo.list_(week())
    time = FakeTime(NOW)
    yahoo.faults = lambda request: Fault(429, "", {"Retry-After": "17"}) if request.n == 0 else None
    (answer,) = source(yahoo, NOW, time).fetch(["IWM"])
    assert isinstance(answer, Delivery)
    assert len(yahoo.log) == 2
    assert 17 <= time.passed_s <= 19


def test_scenario_01_a_retry_after_of_an_hour_is_not_waited_for(yahoo: YahooServer) -> None:
    time = FakeTime(NOW)
    yahoo.faults = lambda request: Fault(429, "", {"Retry-After": "3600"})
    (answer,) = source(yahoo, NOW, time).fetch(["IWM"])
    assert isinstance(answer, Failure)
    assert isinstance(answer.error, RateLimited)
    assert (len(yahoo.log), time.passed_s) == (1, 0.0)


def test_symbols_past_the_deadline_are_named_and_not_asked_for(yahoo: YahooServer) -> None:
    symbols = [f"S{n}" for n in range(50)]
    yahoo.list_(*(week(symbol) for symbol in symbols))
    answers = list(source(yahoo, NOW, requests_per_second=1.0, deadline_s=20.0).fetch(symbols))
    late = [answer for answer in answers if isinstance(answer, Failure)]
    assert len(answers) == 50
    assert len(answers) - len(late) == len(yahoo.log) <= 29
    assert all(isinstance(answer.error, NetworkError) and "deadline" in str(answer.error) for answer in late)


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault(200, HTML), BadPayload, "Will be right back"),
        (Fault(502, HTML), BadPayload, "HTTP 502"),
        (Fault(404, HTML), BadPayload, "HTTP 404"),
        (Fault(404, '{"chart":{"result":null,"error":{"code":"X","description":"gone"}}}'), BadPayload, "gone"),
        (Fault(200, '{"chart":{"result":[{"meta":{"cur'), BadPayload, '{"chart":{"result"'),
        (Fault(200, json.dumps(week().chart(0, 2**31)), manner="cut"), BadPayload, "IncompleteRead"),
        (Fault(200, json.dumps(week().chart(0, 2**31)), manner="bad_gzip"), BadPayload, "does not unpack"),
        (Fault(200, '{"chart":{"result":null,"error":null}}'), BadPayload, "result is None"),
        (Fault(200, '{"chart":{"result":[],"error":null}}'), BadPayload, "result is []"),
        (Fault(200, '{"finance":{"other":1}}'), BadPayload, "result is None"),
        (Fault(200, '{"chart":{"result":[{"meta":{}}],"error":null}}'), BadPayload, "exchangeTimezoneName"),
        (Fault(200, "[1]"), BadPayload, "must be JSON"),
        (Fault(200, ""), BadPayload, "an empty body"),
        (
            Fault(401, '{"finance":{"result":null,"error":{"code":"Unauthorized","description":"Invalid Crumb"}}}'),
            BadPayload,
            "Invalid Crumb",
        ),
        (Fault(500, '{"chart":{"result":null,"error":{"code":"X","description":"boom"}}}'), BadPayload, "boom"),
        (Fault(manner="reset"), NetworkError, "was not reached"),
        (Fault(200, "Too Many Requests"), RateLimited, "Too Many Requests"),
        (Fault(999, "no"), RateLimited, "999"),
    ],
)
def test_scenario_02_every_broken_answer_has_its_name(
    yahoo: YahooServer, fault: Fault, error: type[ApexError], words: str
) -> None:
    yahoo.list_(week())
    yahoo.faults = chart_fault(fault)
    raised = one_failure(yahoo)
    assert isinstance(raised, error)
    assert words in str(raised)
    assert "IWM" in str(raised)
    assert "delisted" not in str(raised)
    assert len(yahoo.charts_asked()) <= 10


@pytest.mark.parametrize("manner", ["answer", "cut", "bad_gzip", "reset"])
def test_scenario_02_a_fault_that_passes_is_retried(yahoo: YahooServer, manner: str) -> None:
    yahoo.list_(week())
    yahoo.faults = lambda request: Fault(200, HTML, manner=manner) if request.n < 2 else None
    (answer,) = source(yahoo, NOW).fetch(["IWM"])
    assert isinstance(answer, Delivery)
    assert len(yahoo.log) == 3


def test_scenario_02_a_server_that_hangs_is_a_network_error_at_the_deadline(yahoo: YahooServer) -> None:
    yahoo.faults = lambda request: Fault(manner="hang")
    asked = YahooSource(yahoo_session(yahoo.url), now=lambda: NOW, deadline_s=0.3, extras=False)
    first, second = asked.fetch(["IWM", "SPY"])
    assert isinstance(first, Failure)
    assert isinstance(first.error, NetworkError)
    assert "Timeout" in str(first.error)
    assert isinstance(second, Failure)
    assert isinstance(second.error, NetworkError)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://host.invalid", "https://127.0.0.1:{port}"])
def test_scenario_02_refused_unknown_and_tls_hosts_are_network_errors(yahoo: YahooServer, url: str) -> None:
    session = yahoo_session(url.format(port=yahoo.url.rpartition(":")[2]))
    time = FakeTime(NOW)
    (answer,) = YahooSource(session, now=time.now, timers=time.timers(), retries=1).fetch(["IWM"])
    assert isinstance(answer, Failure)
    assert isinstance(answer.error, NetworkError)
    assert "delisted" not in str(answer.error)


@pytest.mark.parametrize("manner", ["reset", "answer"])
def test_scenario_02_blocked_cookie_hosts_cost_the_facts_not_the_prices(yahoo: YahooServer, manner: str) -> None:
    symbols = ["IWM", "SPY", "QQQ", "DIA"]
    yahoo.list_(*(week(symbol) for symbol in symbols))
    data_host = "query2.finance.yahoo.com"
    blocked = Fault(403, HTML, manner=manner)
    yahoo.faults = lambda request: blocked if request.host != data_host or "getcrumb" in request.path else None
    answers = list(source(yahoo, NOW, extras=True).fetch(symbols))
    assert all(isinstance(answer, Delivery) and answer.bars.height == 4 for answer in answers)
    assert all("no fundamentals" in " ".join(answer.warnings) for answer in answers if isinstance(answer, Delivery))
    assert len(yahoo.charts_asked()) == 4
    assert len([request for request in yahoo.log if request.host != data_host]) <= 8, "tried once, not per symbol"


def test_scenario_02_cookie_hosts_that_hang_cost_little_time(
    yahoo: YahooServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openapex.sources.yahoo_session.COOKIE_TIMEOUT_S", 0.1)
    yahoo.list_(week("IWM"), week("SPY"))
    yahoo.faults = lambda request: None if request.host == "query2.finance.yahoo.com" else Fault(manner="hang")
    answers = list(source(yahoo, NOW, extras=True).fetch(["IWM", "SPY"]))
    assert all(isinstance(answer, Delivery) and "not to be had" in answer.warnings[-1] for answer in answers)
    assert len([request for request in yahoo.log if request.host != "query2.finance.yahoo.com"]) == 2


def test_scenario_02_the_crumb_routine_runs_when_charts_want_a_login(yahoo: YahooServer) -> None:
    yahoo.list_(week())
    refusal = Fault(401, '{"finance":{"result":null,"error":{"code":"Unauthorized","description":"Invalid Crumb"}}}')
    yahoo.faults = lambda request: refusal if "/chart/" in request.path and "crumb" not in request.params else None
    (answer,) = source(yahoo, NOW).fetch(["IWM"])
    assert isinstance(answer, Delivery)
    assert yahoo.charts_asked()[-1].params["crumb"] == "a.Crumb"


def test_scenario_03_an_empty_answer_for_a_known_symbol_is_no_new_data(yahoo: YahooServer) -> None:
    yahoo.list_(week())
    (answer,) = source(yahoo, NOW).fetch(["IWM"], start=date(2024, 12, 6))
    assert isinstance(answer, NoNewData)
    assert "2024-12-06" in answer.reason


def test_scenario_03_yahoo_saying_that_the_span_is_empty_is_no_new_data(yahoo: YahooServer) -> None:
    words = "Data doesn't exist for startDate = 1, endDate = 2"
    error = {"code": "Bad Request", "description": words}
    yahoo.faults = chart_fault(Fault(400, json.dumps({"chart": {"result": None, "error": error}})))
    (answer,) = source(yahoo, NOW).fetch(["IWM"])
    assert isinstance(answer, NoNewData)
    assert words in answer.reason
    assert len(yahoo.log) == 1


def test_scenario_04_one_typo_of_500_is_named_and_the_others_come(yahoo: YahooServer) -> None:
    symbols = [f"S{n}" for n in range(500)]
    yahoo.list_(*(week(symbol) for symbol in symbols if symbol != "S250"))
    answers = list(source(yahoo, NOW, requests_per_second=50.0).fetch(symbols))
    failed = [answer for answer in answers if isinstance(answer, Failure)]
    assert [answer.symbol for answer in failed] == ["S250"]
    assert isinstance(failed[0].error, UnknownSymbol)
    assert sum(isinstance(answer, Delivery) for answer in answers) == 499
    assert len(yahoo.log) == 500, "one request per symbol, also for the unknown one"


def test_scenario_04_all_typos_are_all_named(yahoo: YahooServer) -> None:
    answers = list(source(yahoo, NOW).fetch(["IWMM", "SPYY"]))
    assert [type(answer.error) for answer in answers if isinstance(answer, Failure)] == [UnknownSymbol] * 2
    assert all("Yahoo says" in str(answer.error) for answer in answers if isinstance(answer, Failure))


def test_only_yahoo_itself_makes_a_symbol_unknown(yahoo: YahooServer) -> None:
    yahoo.faults = chart_fault(NOT_FOUND)
    assert isinstance(one_failure(yahoo), UnknownSymbol)


@pytest.mark.parametrize("symbol", ["../x", "..", "A/B", "", "iwm", "A B", "É"])
def test_what_cannot_be_a_symbol_is_never_asked_for(yahoo: YahooServer, symbol: str) -> None:
    (answer,) = source(yahoo, NOW).fetch([symbol])
    assert isinstance(answer, Failure)
    assert isinstance(answer.error, UnknownSymbol)
    assert yahoo.log == []


@pytest.mark.parametrize("symbol", ["NA", "NULL", "TRUE", "CON", "^RUT", "M&M.NS", "0700.HK", "BTC-USD", "EURUSD=X"])
def test_scenario_23_odd_symbols_arrive_as_written(yahoo: YahooServer, symbol: str) -> None:
    yahoo.list_(week(symbol))
    (answer,) = source(yahoo, NOW).fetch([symbol])
    assert isinstance(answer, Delivery)
    assert answer.bars["symbol"].unique().to_list() == [symbol]


def test_a_share_class_is_asked_for_in_yahoos_spelling_and_delivered_in_the_users(yahoo: YahooServer) -> None:
    listing = week("BRK-B")
    listing.news = [{"title": "Up", "providerPublishTime": 1733400000, "relatedTickers": ["BRK-B"]}]
    yahoo.list_(listing)
    (answer,) = source(yahoo, NOW, extras=True).fetch(["BRK.B"])
    assert isinstance(answer, Delivery)
    assert answer.symbol == "BRK.B"
    assert {*answer.bars["symbol"], *answer.headlines["symbol"]} == {"BRK.B"}


@pytest.mark.parametrize("given", [{"requests_per_second": 0.0}, {"retries": -1}, {"deadline_s": 0.0}])
def test_bad_numbers_are_refused(given: dict[str, float]) -> None:
    with pytest.raises(BadInput, match=f"{next(iter(given))} is .*, must be"):
        YahooSource(**given)  # type: ignore[arg-type]


def test_a_span_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(BadInput, match="must not be after end"):
        list(YahooSource().fetch(["IWM"], start=date(2024, 12, 6), end=date(2024, 12, 5)))


def test_a_session_of_another_kind_is_refused() -> None:
    (answer,) = YahooSource(object(), extras=False).fetch(["IWM"])
    assert isinstance(answer, Failure)
    assert isinstance(answer.error, BadInput)
