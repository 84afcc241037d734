"""python -m decision_processes --server HOST:PORT: the table of README.md. run.sh starts the server."""

from __future__ import annotations

import argparse

from assay_rl import Client
from decision_processes.report import write


def main() -> None:
    parser = argparse.ArgumentParser(prog="decision_processes", description=__doc__)
    parser.add_argument("--server", required=True, help="HOST:PORT of a running assayd")
    arguments = parser.parse_args()
    with Client(arguments.server) as client:
        write(client)


if __name__ == "__main__":
    main()
