"""The command line of the package: assay-rl COMMAND [FLAGS]."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from assay_rl.cli import commands
from assay_rl.cli.flags import Arguments, UsageError, help_text, parse
from assay_rl.version import version_line


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code: 0 done, 1 not all of it, 2 the call or a file cannot be read."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words:
        print(commands.overview(), end="", file=sys.stderr)
        return 2
    command, rest = words[0], words[1:]
    for word in words:
        if word == "--":
            break
        if word == "--version":
            print(version_line("assay-rl"))
            return 0
        if word in ("--help", "-h"):
            return _help("" if command.startswith("-") or command == "help" else command)
    if command == "help" and len(rest) <= 1:
        return _help(rest[0] if rest else "")
    if command == "completion" and len(rest) == 2 and rest[0] == "candidates":
        for word in commands.candidates(rest[1]):
            print(word)
        return 0
    if command in commands.OTHERS:
        return _run(command, "main", rest)
    if command not in commands.COMMANDS:
        return _usage_error(commands.no_such_command(command), "")
    try:
        arguments = parse(commands.COMMANDS[command], rest)
        if command == "completion":
            return _print_completion(arguments.names)
        return _run(command, "run", arguments)
    except UsageError as error:
        return _usage_error(str(error), command)
    except BrokenPipeError:  # whoever read our output has enough
        sys.stderr.close()
        return 1


def _run(command: str, function: str, words: Sequence[str] | Arguments) -> int:
    from assay_rl.cli import notes

    # Imported only now: no command pays for another one's dependencies.
    module = importlib.import_module(f"assay_rl.cli.{command}")
    with notes.on_stderr():
        return int(getattr(module, function)(words))


def _usage_error(what: str, command: str) -> int:
    print(f"assay-rl: {what}\nTry: assay-rl {'help ' + command if command else '--help'}", file=sys.stderr)
    return 2


def _help(command: str) -> int:
    if command and command not in commands.COMMANDS:
        return _usage_error(commands.no_such_command(command), "")
    if command in commands.OTHERS:
        return int(importlib.import_module(f"assay_rl.cli.{command}").main(["--help"]))
    text = help_text(f"assay-rl {command}", commands.COMMANDS[command]) if command else commands.overview()
    print(text, end="")
    return 0


def _print_completion(names: Sequence[str]) -> int:
    if not names or names[0] not in ("bash", "zsh"):
        raise UsageError("completion takes bash or zsh")
    print(commands.completion_script(names[0]), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
