"""A dividend that Yahoo lists on another day than its own adjusted closes follow."""

from typing import Any

import polars as pl
from test_yahoo_prices import SESSIONS, delivered, edited, walk
from yahoo_server import YahooServer, stamp, yahoo_fixture  # noqa: F401  (the fixture `yahoo`)


def test_scenario_17_a_wrong_ex_date_is_flagged_and_kept(yahoo: YahooServer) -> None:
    listing = walk()
    listing.dividends = {SESSIONS[5]: 0.9, SESSIONS[20]: 0.9}
    told, true = stamp(SESSIONS[23]), stamp(SESSIONS[20])

    def postpone(result: dict[str, Any]) -> None:
        dividends = result["events"]["dividends"]
        dividends[str(told)] = dividends.pop(str(true)) | {"date": told}

    yahoo.list_(edited(listing, postpone))
    answer = delivered(yahoo)
    (warning,) = (text for text in answer.warnings if "contradicts its own prices and actions" in text)
    assert str(SESSIONS[20]) in warning
    assert str(SESSIONS[23]) in warning
    dividends = answer.actions.filter(pl.col("kind") == "dividend")["session"].to_list()
    assert dividends == [SESSIONS[5], SESSIONS[23]], "what was delivered is kept"
