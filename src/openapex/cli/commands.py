"""The `apex` command: words to desk to text.

stdout carries the result alone; progress, logs and errors go to stderr.  Exit codes: 0 done, 1 failure, 2 usage.
"""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openapex.cli.quick import QuickCommand, QuickGroup
from openapex.errors import ApexError, BadInput

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    name="apex",
    cls=QuickGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
store_app = typer.Typer(cls=QuickGroup, help="Look after the local store (folder: $APEX_HOME).", no_args_is_help=True)
app.add_typer(store_app, name="store")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Print without colours (also: NO_COLOR=1).")]


def _stored_symbols(incomplete: str) -> list[str]:
    from openapex.desk.keep import stored_symbols

    try:
        return [name for name in stored_symbols() if name.startswith(incomplete.upper())]
    except ApexError:
        return []


Symbol = Annotated[str, typer.Argument(help="Ticker, e.g. IWM.", autocompletion=_stored_symbols)]


FromSource = Annotated[
    str | None, typer.Option("--source", help="files, yahoo or demo; default: the store, then Yahoo.")
]
Data = Annotated[
    Path | None,
    typer.Option("--data", help="A CSV or Parquet file, or a folder: one file a symbol, or several tables."),
]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Knowledge cut-off, e.g. 2024-12-31.")]
Provisional = Annotated[bool, typer.Option("--provisional", help="Use a last bar that has not settled.")]
Offline = Annotated[bool, typer.Option("--offline", help="Never ask the network.")]


