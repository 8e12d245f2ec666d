"""What FRED does wrong, one named error each; the key is in none of them."""

import json
import traceback
from datetime import UTC, datetime

import pytest
from fred_server import KEY, FredServer, fred_fixture, source  # noqa: F401  (the fixture `fred`)
from yahoo_server import FakeTime, Fault, Request

from openapex.errors import ApexError, BadInput, BadPayload, NetworkError, RateLimited, UnknownSymbol
from openapex.sources.fred import FredSource
from openapex.sources.pace import BREAK_AFTER
from openapex.sources.source import Delivery, Failure

NOW = datetime(2024, 12, 6, 20, 0, tzinfo=UTC)
HTML = "<!DOCTYPE html><html><head><title>FRED</title></head><body><h1>We will be right back</h1></body></html>"
WHOLE = "observation_date,DGS2\n2024-12-03,4.17\n2024-12-04,4.13\n"


def two_series(fred: FredServer) -> None:
    """A series that is asked for without vintages and one with."""
    fred.publish("DGS2", ("2024-12-03", "2024-12-04", "4.17"), ("2024-12-04", "2024-12-05", "4.13"))
    fred.publish("UNRATE", ("2024-10-01", "2024-11-01", "4.1"), ("2024-11-01", "2024-12-06", "4.2"))


def one_failure(fred: FredServer, series: str = "DGS2", **given: object) -> ApexError:
    """Fetch a series and return the error it fails with."""
    (answer,) = source(fred, NOW, **given).fetch([series])
    assert isinstance(answer, Failure), answer
    return answer.error


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (HTML, 'FRED answered with "FRED We will be right back", must be CSV'),
        ("", "FRED answered with (an empty body), must be CSV"),
        (WHOLE.replace("DGS2", "DGS10"), 'FRED answered with the series "DGS10", must be DGS2'),
        (WHOLE[:-3], 'ends with "2024-12-03,4.17 2024-12-04,4.", must end with a whole line'),
        (WHOLE.replace("4.13", "n/a"), 'value of 2024-12-04 is "n/a", must be a number'),
        (WHOLE.replace("4.13", "inf"), 'value of 2024-12-04 is "inf", must be a number'),
        (WHOLE.replace("4.13", "1_000"), "must be a number"),
        (WHOLE.replace("2024-12-04", "12/04/2024"), 'date is "12/04/2024", must be a date'),
        (WHOLE.replace("2024-12-04", "2024-12-03"), "2024-12-03 follows 2024-12-03, must be in order"),
        (WHOLE + "2024-12-05,4.15,4.2\n", "must be a date and a value"),
        ("observation_date\n2024-12-04\n", "must be CSV of a date and DGS2"),
    ],
)
def test_an_answer_that_is_not_the_data_is_a_bad_payload_that_quotes_it(fred: FredServer, body: str, words: str):
    fred.faults = lambda request: Fault(200, body, {"Content-Type": "text/html"})
    error = one_failure(fred, retries=0)
    assert isinstance(error, BadPayload)
    assert str(error).startswith("DGS2: ")
    assert words in str(error)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (HTML, 'FRED answered HTTP 200 with "FRED We will be right back", must be JSON'),
        ("[1, 2]", "must be JSON observations"),
        ("null", "must be JSON observations"),
        ('{"realtime_start": "1776-07-04"', "must be JSON observations"),
        ("{}", "has realtime_start None, must be '1776-07-04'"),
    ],
)
def test_a_keyed_answer_that_is_not_the_data_is_a_bad_payload(fred: FredServer, body: str, words: str):
    fred.faults = lambda request: Fault(200, body)
    error = one_failure(fred, "UNRATE", retries=0, api_key=KEY)
    assert isinstance(error, BadPayload)
    assert words in str(error)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("realtime_end", "2024-12-06", "has realtime_end '2024-12-06', must be '9999-12-31'"),
        ("offset", 7, "has offset 7, must be 0"),
        ("count", 9, "ends after 2 values, must be 9"),
        ("count", None, "must have observations and count"),
        ("observations", None, "must have observations and count"),
        ("observations", [3], "observation is 3, must be an object"),
        ("observations", [{"date": "2024-10-01", "value": "4.1"}], 'realtime_start is "None", must be a date'),
        ("error_message", "Something broke", '"Something broke"'),
    ],
)
def test_a_changed_field_of_a_keyed_answer_is_never_data(fred: FredServer, field: str, value: object, words: str):
    two_series(fred)

    def changed(request: Request) -> Fault:
        payload = json.loads(fred.answer(request).body)
        if request.params["offset"] != "0":
            payload |= {"observations": []}
        return Fault(200, json.dumps(payload | {field: value}))

    fred.faults = changed
    error = one_failure(fred, "UNRATE", retries=0, api_key=KEY)
    assert isinstance(error, BadPayload)
    assert words in str(error)


@pytest.mark.parametrize("manner", ["cut", "bad_gzip"])
@pytest.mark.parametrize("key", [None, KEY])
def test_a_body_that_breaks_off_is_a_bad_payload(fred: FredServer, manner: str, key: str | None):
    fred.faults = lambda request: Fault(200, WHOLE, manner=manner)
    error = one_failure(fred, "UNRATE", retries=0, api_key=key)
    assert isinstance(error, BadPayload)
    assert "FRED's answer broke off or does not unpack" in str(error)


