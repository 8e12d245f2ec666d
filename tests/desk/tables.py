"""Folders of tables for the tests of the context: written, cut at a day of knowledge, with a planted future."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl

from openapex.adjust import adjusted
from openapex.context.macro import SERIES
from openapex.context.profile import profile
from openapex.sources.demo import DemoSource
from openapex.sources.releases import known_at
from openapex.sources.source import Delivery

PRICES = ("open", "high", "low", "close", "adj_close", "volume")


@dataclass(frozen=True)
class Tables:
    """Bars by `date`, and tables of series by file name, each with `truly_known`: the day a value became public.

    `truly_known` is not written: what a reader makes of the file is its own business.
    """

    bars: pl.DataFrame
    series: Mapping[str, pl.DataFrame]

    def written(self, folder: Path) -> Path:
        """Write the tables into a folder, over those that are there."""
        folder.mkdir(exist_ok=True)
        self.bars.write_parquet(folder / "bars.parquet")
        for name, rows in self.series.items():
            rows.drop("truly_known").write_parquet(folder / f"{name}.parquet")
        return folder

    def cut(self, day: date) -> "Tables":
        """Return what was public on `day`."""
        known = {name: rows.filter(pl.col("truly_known") <= day) for name, rows in self.series.items()}
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
    """Return the real tables around some symbols, `truly_known` by the release lags."""
    bars = pl.scan_parquet(folder / "etf_daily.parquet").filter(pl.col("symbol").is_in(around(*symbols))).collect()
    return Tables(bars, {name: _published(folder / f"{name}.parquet") for name in ("macro", "market_breadth")})


def _published(file: Path) -> pl.DataFrame:
    rows = pl.scan_parquet(file).filter(pl.col("series").is_in(list(SERIES))).collect().sort("series", "date")
    parts = rows.partition_by("series", as_dict=True, maintain_order=True)
    return pl.concat(
        part.with_columns(known_at(name, part["date"]).alias("truly_known")) for (name,), part in parts.items()
    )
