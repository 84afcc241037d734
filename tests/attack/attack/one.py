"""One attack, in a process of bounded memory: `python -m attack.one NAME TARGET SECONDS`."""

from __future__ import annotations

import json
import resource
import sys

from attack.attacks import ATTACKS
from attack.wire import Target

MAX_BYTES = 6 << 30


def main() -> None:
    name, target, seconds = sys.argv[1:4]
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
    ATTACKS[name](Target(**json.loads(target)), float(seconds))


if __name__ == "__main__":
    main()
