"""The commands of `assay-rl` and their flags. Those that `assay` has too are alike (client/command/commands.cc)."""

from __future__ import annotations

import importlib

from assay_rl.cli.flags import Command, Flag, Group, completions
from assay_rl.cli.parsers import completions_of
from assay_rl.convert.closest import closest, did_you_mean
from assay_rl.convert.names import AUTO, NAMES

_ANY_NUMBER = 1_000_000

_OF_SERVER = Group(
    "Of the server",
    (
        Flag("server", "HOST:PORT", "127.0.0.1:50051", "address of assayd; unix:PATH for a Unix socket"),
        Flag("timeout", "DURATION", "30s", "how long to look for a server that is gone"),
        Flag("tls", help="encrypt; the other --tls flags mean it too"),
        Flag("tls-roots", "PEM", help="authorities that may have signed the server; else the system's"),
        Flag("tls-certificate", "PEM", help="our own certificate chain, for mutual TLS"),
        Flag("tls-key", "PEM", help="its key"),
        Flag("token-file", "FILE", help="a bearer token"),
    ),
)
_INPUT_FORMAT = Flag(
    "input-format", "FORMAT", "episode", "auto: as each file shows; assay-rl convert --help lists them",
    choices=(AUTO, *NAMES),
)  # fmt: skip
_CONTEXT_AGENTS = Flag(
    "context-agents", "NAME,...", "", "whose messages are context, such as user,tool:*", also=("context",)
)
_LABELS = Flag("labels", "keep|drop", "keep", "what becomes of annotated first errors")
_SAID_BY_CALLER = (
    Flag("agents", "NAME,...", help="are agents; NAME* is a beginning"),
    Flag("agent", "NAME", help="the agent that a format leaves without a name"),
    Flag("outcome", "FIELD", help="the score: a.b.c in the record, or a score's name"),
    Flag("reference", "FIELD", help="the reference answer, likewise"),
    Flag("sequential", help="LangGraph updates: no nodes ran at the same time"),
    Flag("kinds", help="people, tools and frameworks keep their names, as agents of that kind"),
)
_OF_EPISODES = Group("Of the episodes", (_INPUT_FORMAT, _CONTEXT_AGENTS, _LABELS, *_SAID_BY_CALLER))
_OUTPUT = Flag("output", "FILE", "", "else standard output", "o")
_OPTIONS = Flag("options", "FILE", "", "AttributionOptions in JSON; else all defaults")

_SIGNALS = Command(
    "signals", "send episodes to a server, write one result a line", "[FILE...]", _ANY_NUMBER,
    """Sends episodes to a server and writes one EpisodeResult or GroupResult in JSON a line, in the
order of completion. Without FILE, or where it is -, standard input is read. Files may be gzip.
Exit code: 0 every episode was answered with signals, 1 not every one, 2 the call, a file or a record
of it cannot be read.
""",
    (
        Group("", (
            _OPTIONS,
            Flag("format", "json|table", "json", "a table is for people"),
            Flag("grade", "choice|number|exact|math", "",
                 "how answers are compared with the reference answer; math: assay-rl"),
            Flag("streams", "1..256", "1", "streams to spread the episodes over; a group stays on one"),
            _OUTPUT,
            Flag("deadline", "DURATION", "", "for each episode; else none"),
            Flag("summary", "FILE", "", "also a small file about this training step, for report"),
            Flag("step", "0..1000000000", "", "of --summary; else the number in the file's name"),
        )),
        _OF_EPISODES,
        _OF_SERVER,
    ),
)  # fmt: skip
_VERIFY = Command(
    "verify", "compute signals again from their audit, without a server", "[FILE...]", _ANY_NUMBER,
    """Computes the signals of FILE, else of standard input, again from their AUDIT_FULL records and the
episodes. Exit code: 0 all are right, 1 something is wrong, 2 the call or a file cannot be read.
""",
    (
        Group("", (
            Flag("episodes", "FILE", "", "the episodes that were sent; may be given several times"),
            Flag("quiet", "", "", "say nothing but what is wrong", "q"),
            Flag("grade", "choice|number|exact|math", "", "as it was given to signals"),
            Flag("jobs", "1..1024", "", "worker processes; else one a core"),
            Flag("all", "", "", "show every finding, not the first 20 of a result"),
        )),
        _OF_EPISODES,
    ),
)  # fmt: skip
_FIT = Command(
    "fit", "learn where errors tend to be, from labelled episodes", "", 0,
    """Learns from episodes with an annotated first error where errors tend to be, from a collection and
between them, and what judges are worth; from those with rollouts or process scores the numbers of
the model. Each is validated by question and by leaving a collection out, and what does not beat
uniform shares is not called fitted. The result is for the configuration of assayd, or for the
options (firstError.fitted). Exit code: 0 written, 1 nothing was learned, 2 the call or a file
cannot be read. The learning is done by the program assay, which this command looks for.
""",
    (
        Group("", (
            Flag("labels", "[NAME=]FILE", "", "the episodes of one collection; may be given several times"),
            Flag("options", "FILE", "", "AttributionOptions in JSON that they are read with"),
            _OUTPUT,
        )),
        Group("Of the episodes", (_INPUT_FORMAT, _CONTEXT_AGENTS, *_SAID_BY_CALLER)),
    ),
)  # fmt: skip
_INFO = Command(
    "info", "tell the version, limits and evaluators of a server", "", 0,
    """Prints GetServerInfoResponse in JSON. Exit code: 0 printed, 1 the server gave none, 2 the call
cannot be read.
""",
    (_OF_SERVER,),
)  # fmt: skip
# Their modules read their own words.
_OTHERS = (
    Command("convert", "turn traces, logs and rollouts of other tools into episodes"),
    Command("judge", "let models grade the messages of episodes, with the cost told before"),
    Command("export", "turn signals into training sets for TRL, Step-DPO and token-level trainers"),
    Command("report", "render signals and episodes, or a training run, as one HTML page"),
    Command("log", "send the steps of a training run to TensorBoard, W&B or MLflow"),
)
_COMPLETION = Command(
    "completion", "print what a shell needs to complete commands and flags", "bash|zsh", 1,
    "Prints a script for the shell: source <(assay-rl completion bash)\n",
)  # fmt: skip