def _version(asked: bool) -> None:
    if asked:
        from openapex import __version__

        typer.echo(f"apex {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Say what a ticker is doing, why, and whether that has ever meant anything."""


@app.command(cls=QuickCommand)
def analyze(
    symbol: Symbol,
    source: FromSource = None,
    data: Data = None,
    as_of: AsOf = None,
    model: Annotated[str, typer.Option(help="Scoring model.")] = "apex",
    provisional: Provisional = False,
    offline: Offline = False,
    no_context: Annotated[bool, typer.Option("--no-context", help="Leave out what surrounds the symbol.")] = False,
    finbert: Annotated[str | None, typer.Option(help="Read headlines with this FinBERT: a folder or hub name.")] = None,
    as_json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Analyze one ticker: eight signals, one score, and what that has meant."""
    from openapex.desk.analyze import analyze as run

    scorer = None
    if finbert:
        from openapex.desk.finbert import finbert_scorer

        scorer = finbert_scorer(finbert)
    report = run(
        symbol, data=data, source=source, as_of=as_of, model=model, offline=offline,
        provisional=provisional, context=not no_context, headline_scorer=scorer,
    )  # fmt: skip
    if as_json:
        _print_json(report.to_dict())
        return
    from openapex.cli.report import print_report

    print_report(report, _console(no_color))


@app.command(cls=QuickCommand)
def context(
    symbol: Symbol,
    source: FromSource = None,
    data: Data = None,
    as_of: AsOf = None,
    holdings: Annotated[Path | None, typer.Option(help="The fund's holdings (iShares CSV), for its sectors.")] = None,
    provisional: Provisional = False,
    offline: Offline = False,
    as_json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Tell why a ticker moves: relative strength, rates, credit, growth, breadth, regime."""
    from openapex.desk.context import context as run

    report = run(
        symbol, data=data, source=source, as_of=as_of, holdings=holdings, offline=offline, provisional=provisional
    )
    if as_json:
        _print_json(report.to_dict())
        return
    from openapex.cli.weather import print_context

    print_context(report, _console(no_color))


@app.command(cls=QuickCommand)
def rotation(
    symbols: Annotated[list[str], typer.Argument(help="Tickers.", autocompletion=_stored_symbols)],
    benchmark: Annotated[str, typer.Option(help="What they are measured against.")] = "SPY",
    weekly: Annotated[bool, typer.Option("--weekly", help="Closed weeks instead of sessions.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Also draw the graph into this SVG file.")] = None,
    source: FromSource = None,
    data: Data = None,
    as_of: AsOf = None,
    offline: Offline = False,
    as_json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Place tickers against a benchmark: leading, weakening, lagging or improving."""
    from openapex.desk.rotation import rotation as run

    report = run(symbols, benchmark=benchmark, weekly=weekly, data=data, source=source, as_of=as_of, offline=offline)
    if svg is not None:
        _write(svg, report.svg())
        typer.echo(f"wrote {svg}", err=True)
    if as_json:
        _print_json(report.to_dict())
        return
    from openapex.cli.weather import print_rotation

    print_rotation(report, _console(no_color))


@app.command(cls=QuickCommand)
def scan(
    universe: Annotated[
        str | None, typer.Option(help="A file of tickers, a holdings CSV, or a name; default: all the data holds.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", help="A CSV or Parquet file, or a folder; with --engine dask also Delta, s3://."),
    ] = None,
    source: Annotated[str | None, typer.Option("--source", help="files or demo; default: the store.")] = None,
    where: Annotated[str | None, typer.Option(help="Filter, e.g. \"rsi < 42 and verdict == 'BUY'\".")] = None,
    preset: Annotated[str | None, typer.Option(help="A ready-made screen; --list-presets names them.")] = None,
    sort: Annotated[str | None, typer.Option(help="Column to sort by; -score is from the highest.")] = None,
    top: Annotated[str | None, typer.Option(help="Rows to show; default 20, 0 is all.")] = None,
    columns: Annotated[
        str | None, typer.Option(help="Columns to show, with commas; --list-columns names them.")
    ] = None,
    as_of: AsOf = None,
    model: Annotated[str, typer.Option(help="Scoring model.")] = "apex",
    csv: Annotated[Path | None, typer.Option(help="Also write all hits with all columns to this CSV file.")] = None,
    parquet: Annotated[Path | None, typer.Option(help="Also write them to this Parquet file.")] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Also count the screen's past hits and what came after.")
    ] = False,
    start: Annotated[str | None, typer.Option(help="First session of the history, e.g. 2018-01-02.")] = None,
    engine: Annotated[str, typer.Option(help="local, or dask: many processes or machines.")] = "local",
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, e.g. tcp://10.0.0.5:8786.")
    ] = None,
    list_presets: Annotated[bool, typer.Option("--list-presets", help="Name the ready-made screens.")] = False,
    list_columns: Annotated[bool, typer.Option("--list-columns", help="Name the columns.")] = False,
    as_json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Score a universe with the code of analyze; rank and filter it."""
    if list_presets or list_columns:
        from openapex.cli.screen import print_columns, print_presets

        (print_presets if list_presets else print_columns)(_console(no_color))
        return
    from openapex.desk.scan import scan as run

    shown = _count(top)
    past = None
    if history and engine == "dask":
        raise BadInput("engine is 'dask', must be local with --history: the past is worked out on one machine")
    with _progress("scanning", None) as tick:
        report = run(
            universe, data=data, source=source, where=where, preset=preset, sort=sort,
            columns=[name.strip() for name in columns.split(",")] if columns else None,
            as_of=as_of, model=model, engine=engine, scheduler=scheduler, progress=tick,
        )  # fmt: skip
        if history:
            from openapex.desk.hits import history as look_back

            past = look_back(
                universe, data=data, source=source, where=where, preset=preset,
                start=start, as_of=as_of, model=model, progress=tick,
            )  # fmt: skip
    if csv or parquet:
        from openapex.cli.screen import written

        written(report.hits, csv, parquet)
    report = report.first(shown)
    if as_json:
        _print_json(report.to_dict() | ({"history": past.to_dict()} if past else {}))
        return
    from openapex.cli.screen import print_scan

    print_scan(report, _console(no_color))
    if past:
        from openapex.cli.hits import print_hits

        print_hits(past, _console(no_color))


def _count(text: str | None) -> int | None:
    """Return how many rows to show: None is all."""
    if text is None:
        return 20
    if not text.isdecimal():
        raise BadInput(f"top is {text!r}, must be a whole number, 0 for all")
    return int(text) or None


@app.command(cls=QuickCommand)
def fetch(
    symbols: Annotated[list[str] | None, typer.Argument(help="Tickers.", autocompletion=_stored_symbols)] = None,
    source: Annotated[str, typer.Option(help="yahoo, fred (macro series by name) or demo.")] = "yahoo",
    start: Annotated[str | None, typer.Option(help="First session wanted, e.g. 2010-01-01.")] = None,
    macro: Annotated[bool, typer.Option("--macro", help="Also the macro series a context needs, from FRED.")] = False,
    context: Annotated[
        bool, typer.Option("--context", help="Also the symbols it is compared with, and the macro series.")
    ] = False,
    as_json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Fetch tickers, and the macro series of their context, into the store."""
    from openapex.desk.days import day
    from openapex.desk.fetch import fetch as run

    names = [name.upper() for name in symbols or []]
    if not names and not macro and source != "fred":
        raise BadInput("symbols is empty, must name at least one ticker: apex fetch IWM, or: apex fetch --macro")
    with _progress("fetching", None) as tick:
        report = run(
            names, source=source, start=day(start, "start"), macro=macro, companions=context, progress=tick
        )  # fmt: skip
    _finish(report, as_json, no_color)


@app.command("import", cls=QuickCommand)
def import_(
    path: Annotated[Path, typer.Argument(help="A CSV or Parquet file, or a folder of one file a symbol.")],
    symbols: Annotated[list[str] | None, typer.Option("--symbol", "-s", help="Only these; default: all.")] = None,
    as_json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Keep price files in the store."""
    from openapex.desk.fetch import import_path

    with _progress("importing", None) as tick:
        report = import_path(path, symbols or [], progress=tick)
    _finish(report, as_json, no_color)


@store_app.command("info", cls=QuickCommand)
def store_info(as_json: Json = False, no_color: NoColor = False) -> None:
    """Show what the store holds, by source."""
    from openapex.cli.tables import print_store_info
    from openapex.desk.keep import store_info as run

    info = run()
    if as_json:
        _print_json(info.to_dict())
    else:
        print_store_info(info, _console(no_color))


@store_app.command("verify", cls=QuickCommand)
def store_verify(as_json: Json = False, no_color: NoColor = False) -> None:
    """Check every file and row of the store; exit code 1 when something is wrong."""
    from openapex.cli.tables import print_problems
    from openapex.desk.keep import store_problems

    problems = store_problems()
    if as_json:
        _print_json({"ok": not problems, "problems": [str(problem) for problem in problems]})
    else:
        print_problems(problems, _console(no_color))
    if problems:
        raise typer.Exit(1)


def _finish(report: Any, as_json: bool, no_color: bool) -> None:
    if as_json:
        _print_json(report.to_dict())
    else:
        from openapex.cli.tables import print_fetch_report

        print_fetch_report(report, _console(no_color))
    if report.failed:
        raise typer.Exit(1)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(
            f"cannot write {str(path)!r}: {error.strerror}; name a file in a folder you may write"
        ) from error


def _print_json(data: Any) -> None:
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))


def _console(no_color: bool) -> "Console":
    from rich.console import Console

    console = Console(no_color=no_color or None, highlight=False, soft_wrap=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:  # a pipe or a file: one width on every machine
        console = Console(no_color=no_color or None, highlight=False, width=118)
    return console


class _progress:  # noqa: N801  a context manager that reads as a verb
    """A progress bar on stderr, shown only on a terminal; call it with each symbol that is done."""

    def __init__(self, verb: str, total: int | None) -> None:
        self._verb, self._bar = verb, None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(verb, total=total)

    def __enter__(self) -> "_progress":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, symbol: str) -> None:
        if self._bar:
            self._bar.update(self._task, advance=1, description=f"{self._verb} {symbol}")
