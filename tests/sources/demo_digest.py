"""Content hash of what the simulated market says: exact bits of every column (run as a script: one line per part)."""

import hashlib

import polars as pl

from openapex.sources.demo import DemoSource

SYMBOLS = ("IWM", "TLT", "FIN08", "TEC40")


def digest(*frames: pl.DataFrame) -> str:
    """Hash names, nulls and bits of all columns; floats as little-endian IEEE doubles, dates as integers."""
    total = hashlib.sha256()
    for frame in frames:
        for name, kind in frame.schema.items():
            column = frame[name]
            total.update(f"{name}:{column.len()}:{column.is_null().to_numpy().tobytes().hex()}".encode())
            if kind == pl.String:
                total.update("\n".join(column.fill_null("").to_list()).encode())
            elif kind == pl.Float64:
                total.update(column.fill_null(0.0).to_numpy().astype("<f8").tobytes())
            else:
                total.update(column.to_physical().cast(pl.Int64).to_numpy().astype("<i8").tobytes())
    return total.hexdigest()


def digests() -> dict[str, str]:
    """Hash the four frames of each symbol of `SYMBOLS` and the macro series."""
    source = DemoSource()
    parts = {
        answer.symbol: digest(answer.bars, answer.actions, answer.headlines, answer.facts)
        for answer in source.fetch(SYMBOLS)
    }
    return parts | {"macro": digest(source.macro().drop("as_published"))}


if __name__ == "__main__":
    for part, value in digests().items():
        print(part, value)
