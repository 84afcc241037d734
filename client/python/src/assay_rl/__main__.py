"""assay-rl {convert,signals,judge,verify,export,report,log}: each command is a module with main(argv) -> exit code."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

COMMANDS = {
    "convert": ("assay_rl.cli.convert", "turn traces, logs and rollouts of other tools into episodes"),
    "signals": ("assay_rl.cli.signals", "send episodes to a server, write one result a line"),
    "judge": ("assay_rl.cli.judge", "let models grade the messages of episodes, with the cost told before"),
    "verify": ("assay_rl.cli.verify", "compute signals again from their audit, independently of the server"),
    "export": ("assay_rl.cli.export", "turn signals into training sets for TRL, Step-DPO and token-level trainers"),
    "report": ("assay_rl.cli.report", "render signals and episodes, or a training run, as one HTML page"),
    "log": ("assay_rl.cli.log", "send the steps of a training run to TensorBoard, W&B or MLflow"),
}


def usage() -> str:
    lines = ["usage: assay-rl COMMAND [ARGUMENT...]", "", "commands:"]
    lines += [f"  {name:<8} {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join([*lines, "", "assay-rl COMMAND --help tells a command's arguments."])


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] not in COMMANDS:
        helped = bool(arguments) and arguments[0] in ("-h", "--help")
        print(usage(), file=sys.stdout if helped else sys.stderr)
        return 0 if helped else 2
    # Imported only now: no command pays for another one's dependencies.
    module = importlib.import_module(COMMANDS[arguments[0]][0])
    return int(module.main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main())
