"""assay-rl log: the steps of a training run to TensorBoard, Weights & Biases or MLflow."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from assay_rl.cli.report import course_of
from assay_rl.convert.files import FileError
from assay_rl.course.files import run_name
from assay_rl.course.loggers import Logger, MlflowLogger, TensorBoardLogger, WandbLogger


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="assay-rl log", description=__doc__)
    parser.add_argument("tracker", choices=["tensorboard", "wandb", "mlflow"])
    parser.add_argument("steps", nargs="+", help="files or folders of signals or summaries, as `report` takes them")
    parser.add_argument(
        "--to", metavar="WHERE", help="tensorboard: a folder (default: runs/assay); wandb: its folder; mlflow: a URI"
    )
    parser.add_argument("--project", default="assay", help="wandb: the project; mlflow: the experiment")
    parser.add_argument("--run", help="its name there; default: the name of the files")
    parser.add_argument("--step", default="auto", metavar="name|order|FIELD", help="as for `report`")
    parser.add_argument("--offline", action="store_true", help="wandb: write to its folder only")
    return parser


def main(argv: Sequence[str]) -> int:
    """Exit code 0 where at least one step was logged, 1 where there was none, 2 for bad input or a missing package."""
    arguments = parser().parse_args(argv)
    try:
        steps = sorted(course_of(arguments.steps, arguments.step), key=lambda s: s["step"] or 0)
        if not steps:
            print("assay-rl log: no steps", file=sys.stderr)
            return 1
    except (OSError, FileError) as error:
        print(f"assay-rl log: {error}", file=sys.stderr)
        return 2
    try:
        logger = _logger(arguments)
        for summary in steps:
            logger.log(summary)
        logger.close()
    except Exception as error:  # each tracker has errors of its own
        print(f"assay-rl log: {arguments.tracker}: {error}", file=sys.stderr)
        return 2
    print(f"{len(steps)} steps", file=sys.stderr)
    return 0


def _logger(arguments: argparse.Namespace) -> Logger:
    name = arguments.run or run_name(arguments.steps)
    if arguments.tracker == "tensorboard":
        return TensorBoardLogger(arguments.to or "runs/assay")
    if arguments.tracker == "wandb":
        mode = "offline" if arguments.offline else None
        return WandbLogger(project=arguments.project, name=name, dir=arguments.to, mode=mode)
    return MlflowLogger(arguments.to, arguments.project, run_name=name)
