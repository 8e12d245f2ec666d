"""File names for symbols, and back: every symbol has one name that every file system takes."""

from pathlib import Path
from urllib.parse import quote, unquote

from openapex.errors import BadInput

PLAIN = "^&=$@+~ "
"""Characters kept beside letters, digits and ``_.-``."""
DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))}


def file_name(symbol: str, suffix: str = ".csv") -> str:
    """Return the file name for a symbol; ``%`` escapes what some file system refuses.

    Raises
    ------
    BadInput
        If the symbol is empty or could leave the folder.

    Examples
    --------
    >>> [file_name(symbol) for symbol in ("BRK.B", "^RUT", "M&M.NS", "CON", "A/B")]
    ['BRK.B.csv', '^RUT.csv', 'M&M.NS.csv', '%43ON.csv', 'A%2FB.csv']
    """
    if not symbol or ".." in symbol or symbol.startswith(".") or "\0" in symbol:
        raise BadInput(f"symbol is {symbol!r}, must not be empty, start with a dot or hold '..'")
    stem = quote(symbol, safe=PLAIN)
    if symbol.partition(".")[0].upper() in DEVICES:
        stem = f"%{ord(symbol[0]):02X}{stem[1:]}"
    return stem + suffix


def symbol_of(file: Path) -> str:
    """Return the symbol a file is named after.

    Examples
    --------
    >>> symbol_of(Path("%43ON.csv")), symbol_of(Path("0700.HK.parquet"))
    ('CON', '0700.HK')
    """
    return unquote(file.name[: -len(file.suffix)] if file.suffix else file.name)
