"""assay-rl report --follow: a page on this machine that updates while files grow."""

from __future__ import annotations

import argparse
import sys
import time

from assay_rl.cli.signals import stopped_by_interrupt
from assay_rl.convert.files import FileError
from assay_rl.course.files import run_name
from assay_rl.report.collect import Collector
from assay_rl.report.follow import Follower
from assay_rl.report.live import LiveServer, Shown

PAUSE = 1.0  # seconds between two looks
SHOWN = 20  # complaints of one look


def follow(arguments: argparse.Namespace) -> int:
    """Serves until it is interrupted. What cannot be read is said."""
    title = arguments.title or run_name(arguments.signals)

    def made() -> Collector:
        return Collector(int(arguments.max_size * (1 << 20)), arguments.sample, name=title)

    follower, shown, said = Follower(arguments.signals, arguments.episodes, made, arguments.step), Shown(title), ""
    shown.show(follower.collected)
    stop = stopped_by_interrupt()
    with LiveServer(shown, arguments.port) as server:
        print(f"{server.address}  (Ctrl-C ends it)", flush=True)
        while not stop.wait(PAUSE):
            try:
                if follower.look():
                    shown.show(follower.collected)
                complaints = follower.complaints
            except (FileError, OSError) as error:
                complaints = [str(error)]
            for complaint in complaints[:SHOWN]:
                if complaint != said:
                    said = complaint
                    print(f"{time.strftime('%H:%M:%S')} assay-rl report: {said}", file=sys.stderr, flush=True)
    return 0
