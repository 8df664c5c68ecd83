"""Pay that a board has as a text of its own making (`$115,000 - $145,000 / year`): read only if all of it is understood.

A dollar sign says which dollar only together with the country; a text of people (`competitive, up to 90k`) isn't read.
"""

from __future__ import annotations

import re
from typing import Final

from orchestrator.kinds.scrape.row import RawSalary

_LONGEST: Final = 80
_AMOUNT: Final = (
    r"(?P<{0}sign>(?:[A-Z]{{1,3}})?[$€£₹¥₱₦₪₺₩₫฿]|[A-Z]{{3}})?\s*"
    r"(?P<{0}>\d{{1,3}}(?:,\d{{3}})+(?:\.\d{{1,2}})?|\d+(?:\.\d{{1,2}})?)\s*(?P<{0}k>[kK])?"
)
_RANGE: Final = re.compile(
    rf"{_AMOUNT.format('low')}(?:\s*(?:[-\u2013\u2014]|to)\s*{_AMOUNT.format('high')})?"
    r"(?:\s+(?P<code>[A-Z]{3}))?(?:\s*(?:/|per|an?)\s*(?P<period>[a-z]+))?"
)
SIGNS: Final = {
    "€": "EUR",
    "£": "GBP",
    "₹": "INR",
    "US$": "USD",
    "C$": "CAD",
    "CA$": "CAD",
    "A$": "AUD",
    "AU$": "AUD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "S$": "SGD",
    "MX$": "MXN",
    "R$": "BRL",
    "₱": "PHP",
    "₦": "NGN",
    "₪": "ILS",
    "₺": "TRY",
    "₩": "KRW",
    "₫": "VND",
    "฿": "THB",
}
_DOLLARS: Final = {"US": "USD", "CA": "CAD", "AU": "AUD", "NZ": "NZD", "SG": "SGD", "HK": "HKD"}


def pay_in(text: str, country: str = "") -> RawSalary | None:
    """Return the range that a board's text names, None if it holds anything else. `country` is an ISO code, if known."""
    found = _RANGE.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if found is None:
        return None
    sign = found["code"] or found["lowsign"] or found["highsign"] or ""
    currency = _DOLLARS.get(country.upper(), "") if sign == "$" else SIGNS.get(sign, sign)
    low = _number(found["low"], found["lowk"] or found["highk"])
    high = _number(found["high"], found["highk"]) if found["high"] else low
    return RawSalary(low, high, currency, found["period"] or "")


def _number(digits: str, thousands: str | None) -> float:
    return float(digits.replace(",", "")) * (1000 if thousands else 1)
