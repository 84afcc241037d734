"""Names of classes of answers, as GRADER_IDENTICAL compares them."""

from __future__ import annotations

from assay_rl.verify.answers import RIGHT, UNREADABLE, UNREADABLE_MARK


def class_of(grade: str, answer: str, reference: str) -> str:
    """The name of the class of `answer`: the reference for right answers and no others; what could not be read, and
    nothing else, begins with UNREADABLE_MARK. A name is the name of its own class."""
    if grade == RIGHT:
        return reference
    marked = answer.startswith(UNREADABLE_MARK)
    if grade == UNREADABLE:
        name = answer if marked else UNREADABLE_MARK + answer
    else:
        name = " " + answer if marked else answer
    return name + " " if name == reference else name
