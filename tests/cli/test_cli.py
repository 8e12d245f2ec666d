"""The command: result on stdout, the rest on stderr, and exit codes that mean something."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from openapex.sessions import sessions_between


def apex(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    import os

    # an address on this machine where nothing listens stands for "no network"
    env = os.environ | {"APEX_HOME": str(home), "APEX_YAHOO_URL": "http://127.0.0.1:9", "COLUMNS": "118"}
    command = [sys.executable, "-m", "openapex.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=120, check=False)


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(5)
    days = sessions_between(date(2021, 1, 4), date(2024, 6, 28))
    frames = []
    for name in ("AAA", "BBB"):
        close = 50 * np.cumprod(1 + rng.normal(0.0003, 0.01, len(days)))
        frames.append(
            pl.DataFrame(
                {
                    "Date": days, "Symbol": [name] * len(days), "Open": close, "High": close * 1.01,
                    "Low": close * 0.99, "Close": close, "Adj Close": close, "Volume": [1e6] * len(days),
                }
            )
        )  # fmt: skip
    path = tmp_path_factory.mktemp("prices") / "prices.csv"
    pl.concat(frames).write_csv(path)
    return path


def test_analyze_prints_a_report_that_fits_one_screen(tmp_path: Path) -> None:
    done = apex(tmp_path, "analyze", "iwm", "--source", "demo", "--no-color")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "SIMULATED" in lines[0]
    assert "IWM" in lines[0]
    assert len(lines) <= 48
    assert max(len(line) for line in lines) <= 118
    assert all(title in done.stdout for title in ("RSI", "MACD", "Bollinger", "Volume", "MA Cross", "Fibonacci"))
    assert "\x1b[" not in done.stdout
    assert done.stderr == ""


def test_json_is_the_result_alone(tmp_path: Path) -> None:
    done = apex(tmp_path, "analyze", "IWM", "--source", "demo", "--json")
    assert json.loads(done.stdout)["symbol"] == "IWM"
    assert done.stderr == ""


def test_nothing_stored_and_no_network_says_what_to_do(tmp_path: Path) -> None:
    done = apex(tmp_path, "analyze", "IWM")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "nothing is stored for IWM" in done.stderr
    assert "apex import PATH" in done.stderr
    assert "--source demo" in done.stderr
    assert "Traceback" not in done.stderr


def test_import_then_analyze_from_the_store(tmp_path: Path, prices: Path) -> None:
    done = apex(tmp_path, "import", str(prices))
    assert done.returncode == 0, done.stderr
    assert "2 requested = 2 stored + 0 without new data + 0 failed" in done.stdout
    again = json.loads(apex(tmp_path, "import", str(prices), "--json").stdout)
    assert (again["bars"]["new"], again["bars"]["revised"]) == (0, 0)
    report = json.loads(apex(tmp_path, "analyze", "AAA", "--json").stdout)
    direct = json.loads(apex(tmp_path, "analyze", "AAA", "--data", str(prices), "--json").stdout)
    assert report["signals"] == direct["signals"]
    assert report["key_stats"] == direct["key_stats"]
    assert report["data"]["stale"] is True
    info = json.loads(apex(tmp_path, "store", "info", "--json").stdout)
    assert info["sources"][0]["n_symbols"] == 2
    assert "files" in apex(tmp_path, "store", "info").stdout
    assert apex(tmp_path, "store", "verify").returncode == 0


def test_simulated_data_in_the_store_never_answers_for_the_real(tmp_path: Path) -> None:
    done = apex(tmp_path, "fetch", "IWM", "--source", "demo")
    assert done.returncode == 0, done.stderr
    assert "SIMULATED" in done.stdout
    assert "SIMULATED" in apex(tmp_path, "store", "info").stdout
    assert apex(tmp_path, "analyze", "IWM", "--offline").returncode == 1


def test_a_typo_among_symbols_is_named_and_fails_alone(tmp_path: Path, prices: Path) -> None:
    done = apex(tmp_path, "import", str(prices), "-s", "AAA", "-s", "BBV")
    assert done.returncode == 1
    assert "2 requested = 1 stored + 0 without new data + 1 failed" in done.stdout
    assert "BBV" in done.stdout
    assert "Did you mean 'BBB'" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["analyze"], 2, "Missing argument"),
        (["analyze", "IWM", "--source", "demmo"], 2, "Did you mean 'demo'"),
        (["analyze", "IWM", "--source", "demo", "--model", "apxe"], 2, "Did you mean 'apex'"),
        (["analyze", "IWM", "--source", "demo", "--as-of", "soon"], 2, "as_of is 'soon'"),
        (["analyze", "IWMM", "--source", "demo"], 1, "Did you mean 'IWM'"),
        (["analyze", "IWM", "--data", "/nonexistent.csv"], 2, "nonexistent.csv"),
        (["import", "/nonexistent.csv"], 2, "nonexistent.csv"),
        (["fetch", "IWM", "--source", "demmo"], 2, "Did you mean 'demo'"),
        (["fetch", "IWM"], 1, "NetworkError"),
        (["frobnicate"], 2, "No such command"),
    ],
)
def test_bad_words_end_with_a_named_error_and_the_right_code(
    tmp_path: Path, words: list[str], code: int, says: str
) -> None:
    done = apex(tmp_path, *words)
    assert says in done.stderr + done.stdout
    assert done.returncode == code
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [[], ["analyze"], ["fetch"], ["import"], ["store"], ["store", "info"], ["store", "verify"]]
)
def test_every_command_has_help(tmp_path: Path, words: list[str]) -> None:
    done = apex(tmp_path, *words, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_version(tmp_path: Path) -> None:
    from openapex import __version__

    assert apex(tmp_path, "--version").stdout == f"apex {__version__}\n"


def test_a_model_of_price_signals_alone(tmp_path: Path) -> None:
    made = json.loads(apex(tmp_path, "analyze", "IWM", "--source", "demo", "--model", "technical", "--json").stdout)
    assert made["coverage"] == pytest.approx(1)
    assert {part["name"]: part["weight"] for part in made["signals"]}["sentiment"] == 0


def test_a_warning_is_one_line_without_source(prices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_KERNELS", "/proc/nowhere")
    done = apex(tmp_path, "scan", "--data", str(prices), "--json")
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert all(line.startswith("apex: compiled indicators cannot be kept") for line in lines)
    assert lines