def test_a_refused_connection_is_a_network_error():
    (answer,) = FredSource("http://127.0.0.1:1", retries=0, timers=FakeTime(NOW).timers()).fetch(["DGS2"])
    assert isinstance(answer, Failure)
    assert isinstance(answer.error, NetworkError)
    assert "DGS2: FRED was not reached (ConnectionError" in str(answer.error)


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_fault_that_passes_is_asked_through(fred: FredServer, status: int):
    two_series(fred)
    fred.faults = lambda request: Fault(status, HTML) if request.n < 3 else None
    time = FakeTime(NOW)
    (answer,) = source(fred, NOW, time).fetch(["DGS2"])
    assert isinstance(answer, Delivery)
    assert len(fred.log) == 4
    assert sum(time.slept) > 2, "with waits that grow"


def test_a_lasting_500_is_quoted_and_says_nothing_about_the_series(fred: FredServer):
    fred.faults = lambda request: Fault(500, HTML)
    error = one_failure(fred)
    assert isinstance(error, BadPayload)
    assert 'FRED answered HTTP 500 with "FRED We will be right back"' in str(error)
    assert len(fred.log) == 5


def test_bursts_of_429_are_waited_out_as_long_as_told(fred: FredServer):
    two_series(fred)
    fred.faults = lambda request: Fault(429, "", {"Retry-After": "20"}) if request.n < 2 else None
    time = FakeTime(NOW)
    answers = list(source(fred, NOW, time, api_key=KEY).fetch(["DGS2", "UNRATE"]))
    assert [type(answer) for answer in answers] == [Delivery, Delivery]
    assert time.passed_s >= 40
    assert len(fred.log) == 4


def test_a_lasting_429_stops_after_few_requests_and_names_every_series(fred: FredServer):
    refusal = json.dumps({"error_code": 429, "error_message": "Too Many Requests.  Exceeded Rate Limit"})
    fred.faults = lambda request: Fault(429, refusal)
    asked = FredSource("http://127.0.0.1:1").symbols()
    answers = list(source(fred, NOW, api_key=KEY).fetch(asked))
    assert [answer.symbol for answer in answers] == list(asked)
    for answer in answers:
        assert isinstance(answer, Failure)
        assert isinstance(answer.error, RateLimited)
        assert answer.symbol in str(answer.error)
    assert len(fred.log) == BREAK_AFTER


def test_the_cap_holds_over_many_series(fred: FredServer):
    two_series(fred)
    time = FakeTime(NOW)
    list(source(fred, NOW, time, requests_per_second=2.0).fetch(["DGS2"] * 48))
    assert time.passed_s >= 20 - 1e-9


def test_past_the_deadline_every_series_left_is_a_named_failure(fred: FredServer):
    two_series(fred)
    time = FakeTime(NOW, moves_s=1.0)
    answers = list(source(fred, NOW, time, deadline_s=10.0).fetch(["DGS2", "UNRATE", "VIXCLS", "DFF", "ICSA"]))
    assert isinstance(answers[0], Delivery)
    assert isinstance(answers[-1], Failure)
    assert "ICSA was not asked for: the deadline" in str(answers[-1].error)


@pytest.mark.parametrize("key", [None, KEY])
def test_only_fred_itself_makes_a_series_unknown(fred: FredServer, key: str | None):
    error = one_failure(fred, "UNRATE", api_key=key)
    assert isinstance(error, UnknownSymbol)
    assert "series is 'UNRATE', must be one that FRED has (FRED says: " in str(error)
    assert len(fred.log) == 1, "no point in asking again"


def test_a_wrong_key_is_bad_input_that_names_the_variable(fred: FredServer):
    two_series(fred)
    error = one_failure(fred, "UNRATE", api_key="f" * 32)
    assert isinstance(error, BadInput)
    assert "FRED_API_KEY is a key that FRED refuses, must be a valid FRED key" in str(error)
    assert len(fred.log) == 1


@pytest.mark.parametrize("manner", ["answer", "cut", "bad_gzip", "reset"])
@pytest.mark.parametrize("status", [200, 400, 404, 429, 500])
@pytest.mark.parametrize("key", [KEY, "a key/with&signs"])
def test_the_key_is_in_no_error(fred: FredServer, manner: str, status: int, key: str):
    fred.faults = lambda request: Fault(status, f"You sent {request.params.get('api_key')}", manner=manner)
    error = one_failure(fred, "UNRATE", retries=0, api_key=key)
    text = "".join(traceback.format_exception(error))
    assert key not in text
    assert "signs" not in text


@pytest.mark.parametrize("key", [KEY, "a key/with&signs"])
def test_the_key_is_in_no_error_of_an_unreachable_host(key: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("openapex.sources.http_faults.UNREACHED", {})  # the transport's own words quote the address
    asked = FredSource("http://127.0.0.1:1", api_key=key, retries=0, timers=FakeTime(NOW).timers())
    (answer,) = asked.fetch(["UNRATE"])
    assert isinstance(answer, Failure)
    assert "api_key=***" in str(answer.error)
    text = "".join(traceback.format_exception(answer.error))
    assert key not in text
    assert "signs" not in text
    assert key not in repr(vars(asked))


def test_an_empty_key_is_no_key(fred: FredServer):
    two_series(fred)
    (answer,) = source(fred, NOW, api_key="  ").fetch(["UNRATE"])
    assert isinstance(answer, Delivery)
    assert [request.path for request in fred.log] == ["/graph/fredgraph.csv"]