COMMANDS = {
    command.name: command for command in (_OTHERS[0], _SIGNALS, _VERIFY, *_OTHERS[1:], _FIT, _INFO, _COMPLETION)
}
OTHERS = frozenset(command.name for command in _OTHERS)

_BASH = r"""_PROGRAM_complete() {
  local IFS=$'\n'
  local line=${COMP_LINE:0:COMP_POINT}
  COMPREPLY=($(PROGRAM completion candidates "$line" 2>/dev/null))
  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
}
complete -o default -F _PROGRAM_complete PROGRAM
"""
_ZSH = r"""#compdef PROGRAM
_PROGRAM_complete() {
  local -a found
  found=("${(@f)$(PROGRAM completion candidates "${(j: :)words[1,CURRENT]}" 2>/dev/null)}")
  [[ $PREFIX == --*=* ]] && compset -P '*='
  if [[ -n $found[1] ]]; then
    compadd -S ' ' -- ${found:#*=}
    compadd -S '' -- ${(M)found:#*=}
  else
    _files
  fi
}
compdef _PROGRAM_complete PROGRAM
"""


def no_such_command(name: str) -> str:
    return f"no such command: {name}{did_you_mean(closest(name, list(COMMANDS)))}"


def overview() -> str:
    lines = ["usage: assay-rl COMMAND [FLAGS]", ""]
    lines += [f"  {command.name:<11} {command.summary}" for command in COMMANDS.values()]
    return "\n".join([*lines, "", "assay-rl help COMMAND tells its flags; assay-rl --version the version.", ""])


def candidates(line: str) -> list[str]:
    """What may stand in place of the last word of a line up to the cursor, the program first."""
    words = line.split()
    if not line or line[-1].isspace():
        words.append("")
    words = words[1:]
    if len(words) == 1 or (len(words) == 2 and words[0] == "help"):
        return [name for name in [*COMMANDS, "help", "--help", "--version"] if name.startswith(words[-1])]
    command = COMMANDS.get(words[0]) if words else None
    if command is None:
        return []
    if command.name in OTHERS:
        return completions_of(importlib.import_module(f"assay_rl.cli.{command.name}").parser(), words[1:])
    return completions(command, words[1:])


def completion_script(shell: str, program: str = "assay-rl") -> str:
    """What a shell ("bash" or "zsh") has to read in order to complete `program`."""
    return (_ZSH if shell == "zsh" else _BASH).replace("PROGRAM", program)
