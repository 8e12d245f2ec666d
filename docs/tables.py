"""Write the generated tables of the docs: ``python -m docs.tables``; a test fails when one is out of date."""

import re
from pathlib import Path

from openapex.context.key_stats import KEY_STATS
from openapex.screens import COLUMNS, DEFAULT, PRESETS
from openapex.sources.releases import KNOWN_SERIES, release

JSON_PAGE = Path(__file__).parent / "json.md"
MACRO_PAGE = Path(__file__).parent / "macro.md"
SCREENS_PAGE = Path(__file__).parent / "screens.md"


def key_stats_table() -> str:
    """Return the table of key statistics from their definitions."""
    rows = [f"| `{name}` | {stat.unit or '–'} | {stat.sentence} |" for name, stat in KEY_STATS.items()]
    return "\n".join(["| name | unit | definition |", "|---|---|---|", *rows])


def release_table() -> str:
    """Return the table of macro series and when each counts as known, from ``releases.toml``."""
    rules = [release(series) for series in KNOWN_SERIES]
    revised = {True: "yes", False: "no"}
    rows = [
        f"| `{one.series}` | {one.title} | {one.cadence} | {one.sentence} | {revised[one.revised]} | {one.source} |"
        for one in rules
    ]
    return "\n".join(
        ["| series | what | cadence | known on | revised | whose schedule |", "|---|---|---|---|---|---|", *rows]
    )


def columns_table() -> str:
    """Return the table of the columns of a scan; those shown by default are bold."""
    rows = [
        f"| {f'**`{name}`**' if name in DEFAULT else f'`{name}`'} | {one.kind} | {one.unit or '–'} | {one.sentence} |"
        for name, one in COLUMNS.items()
    ]
    return "\n".join(["| column (bold: shown by default) | type | unit | definition |", "|---|---|---|---|", *rows])


def presets_table() -> str:
    """Return the table of presets from ``presets.toml``."""
    end = {True: "highest", False: "lowest"}
    rows = [
        f"| `{one.name}` | {one.sentence} | `{one.where.text}` | `{one.sort}`, {end[one.descending]} first |"
        for one in PRESETS.values()
    ]
    return "\n".join(["| preset | what it selects | condition | order |", "|---|---|---|---|", *rows])


def _replaced(text: str, mark: str, made: str) -> str:
    return re.sub(rf"(<!-- {mark}:.*?-->\n).*?(<!-- end -->)", lambda m: m[1] + made + "\n" + m[2], text, flags=re.S)


def with_columns(text: str) -> str:
    """Return the page on screens with its table of columns made anew."""
    return _replaced(text, "columns", columns_table())


def with_presets(text: str) -> str:
    """Return the page on screens with its table of presets made anew."""
    return _replaced(text, "presets", presets_table())


def with_releases(text: str) -> str:
    """Return the page on macro series with its generated table made anew."""
    made = release_table()
    return re.sub(r"(<!-- releases:.*?-->\n).*?(<!-- end -->)", lambda m: m[1] + made + "\n" + m[2], text, flags=re.S)


def with_table(text: str) -> str:
    """Return the page with its generated part made anew."""
    made = key_stats_table()
    return re.sub(r"(<!-- key stats:.*?-->\n).*?(<!-- end -->)", lambda m: m[1] + made + "\n" + m[2], text, flags=re.S)


if __name__ == "__main__":
    JSON_PAGE.write_text(with_table(JSON_PAGE.read_text("utf-8")), "utf-8")
    SCREENS_PAGE.write_text(with_presets(with_columns(SCREENS_PAGE.read_text("utf-8"))), "utf-8")
    MACRO_PAGE.write_text(with_releases(MACRO_PAGE.read_text("utf-8")), "utf-8")
