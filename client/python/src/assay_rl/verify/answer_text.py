"""The text of an answer: folded to ASCII, out of its wrappers, and in its normal form."""

from __future__ import annotations

import re

THIN = "\x1e"  # a thin space of LaTeX
FIRM = "\x1f"  # a space of Unicode that is no plain blank
SPACE = " \t\n\v\f\r"
MAX_BYTES = 1024

# Characters of Unicode that look like ASCII or are a command of LaTeX.
_FOLDED = {
    **dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63], "-"),
    **dict.fromkeys([0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], FIRM),
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
                out.append(THIN)
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
        if char in SPACE or char == FIRM:
            blank = True
        elif char == THIN:
            thin = True
        else:
            if out and _is_word(out[-1]) and _is_word(char):
                digits = out[-1] in "0123456789" and char in "0123456789"
                if blank or (thin and digits):
                    out.append(" ")
            blank = thin = False
            out.append(char.lower() if char.isascii() else char)
    return "".join(out)
