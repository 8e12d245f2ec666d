"""Folders of tables for the tests of the context: written, cut at a day of knowledge, with a planted future."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pandas as pd
import polars as pl
from tests.context.recomputed_releases import known_on, recession_rows

from openapex.adjust import adjusted
from openapex.context.macro import SERIES
from openapex.context.profile import profile
from openapex.sources.demo import DemoSource
from openapex.sources.source import Delivery

PRICES = ("open", "high", "low", "close", "adj_close", "volume")


@dataclass(frozen=True)
class Tables:
    """Bars by `date`, and tables of series by file name, each with `truly_known`: the day a value became public.

    `truly_known` is not written: what a reader makes of the file is its own business.  Where another value stood before
    it (the phase of the cycle before its turn was announced), that is `value_before`, public from `known_before`.
    """

    bars: pl.DataFrame
    series: Mapping[str, pl.DataFrame]

    def written(self, folder: Path) -> Path:
        """Write the tables into a folder, over those that are there."""
        folder.mkdir(exist_ok=True)
        self.bars.write_parquet(folder / "bars.parquet")
        for name, rows in self.series.items():
            rows.drop("truly_known", "known_before", "value_before", strict=False).write_parquet(
                folder / f"{name}.parquet"
            )
        return folder

    def cut(self, day: date) -> "Tables":
        """Return what was public on `day`."""
        known = {name: _until(rows, day) for name, rows in self.series.items()}
        return Tables(self.bars.filter(pl.col("date") <= day), known)

    def planted(self, day: date) -> "Tables":
        """Return the tables with a wild future: later bars times 3, values not yet public plus 100."""
        later = pl.when(pl.col("date") > day)
        bars = self.bars.with_columns(later.then(pl.col(name) * 3).otherwise(name).alias(name) for name in PRICES)
        wild = pl.when(pl.col("truly_known") > day).then(pl.col("value") + 100).otherwise("value")
        return Tables(bars, {name: rows.with_columns(value=wild) for name, rows in self.series.items()})

    def leaking(self) -> "Tables":
        """Return the tables with every value dated as known on the day it is about: before it was public."""
        early = pl.col("reference_date") if "reference_date" in self.columns else pl.col("date")
        return replace(self, series={name: rows.with_columns(known_at=early) for name, rows in self.series.items()})

    def without(self, *names: str) -> "Tables":
        """Return the tables without some symbols or series."""
        series = {name: rows.filter(~pl.col("series").is_in(names)) for name, rows in self.series.items()}
        return Tables(self.bars.filter(~pl.col("symbol").is_in(names)), series)

    @property
    def columns(self) -> set[str]:
        """Names of the columns of the tables of series."""
        return {name for rows in self.series.values() for name in rows.columns}


def around(*symbols: str) -> list[str]:
    """Return symbols with every companion of theirs."""
    return list(dict.fromkeys(name for one in symbols for name in (one, *profile(one).companions)))


def demo_tables(symbols: Iterable[str] = ("IWM",)) -> Tables:
    """Return the simulated market around some symbols, without the mark that it is simulated."""
    source = DemoSource()
    wanted = [name for name in around(*symbols) if name in source.symbols()]
    answers = [answer for answer in source.fetch(wanted) if isinstance(answer, Delivery)]
    bars = pl.concat(adjusted(one.bars, one.actions, one.basis).bars for one in answers)
    macro = source.macro().with_columns(truly_known="known_at")
    return Tables(bars.rename({"session": "date"}).drop("provisional"), {"macro": macro.drop("as_published")})


def real_tables(folder: Path, symbols: Iterable[str] = ("IWM",)) -> Tables:
    """Return the real tables around some symbols, `truly_known` by the lags written once more in the tests."""
    bars = pl.scan_parquet(folder / "etf_daily.parquet").filter(pl.col("symbol").is_in(around(*symbols))).collect()
    return Tables(bars, {name: _published(folder / f"{name}.parquet") for name in ("macro", "market_breadth")})


def _published(file: Path) -> pl.DataFrame:
    rows = pl.scan_parquet(file).filter(pl.col("series").is_in(list(SERIES))).collect().sort("series", "date")
    parts = rows.partition_by("series", as_dict=True, maintain_order=True)
    return pl.concat(
        _dated(str(name), part).with_columns(pl.col("truly_known", "known_before").cast(pl.Date))
        for (name,), part in parts.items()
    )


def _dated(series: str, part: pl.DataFrame) -> pl.DataFrame:
    """Return a series with the day each value became public, and what stood before it."""
    months = [pd.Timestamp(day) for day in part["date"]]
    known = [known_on(series, day).date() for day in months]
    before: dict[pd.Timestamp, tuple[date, float]] = {}
    if series == "USREC":
        rows = recession_rows(months, part["value"])  # of a month of two rows the first comes first
        before = {month: (day.date(), value) for month, day, value in reversed(rows)}
    stood = [before.get(month, (day, None)) for month, day in zip(months, known, strict=True)]
    columns = {"truly_known": known, "known_before": [day for day, _ in stood]}
    return part.with_columns(pl.Series(name, days, dtype=pl.Date) for name, days in columns.items()).with_columns(
        pl.Series("value_before", [value for _, value in stood], dtype=pl.Float64)
    )


def _until(rows: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return what was public on a day."""
    if "known_before" not in rows.columns:
        return rows.filter(pl.col("truly_known") <= day)
    is_out = pl.col("truly_known") <= day
    rows = rows.filter(is_out | (pl.col("known_before") <= day))
    return rows.with_columns(value=pl.when(is_out).then("value").otherwise("value_before"))
