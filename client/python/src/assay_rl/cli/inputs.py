"""What every command that reads episodes asks for, by the same names."""

from __future__ import annotations

import argparse
import sys

from assay_rl.convert.names import AUTO, NAMES
from assay_rl.convert.run import Choices
from assay_rl.convert.summary import Summary
from assay_rl.grading import KINDS


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def add_choices(parser: argparse.ArgumentParser) -> None:
    """What the caller says beside the files: who is an agent, where the outcome stands."""
    group = parser.add_argument_group("what the files do not say")
    group.add_argument("--agents", default=(), type=_names, metavar="NAME,...", help="are agents; NAME* is a beginning")
    group.add_argument(
        "--context",
        "--context-agents",
        default=(),
        type=_names,
        metavar="NAME,...",
        help="are context: people, tools, frameworks; usual names of these are known",
    )
    group.add_argument("--agent", default="", metavar="NAME", help="the agent that a format leaves without a name")
    group.add_argument(
        "--outcome", default="", metavar="FIELD", help="the score: a.b.c in the record, or a score's name"
    )
    group.add_argument("--reference", default="", metavar="FIELD", help="the reference answer, likewise")
    group.add_argument("--labels", choices=["keep", "drop"], default="keep", help="annotations of first errors")
    group.add_argument(
        "--kinds", action="store_true", help="people, tools and frameworks keep their names, as agents of that kind"
    )
    group.add_argument("--sequential", action="store_true", help="LangGraph updates: no nodes ran at the same time")


def add_format(parser: argparse.ArgumentParser, help: str = "of the episodes; auto: as the file shows") -> None:
    """--input-format, and the choices that belong to it."""
    parser.add_argument("--input-format", choices=[AUTO, *NAMES], default="episode", metavar="FORMAT", help=help)
    add_choices(parser)


def add_grade(parser: argparse.ArgumentParser, help: str) -> None:
    """--grade: how answers are compared with the reference answer."""
    parser.add_argument("--grade", choices=KINDS, help=f"{help}; math needs assay-rl[grading]")


def choices_of(arguments: argparse.Namespace) -> Choices:
    return Choices(
        agents=arguments.agents,
        context=arguments.context,
        agent=arguments.agent,
        outcome=arguments.outcome,
        reference=arguments.reference,
        keep_labels=arguments.labels == "keep",
        sequential=arguments.sequential,
        kinds=arguments.kinds,
    )


def tell(summary: Summary, command: str) -> None:
    """The summary of an import on standard error. Episodes that were read as they stand need none."""
    if set(summary.formats) - {"episode", "log"}:
        for line in summary.lines():
            print(f"assay-rl {command}: {line}", file=sys.stderr)
