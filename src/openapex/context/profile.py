"""A profile says what a symbol is and what to compare it with: data, one TOML file per fund, a default for the rest."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from openapex.errors import BadInput, UnknownName

TOPICS = ("relative", "rates", "credit", "growth", "breadth", "regime")
"""What a context has a line on, in the order that holds where a profile names no other."""
DEFAULT = "default"
SMALL, LARGE = "IWM", "QQQ"
"""Breadth is the lead of small caps over the largest."""
CREDIT_PAIR = ("HYG", "IEF")
"""Risk appetite is the lead of high-yield bonds over Treasuries."""
ALWAYS = (SMALL, LARGE, *CREDIT_PAIR)
"""Symbols that every context needs."""
KEYS = {"title", "summary", "benchmark", "rival", "indices", "sensitivities", "proxies"}


@dataclass(frozen=True, slots=True)
class Profile:
    """What a symbol is, and the symbols its weather is read from.

    Parameters
    ----------
    symbol : str
        The symbol asked about.
    name : str
        The profile's own name: a fund's symbol, or "default".
    title, summary : str
        The fund's name, and one or two sentences on what it is.
    benchmark, rival : str
        The symbol its returns are measured against, and the other one they are shown beside.
    indices : tuple of str
        Major index funds whose rate sensitivities stand side by side.
    sensitivities : tuple of str
        Topics to show first, each one of `TOPICS`.
    proxies : mapping of str to str
        Sector funds that show what the symbol is made of, each with what it stands for.
    """

    symbol: str
    name: str
    title: str
    summary: str
    benchmark: str
    rival: str
    indices: tuple[str, ...]
    sensitivities: tuple[str, ...]
    proxies: Mapping[str, str]

    @property
    def topics(self) -> tuple[str, ...]:
        """All topics: the profile's own first, then the others in the usual order."""
        return tuple(dict.fromkeys((*self.sensitivities, *TOPICS)))

    @property
    def companions(self) -> tuple[str, ...]:
        """Every other symbol that the context needs, benchmark and rival first."""
        wanted = dict.fromkeys((self.benchmark, self.rival, *ALWAYS, *self.proxies, *self.indices))
        return tuple(symbol for symbol in wanted if symbol != self.symbol)

    @classmethod
    def from_toml(cls, name: str, text: str, symbol: str | None = None) -> "Profile":
        r"""Read a profile from TOML text: the fields of a profile but `symbol` and `name`, all of them.

        Parameters
        ----------
        name : str
            Name of the profile.
        text : str
            TOML: strings, lists of strings, and the table ``[proxies]``.
        symbol : str, optional
            The symbol it is for; `name` where not given.

        Raises
        ------
        BadInput
            If the text is not TOML, a key is missing or unknown, or a value breaks its rule.
        UnknownName
            If a sensitivity is none of `TOPICS`.

        Examples
        --------
        >>> text = "title='T'\nsummary='S.'\nbenchmark='SPY'\nrival='QQQ'\nindices=['SPY', 'DIA']\n"
        >>> Profile.from_toml("DIA", text + "sensitivities=['rates']\n[proxies]\nXLI='industry'").companions
        ('SPY', 'QQQ', 'IWM', 'HYG', 'IEF', 'XLI')
        """
        data = _parsed(name, text)
        words = {key: _word(name, key, data[key]) for key in ("title", "summary", "benchmark", "rival")}
        if words["benchmark"] == words["rival"] or name in (words["benchmark"], words["rival"]):
            raise BadInput(
                f"profile {name} has benchmark {words['benchmark']!r} and rival {words['rival']!r}, "
                "must be two symbols other than its own"
            )
        proxies = data["proxies"]
        if not isinstance(proxies, dict):
            raise BadInput(f"proxies of profile {name} is {proxies!r}, must be a table of symbol = words")
        topics = _words(name, "sensitivities", data["sensitivities"])
        for topic in topics:
            if topic not in TOPICS:
                raise UnknownName(f"sensitivity of profile {name}", topic, TOPICS)
        return cls(
            symbol=name if symbol is None else symbol,
            name=name,
            **words,
            indices=_words(name, "indices", data["indices"]),
            sensitivities=topics,
            proxies=MappingProxyType({key: _word(name, f"proxies.{key}", value) for key, value in proxies.items()}),
        )


def _parsed(name: str, text: str) -> dict[str, Any]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"profile {name} is not TOML: {error}") from error
    unknown = sorted(set(data) - KEYS)
    if unknown:
        raise UnknownName(f"key of profile {name}", unknown[0], KEYS)
    if set(data) != KEYS:
        raise BadInput(f"profile {name} has keys {sorted(data)}, must also have {sorted(KEYS - set(data))}")
    return data


def _word(profile: str, key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadInput(f"{key} of profile {profile} is {value!r}, must be a text that is not empty")
    return value


def _words(profile: str, key: str, values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or not values:
        raise BadInput(f"{key} of profile {profile} is {values!r}, must be a list of texts that is not empty")
    words = tuple(_word(profile, key, value) for value in values)
    if len(set(words)) != len(words):
        raise BadInput(f"{key} of profile {profile} is {values!r}, must be without duplicates")
    return words


def profile_names() -> tuple[str, ...]:
    """Return the names of the profiles that come with the package, sorted."""
    folder = resources.files("openapex.context") / "profiles"
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


@cache
def _text(name: str) -> str:
    return (resources.files("openapex.context") / "profiles" / f"{name}.toml").read_text("utf-8")


def profile(symbol: str) -> Profile:
    """Return the profile of a symbol: its own, or the default one, which compares it with SPY and QQQ.

    Examples
    --------
    >>> profile("IWM").rival, profile("AAPL").name
    ('QQQ', 'default')
    """
    name = symbol if symbol in profile_names() else DEFAULT
    return Profile.from_toml(name, _text(name), symbol)


def missing_companions(profile: Profile, held: Collection[str]) -> tuple[str, ...]:
    """Return the companions that are not among the symbols `held`, in the profile's order: named, not guessed."""
    return tuple(symbol for symbol in profile.companions if symbol not in held)
