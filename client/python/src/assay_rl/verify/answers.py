"""What an answer says, as the server's graders read it (server/grading): strict readers, which call unreadable what
they do not know. tests/data/answer_forms.jsonl lists what they must agree on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import gcd
from sys import float_info

from assay_rl.v1 import options_pb2

RIGHT = "right"
WRONG = "wrong"
UNREADABLE = "unreadable"
NO_ANSWER = "none"

_THIN = "\x1e"  # a thin space of LaTeX
_FIRM = "\x1f"  # a space of Unicode that is no plain blank
_SPACE = " \t\n\v\f\r"
_MAX_BYTES = 1024

# Characters of Unicode that look like ASCII or are a command of LaTeX.
_FOLDED = {
    **dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63], "-"),
    **dict.fromkeys([0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], _FIRM),
    **{point: chr(point - 0xFF01 + 0x21) for point in range(0xFF01, 0xFF5F)},
    **dict.fromkeys([0x2018, 0x2019], "'"),
    **dict.fromkeys([0x201C, 0x201D], '"'),
    0xD7: "\\times ",
    0xB7: "\\cdot ",
    0x22C5: "\\cdot ",
    0xB0: "^{\\circ}",
    0x3C0: "\\pi ",
    0x221A: "\\sqrt ",
}
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_RAISED_RUN = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+")

_SYMBOLS = {"boxed", "fbox", "mathrm", "mathbf", "mathit", "mathsf", "mathbb", "ensuremath"}
_WORDS = {"text", "textbf", "textit", "textrm", "mbox", "operatorname"}
_IGNORED = {"left", "right", "displaystyle", "big", "textstyle", "quad", "Big", "qquad", "limits"}
_TOKEN = re.compile(r"\\([A-Za-z]+)|\\(.?)|(.)", re.S)
_OPEN_BRACE = re.compile(r"[ \t\n\v\f\r]*\{")


def _fold(text: str) -> str:
    raised = _RAISED_RUN.sub(lambda run: "^{" + run.group().translate(_RAISED) + "}", text)
    return raised.translate(_FOLDED)


def _unwrap(text: str) -> str:
    """Without commands that say how their argument looks; words stand apart from what is beside them."""
    out: list[str] = []
    braces: list[str] = []  # of each open brace, what its end leaves behind
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        assert token is not None
        at = token.end()
        name, escaped, char = token.groups()
        if name is not None:
            if name in _SYMBOLS or name in _WORDS:
                brace = _OPEN_BRACE.match(text, at)
                if brace:
                    braces.append(" " if name in _WORDS else "")
                    at = brace.end()
                out.append(" " if name in _WORDS else "")
            elif name not in _IGNORED:
                out.append("\\frac" if name in ("dfrac", "tfrac") else "\\" + name)
        elif escaped is not None:
            if escaped in (",", ";", ":"):
                out.append(_THIN)
            elif escaped in ("%", "#", "&", "_", " "):
                out.append(escaped)
            elif escaped not in ("!", "(", ")", "[", "]", "$"):
                out.append("\\" + (escaped or "\\"))
        elif char == "{":
            braces.append("}")
            out.append(char)
        elif char == "}" and braces:
            out.append(braces.pop())
        elif char != "$":
            out.append(char)
    return "".join(out)


_BARE = re.compile(r" *([A-Za-z0-9]|\\[A-Za-z]+)")
_RAISED_ARGUMENT = re.compile(r" *([-+]?[0-9]+|[A-Za-z0-9]|\\[A-Za-z]+)")
_GROUP = re.compile(r" *\{")
_TAKES_ARGUMENT = re.compile(r"\\(?:frac|sqrt)(?![A-Za-z])|\\.|[\^_]", re.S)


def _brace(text: str) -> str:
    """Puts the arguments of \\frac, \\sqrt, ^ and _ that stand bare into braces."""
    out: list[str] = []
    at = 0
    while at < len(text):
        command = _TAKES_ARGUMENT.search(text, at)
        if command is None:
            break
        out.append(text[at : command.end()])
        at = command.end()
        count = {"\\frac": 2, "\\sqrt": 1, "^": 1, "_": 1}.get(command.group(), 0)
        form = _RAISED_ARGUMENT if command.group() in "^_" else _BARE
        for _ in range(count):
            if group := _GROUP.match(text, at):
                end = _group_end(text, group.end() - 1)
                out.append(text[group.end() - 1 : end])
                at = end
            elif bare := form.match(text, at):
                out.append("{" + bare.group(1) + "}")
                at = bare.end()
    out.append(text[at:])
    return "".join(out)


def _group_end(text: str, at: int) -> int:
    depth = 0
    for i in range(at, len(text)):
        depth += (text[i] == "{") - (text[i] == "}")
        if depth == 0:
            return i + 1
    return len(text)


def plain_text(answer: str) -> str:
    return _brace(_unwrap(_fold(answer)))


_GROUPED = re.compile(
    r"[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+|(?:\{,\}[0-9]{3})+|(?:\x1e[0-9]{3})+|(?:\x1f[0-9]{3})+)(?![0-9]|(?:,|\{,\}|\x1e|\x1f)[0-9])"
)


def _without_thousands(text: str) -> str:
    out: list[str] = []
    depth = at = 0
    while at < len(text):
        char = text[at]
        if depth == 0 and char in "123456789" and (at == 0 or text[at - 1] not in "0123456789.,"):
            grouped = _GROUPED.match(text, at)
            if grouped:
                out.append(re.sub("[^0-9]", "", grouped.group()))
                at = grouped.end()
                continue
        depth = max(0, depth + (char in "([{") - (char in ")]}"))
        out.append(char)
        at += 1
    return "".join(out)


def _is_word(char: str) -> bool:
    return ord(char) >= 0x80 or char.isalnum()


def normal_form(answer: str) -> str:
    """What GRADER_EXACT compares: without case, space, wrappers and separators of thousands."""
    out: list[str] = []
    blank = thin = False
    for char in _without_thousands(plain_text(answer)):
        if char in _SPACE or char == _FIRM:
            blank = True
        elif char == _THIN:
            thin = True
        else:
            if out and _is_word(out[-1]) and _is_word(char):
                digits = out[-1] in "0123456789" and char in "0123456789"
                if blank or (thin and digits):
                    out.append(" ")
            blank = thin = False
            out.append(char.lower() if char.isascii() else char)
    return "".join(out)


# Numbers.

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
class _Numbers:
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
    return text.strip(_SPACE + _THIN + _FIRM)


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


def _read_list(text: str) -> _Numbers | None:
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
    return _Numbers(opening[-1:] + closing[-1:] or ",", tuple(numbers))


def read_number(plain: str) -> _Numbers | None:
    """The number, or the list of numbers, that the whole of a plain text states."""
    if len(plain.encode()) > _MAX_BYTES:
        return None
    text = _unmarked(plain)
    while found := _LEAD.match(text):
        text = text[found.end() :]
    text = _unmarked(text)
    one = _read_one(text, units=True)
    return _Numbers("", (one,)) if one is not None else _read_list(text)


# Choices.

_MARKED = r"""[*_`"'(\[{]+([A-Za-z])[*_`"')\]}]+"""
_LETTER = r"""[*_`"'(\[{]*[A-Z][*_`"')\]}]*"""
_LETTERS = rf"{_LETTER}(?:(?: ?[,;&] ?(?:and )?| and ){_LETTER})+"
_LEADS = (
    "(?:(?i:i|i'm|we|think|believe|choose|pick|select|say|it|it's|is|so|thus|therefore|hence|the|my|our|correct|right|"
    "best|final|most|likely|answer|answers|choice|choices|option|options|letter|would|be|are|should|must|antwort|lautet|"
    "ist|die|richtige|réponse|la|est|bonne|respuesta|correcta|es|risposta|resposta|a resposta|correta|é|ответ|الإجابة)"
    "[ :=,*_>-]+|(?:正确|正確|正解|答案|答え|回答|选项|选|選|我|的|是|为|為|は|정답|답|은)[ :=,*_>-]*)"
)
_OPENING = r"""[*_>`" ]*"""
_CLOSING = r"""[.*_`"]*"""
_CHOICE_BARE = re.compile(r"""[*_`"'(\[{ ]*([A-Za-z])[*_`"')\]}.: ]*""")
_CHOICE_SET = re.compile(f"{_OPENING}{_LEADS}*({_LETTERS}){_CLOSING}")
_CHOICE_LISTED = re.compile(r"([A-Za-z])([).:\]].*)")
_CHOICE_ASSERTED = re.compile(rf"""{_OPENING}{_LEADS}*(?:{_MARKED}|([A-Z])(?![A-Za-z0-9_])[*_`"]*)(.*)""")
_CHOICE_LED_TO_END = re.compile(f"{_OPENING}{_LEADS}+([a-z]){_CLOSING}")
_OTHER_LETTER = re.compile(
    r"(?:^|[^A-Za-z0-9\x80-\U0010ffff])(?:[B-HJ-Zb-hj-z](?:$|[^A-Za-z0-9'\x80-\U0010ffff])"
    r"|[AaIi](?:$|[^A-Za-z0-9' \x80-\U0010ffff]))"
)
_JUDGES = re.compile(
    r"(?i)\b(?:answer|choice|option|correct|incorrect|wrong|right|false|not|no|but|however|or|actually|wait|instead|"
    r"unless|maybe|perhaps)\b|n't\b",
    re.A,
)
_ASSERTS = re.compile(r"(?i)\b(?:answer|correct|right|true|best|but|however|actually|wait|no|sure|either)\b", re.A)
_CONFIRMS = re.compile(r"(?i) (?:is|would be) (?:the )?(?:correct|right|best)(?: (?:answer|choice|option|one))?[.*]*")
_REASONS = re.compile(r"(?i)[,.;:)]? ?-? ?(?:because|since|as|not|rather than|instead of)\b(.*)", re.A)
_TEXT = re.compile(r"(?:[.,;:)\]][*_ ]*| - )(.*)")


def _is_text(text: str) -> bool:
    return not _OTHER_LETTER.search(text) and not _JUDGES.search(text)


def _is_tail(tail: str, marked: bool) -> bool:
    if not tail or _CONFIRMS.fullmatch(tail):
        return True
    if reason := _REASONS.fullmatch(tail):
        return not _ASSERTS.search(reason.group(1))
    if marked and tail[0] == " ":
        return _is_text(tail)
    text = _TEXT.fullmatch(tail)
    return text is not None and _is_text(text.group(1))


def read_choice(plain: str) -> str | None:
    """Upper-case letters, ascending, that a plain text asserts."""
    if len(plain.encode()) > _MAX_BYTES:
        return None
    text = re.sub(r"[ \t\n\v\f\r\x1e\x1f]+", " ", plain).strip(" ")
    if found := _CHOICE_BARE.fullmatch(text):
        return found.group(1).upper()
    if found := _CHOICE_SET.fullmatch(text):
        return "".join(sorted(set(re.findall(r"\b([A-Z])\b", found.group(1), re.A))))
    if found := _CHOICE_LISTED.fullmatch(text):
        return found.group(1).upper() if _is_tail(found.group(2), marked=False) else None
    if found := _CHOICE_ASSERTED.fullmatch(text):
        marked, letter, tail = found.groups()
        return (marked or letter).upper() if _is_tail(tail, marked=marked is not None) else None
    if found := _CHOICE_LED_TO_END.fullmatch(text):
        return found.group(1).upper()
    return None


# Graders.

UNREADABLE_MARK = "\ufffd"
"""What the name of a class begins with whose answers the caller could not read (GRADER_IDENTICAL)."""


def _compare_classes(answer: str, reference: str) -> str:
    if answer == reference:
        return RIGHT
    return UNREADABLE if UNREADABLE_MARK in (answer[:1], reference[:1]) else WRONG


class Grader:
    """Grades and classes of answers against one reference."""

    def __init__(self, kind: int, tolerance: float, reference: str) -> None:
        self._kind = kind
        self._tolerance = tolerance
        self._text, self._form, self._numbers = self._read(reference)

    def _read(self, answer: str) -> tuple[str, str, _Numbers | None]:
        if self._kind == options_pb2.GRADER_IDENTICAL:
            return answer, answer, None
        text = normal_form(answer)
        if self._kind == options_pb2.GRADER_CHOICE:
            return text, read_choice(plain_text(answer)) or "", None
        if self._kind == options_pb2.GRADER_NUMBER:
            numbers = read_number(plain_text(answer))
            return text, numbers.form if numbers is not None else "", numbers
        return text, text, None

    def grade(self, answer: str) -> tuple[str, str]:
        """(grade, form): two answers that are not right are the same where their forms are."""
        text, form, numbers = self._read(answer)
        if self._kind == options_pb2.GRADER_IDENTICAL:
            return _compare_classes(form, self._form), form
        if not text:
            return NO_ANSWER, ""
        return self._compare(text, form, numbers), ("=" + form if form else "?" + text)

    def _compare(self, text: str, form: str, numbers: _Numbers | None) -> str:
        if text == self._text:
            return RIGHT
        if not form or not self._form:
            return UNREADABLE
        if form == self._form:
            return RIGHT
        if numbers is None or self._numbers is None:
            return WRONG
        if numbers.brackets != self._numbers.brackets:
            return UNREADABLE if "," in (numbers.brackets, self._numbers.brackets) else WRONG
        return RIGHT if self._within(numbers, self._numbers) else WRONG

    def _within(self, answer: _Numbers, reference: _Numbers) -> bool:
        if self._tolerance == 0 or len(answer.numbers) != len(reference.numbers):
            return False
        for a, b in zip(answer.numbers, reference.numbers, strict=True):
            rounding = 4 * float_info.epsilon * max(abs(a.value), abs(b.value))
            if a.text != b.text and not abs(a.value - b.value) <= self._tolerance + rounding:
                return False
        return True
