"""Reading answers that are numbers, as server/grading/number_form.cc does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import gcd

from .answer_text import FIRM, MAX_BYTES, SPACE, THIN

_INTEGER = r"(?:[1-9]\d{0,2}(?:(?:,\d{3})+|(?:\{,\}\d{3})+|(?: \d{3})+|(?:\x1e\d{3})+|(?:\x1f\d{3})+)|\d+)"
_DECIMAL = rf"(?:{_INTEGER}(?:\.\d*)?|\.\d+)"
_S = r"[ \x1e\x1f]"
_MIXED = re.compile(rf"([-+] ?)?(\d+)(?:{_S}?\\frac\{{(\d+)\}}\{{(\d+)\}}|{_S}(\d+) ?/ ?(\d+))", re.A)
_FRACTION = re.compile(rf"([-+] ?)?\\frac\{{ ?([-+]?)({_DECIMAL}) ?\}}\{{ ?([-+]?)({_DECIMAL}) ?\}}", re.A)
_QUOTIENT = re.compile(rf"([-+] ?)?({_DECIMAL}) ?/ ?([-+]?)({_DECIMAL})", re.A)
_PLAIN = re.compile(
    rf"([-+] ?)?({_DECIMAL})(?:[eE]([-+]?\d{{1,3}})|{_S}*(?:\\times|\\cdot|\*|x){_S}*10\^\{{([-+]?\d{{1,3}})\}})?", re.A
)
_LEAD = re.compile(
    r"(?i)(?:[*_]{0,2}(?:(?:so|thus|therefore|hence),? )?(?:the |my |our )?(?:final |correct |numerical )?"
    r"(?:answer|result|total|solution)[*_]{0,2}(?: ?[:=]| is:?)[*_]{0,2}|#{2,6}"
    rf"|(?:\\?[a-z]{{1,10}}(?:_\{{[a-z0-9]{{1,4}}\}})?{_S}*)?=){_S}*"
)
_CURRENCY = re.compile(rf"([-+]?) ?(?:€|£|¥|₹|(?:USD|EUR|GBP|US|Rs\.?)){_S}?([-+]?[.\d])", re.A)
_UNIT_SIGN = re.compile(rf"{_S}*(?:%|\^\{{\\circ\}}|\\circ|\\degree|\\pounds|\\euro)")
_UNIT_CURRENCY = re.compile(r"[ \t\n\v\f\r\x1e\x1f]*[€£¥₹¢]")
_UNIT_LINK = re.compile(rf"{_S}*(?:/|\\cdot){_S}*")
_UNIT_WORD = re.compile(rf"({_S}*)([A-Za-z]+)(?:[ ]*\^\{{-?[1-9]\}})?")
_LETTER_UNITS = set("mgshlLNVWJ")
_TOUCHING_UNITS = re.compile(
    "cm|mm|km|nm|kg|mg|ml|mL|cl|dl|hr|hrs|min|mins|sec|secs|ms|ft|lb|lbs|oz|mph|"
    "kph|kmh|usd|USD|eur|EUR|gbp|GBP|kW|kWh|MHz|GHz|Hz|degrees"
)
_NO_UNITS = re.compile(
    "a|about|above|add|after|all|also|although|and|apart|approx|are|around|as|at|base|"
    "because|before|below|between|billion|billions|bn|but|by|choose|crore|crores|cubed|"
    "digits|divided|double|dozen|dozens|each|eighth|eighths|else|equals|except|factorial|"
    "false|fifth|fifths|for|fourth|fourths|from|grand|greater|gross|half|halves|hence|"
    "however|hundred|hundreds|hundredth|hundredths|if|in|incorrect|infinity|is|lakh|lakhs|"
    "least|less|log|maybe|mil|mille|milliard|milliarden|milliards|million|millionen|millions|"
    "millones|minus|mio|mod|modulo|more|most|mrd|nd|negative|no|not|of|off|or|out|over|"
    "pi|plus|possibly|power|probably|quadrillion|quarter|quarters|rd|root|score|since|so|"
    "sqrt|squared|st|tausend|tenth|tenths|than|th|third|thirds|thousand|thousands|thousandth|"
    "thousandths|times|to|trillion|trillions|wrong"
)
_BRACKETS = ("\\(", "(", "\\[", "[", "\\{", "{"), ("\\)", ")", "\\]", "]", "\\}", "}")


@dataclass(frozen=True)
class _Number:
    text: str
    value: float


@dataclass(frozen=True)
class Numbers:
    brackets: str  # of a list; "": one number
    numbers: tuple[_Number, ...]

    @property
    def form(self) -> str:
        return self.brackets + "".join(f" {number.text}" for number in self.numbers)


def _scaled(decimal: str, exponent: int) -> tuple[str, int]:
    whole, _, places = re.sub(r"[^\d.]", "", decimal, flags=re.A).partition(".")
    digits = (whole + places).lstrip("0")
    kept = digits.rstrip("0")
    return kept, exponent - len(places) + len(digits) - len(kept) if kept else 0


def _quotient(negative: bool, above: int, below: int) -> _Number:
    shared = gcd(above, below)
    above, below = above // shared, below // shared
    sign = -1 if negative and above else 1
    return _Number(f"{'-' if sign < 0 else ''}{above}/{below}", sign * (float(above) / float(below)))


def _decimal(negative: bool, decimal: str, exponent: int) -> _Number:
    digits, power = _scaled(decimal, exponent)
    if len(digits) <= 36 and power >= -36 and len(digits) + max(0, power) <= 36:
        return _quotient(negative, int(digits + "0" * power or "0"), 10 ** max(0, -power))
    text = f"{'-' if negative else ''}{digits}e{power}"
    return _Number(text, float(text))


def _whole(decimal: str, places: int) -> int | None:
    digits, power = _scaled(decimal, places)
    if power < 0 or len(digits) + power > 18:
        return None
    return int(digits + "0" * power or "0")


def _fraction(negative: bool, whole: str, above: str, below: str) -> _Number | None:
    places = max(0, -_scaled(above, 0)[1], -_scaled(below, 0)[1])
    a, b = _whole(above, places), _whole(below, places)
    if a is None or not b:
        return None
    if not whole:
        return _quotient(negative, a, b)
    w = _whole(whole, 0)
    if w is None or places or a >= b:
        return None
    return _quotient(negative, w * b + a, b)


def _minus(sign: str | None) -> bool:
    return "-" in (sign or "")


def _number_at_start(text: str) -> tuple[_Number | None, str]:
    if found := _MIXED.match(text):
        sign, whole, a, b, c, d = found.groups()
        return _fraction(_minus(sign), whole, a or c, b or d), text[found.end() :]
    if found := _FRACTION.match(text):
        sign, sign_a, a, sign_b, b = found.groups()
        return _fraction(_minus(sign) ^ _minus(sign_a) ^ _minus(sign_b), "", a, b), text[found.end() :]
    if found := _QUOTIENT.match(text):
        sign, a, sign_b, b = found.groups()
        return _fraction(_minus(sign) ^ _minus(sign_b), "", a, b), text[found.end() :]
    if found := _PLAIN.match(text):
        sign, digits, power, other_power = found.groups()
        return _decimal(_minus(sign), digits, int(power or other_power or 0)), text[found.end() :]
    return None, text


def _is_unit(rest: str) -> bool:
    words, touching = 0, True
    while rest:
        if (found := _UNIT_SIGN.match(rest)) or (found := _UNIT_CURRENCY.match(rest)):
            touching = touching and found.re is _UNIT_CURRENCY
        elif words and (found := _UNIT_LINK.match(rest)):
            if found.end() == len(rest):
                return False
            touching = False
        else:
            found = _UNIT_WORD.match(rest)
            words += 1
            if found is None or words > 4:
                return False
            blank, word = found.groups()
            if not blank and touching and not _TOUCHING_UNITS.fullmatch(word) and word not in _LETTER_UNITS:
                return False
            if (len(word) == 1 and word not in _LETTER_UNITS) or _NO_UNITS.fullmatch(word.lower()):
                return False
            touching = False
        rest = rest[found.end() :]
    return True


def _trim(text: str) -> str:
    return text.strip(SPACE + THIN + FIRM)


def _unmarked(text: str) -> str:
    while True:
        text = _trim(text)
        if text.endswith(".") and not text.endswith(".."):
            text = text[:-1]
        elif len(text) >= 2 and text[0] == text[-1] and text[0] in "*`\"'":
            text = text[1:-1]
        else:
            return text


def _read_one(text: str, units: bool) -> _Number | None:
    number, rest = _number_at_start(re.sub(r"\A" + _CURRENCY.pattern, r"\1\2", _trim(text), count=1, flags=re.A))
    if number is None or not (_is_unit(rest) if units else not _trim(rest)):
        return None
    return number


def _read_list(text: str) -> Numbers | None:
    opening = next((bracket for bracket in _BRACKETS[0] if text.startswith(bracket)), "")
    text = text[len(opening) :]
    closing = next((bracket for bracket in _BRACKETS[1] if text.endswith(bracket)), "")
    text = text[: len(text) - len(closing)]
    if bool(opening) != bool(closing) or (opening[-1:] == "{") != (closing[-1:] == "}"):
        return None
    items = text.split(",")
    if not 2 <= len(items) <= 64:
        return None
    numbers = []
    for item in items:
        number = _read_one(item, units=False)
        if number is None:
            return None
        numbers.append(number)
    if opening[-1:] == "{":
        unique = {number.text: number for number in numbers}
        numbers = sorted(unique.values(), key=lambda number: (number.value, number.text))
    return Numbers(opening[-1:] + closing[-1:] or ",", tuple(numbers))


def read_number(plain: str) -> Numbers | None:
    """The number, or the list of numbers, that the whole of a plain text states."""
    if len(plain.encode()) > MAX_BYTES:
        return None
    text = _unmarked(plain)
    while found := _LEAD.match(text):
        text = text[found.end() :]
    text = _unmarked(text)
    one = _read_one(text, units=True)
    return Numbers("", (one,)) if one is not None else _read_list(text)
