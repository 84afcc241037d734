"""python -m team_training --server HOST:PORT [--smoke]: the experiment and its report. run.sh starts the server."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from team_training.experiment import FULL, SMOKE, Experiment
from team_training.report import Report
from team_training.report_ablations import AblationReport


def main() -> None:
    parser = argparse.ArgumentParser(prog="team_training", description=__doc__)
    parser.add_argument("--server", help="HOST:PORT of a running assayd")
    parser.add_argument("--smoke", action="store_true", help="few seeds and rollouts: does everything run?")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--resume", action="store_true", help="go on where a run with the same code was interrupted")
    parser.add_argument("--output", type=Path, required=True, help="folder for REPORT.md and its pictures")
    parser.add_argument("--results", type=Path, required=True, help="file for the raw results (JSON)")
    parser.add_argument("--report-only", action="store_true", help="of what an interrupted run has done")
    parser.add_argument("--ablations-only", action="store_true", help="likewise, of ABLATIONS.md alone")
    arguments = parser.parse_args()
    arguments.report_only |= arguments.ablations_only

    if not arguments.report_only and not arguments.server:
        parser.error("--server is needed to run the experiment")
    plan = SMOKE if arguments.smoke else FULL
    target = "" if arguments.report_only else arguments.server
    resume = arguments.resume or arguments.report_only
    results = Experiment(plan, target, arguments.processes, arguments.results.parent / "jobs", resume).run()
    arguments.results.write_text(json.dumps(results), encoding="utf-8")
    if arguments.ablations_only:
        AblationReport(results).write(arguments.output)
        return
    report = Report(json.loads(arguments.results.read_text(encoding="utf-8")))
    report.write(arguments.output)
    print(arguments.output / "REPORT.md")
    print("\n".join(report.last_lines()))


if __name__ == "__main__":
    main()
