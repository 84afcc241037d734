"""`assay fit`, from episodes to the server's configuration: the posterior is as sure as it may be.

Failures with eight rollouts a node, simulated as proto/signals.md#failure has them: success about .67 before the
first error and about .08 after it, and in 30 % of the episodes a recovery that is lost again. Some
are fitted on, without labels; others are asked with the default and with the fitted numbers.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from assay_process import Server

MESSAGES, ROLLOUTS = 16, 8
FITTED_ON, ASKED = 100, 1000
BINS = 10
FULL = {"audit": "AUDIT_FULL"}


def simulate(seed: int, name: str) -> tuple[dict[str, Any], int]:
    """A failed episode with its rollouts, and the message of its first error."""
    draw = random.Random(seed)
    error = draw.randrange(MESSAGES)
    recovered = range(0)
    if error < MESSAGES - 3 and draw.random() < 0.3:
        repair = draw.randrange(error + 1, MESSAGES - 2)
        recovered = range(repair + 1, draw.randrange(repair + 2, MESSAGES) + 1)
    high = min(max(draw.gauss(0.67, 0.1), 0.4), 0.95)
    low = min(max(draw.gauss(0.08, 0.04), 0.005), 0.25)
    messages = []
    for node in range(MESSAGES):
        rate = high if node <= error else low + 0.9 * (high - low) if node in recovered else low
        successes = sum(draw.random() < rate for _ in range(ROLLOUTS))
        rollouts = {"successes": successes, "trials": ROLLOUTS}
        messages.append({"agentId": "a", "content": "on", "prefixRollouts": rollouts})
    episode = {
        "id": name,
        "task": {"prompt": "q"},
        "agents": [{"id": "a"}],
        "messages": messages,
        "outcome": {"score": 0},
    }
    return episode, error


def calibration_error(results: list[dict[str, Any]], errors: dict[str, int]) -> float:
    """Guo et al. 2017, of the likeliest first error: bins of equal width."""
    bins = [[0.0, 0.0] for _ in range(BINS)]
    for result in results:
        messages = result["signals"]["messages"]
        likeliest = max(messages, key=lambda message: message["firstErrorProbability"])
        confidence = likeliest["firstErrorProbability"]
        into = bins[min(BINS - 1, int(confidence * BINS))]
        into[0] += confidence
        into[1] += likeliest["index"] == errors[result["episodeId"]]
    return sum(abs(right - confidence) for confidence, right in bins) / len(results)


def lines(episodes: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(episode) + "\n" for episode in episodes).encode()


def fit(server: Server, folder: Path) -> Path:
    labels, prior = folder / "unlabelled.jsonl", folder / "prior.json"
    labels.write_bytes(lines([simulate(i, f"fit-{i}")[0] for i in range(FITTED_ON)]))
    run = server.assay("fit", f"--labels={labels}", f"--output={prior}")
    assert run.returncode == 0, run.stderr
    assert json.loads(prior.read_text())["modelEpisodes"] == FITTED_ON
    return prior


def check_verified(server: Server, episodes: Path, results: list[dict[str, Any]]) -> None:
    run = server.assay("verify", f"--episodes={episodes}", stdin=lines(results))
    assert run.returncode == 0 and not run.stdout, run.stdout[:500]


def main() -> int:
    simulated = [simulate(1_000_000 + i, f"asked-{i}") for i in range(ASKED)]
    errors = {episode["id"]: error for episode, error in simulated}
    asked = lines([episode for episode, _ in simulated])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "asked.jsonl").write_bytes(asked)
        with Server() as server:
            prior = fit(server, folder)
            default = server.signals(asked, FULL)
            by_value = server.signals(
                asked, {**FULL, "firstError": {"fitted": json.loads(prior.read_text())}}
            )
        config = folder / "assayd.json"
        config.write_text(json.dumps({"priors": [{"name": "ours", "file": str(prior)}]}))
        with Server(f"--config={config}") as server:
            by_name = server.signals(asked, {**FULL, "firstError": {"prior": "ours"}})
            check_verified(server, folder / "asked.jsonl", by_name)
        check_verified(server, folder / "asked.jsonl", by_value)
        check_verified(server, folder / "asked.jsonl", default)
    found = {result["episodeId"]: result["signals"]["messages"] for result in by_name}
    for result in by_value:
        assert result["signals"]["messages"] == found[result["episodeId"]], result["episodeId"]
    before, after = calibration_error(default, errors), calibration_error(by_name, errors)
    print(f"expected calibration error: default {before:.3f}, fitted {after:.3f}")
    assert after <= 0.05 and after < before, (before, after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
