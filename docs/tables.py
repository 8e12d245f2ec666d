"""Write the generated tables of the docs: ``python -m docs.tables``; a test fails when one is out of date."""

import re
from pathlib import Path

from openapex.context.key_stats import KEY_STATS

JSON_PAGE = Path(__file__).parent / "json.md"


def key_stats_table() -> str:
    """Return the table of key statistics from their definitions."""
    rows = [f"| `{name}` | {stat.unit or '–'} | {stat.sentence} |" for name, stat in KEY_STATS.items()]
    return "\n".join(["| name | unit | definition |", "|---|---|---|", *rows])


def with_table(text: str) -> str:
    """Return the page with its generated part made anew."""
    made = key_stats_table()
    return re.sub(r"(<!-- key stats:.*?-->\n).*?(<!-- end -->)", lambda m: m[1] + made + "\n" + m[2], text, flags=re.S)


if __name__ == "__main__":
    JSON_PAGE.write_text(with_table(JSON_PAGE.read_text("utf-8")), "utf-8")
