"""Writes large_anchors.csv: errors of public estimators on the games of large.cc, at 8 questions an agent.

Usage: large_public.py LARGE_ESTIMATORS > large_anchors.csv; needs shapiq 1.8 with xgboost and lightgbm. Of each game 3
seeds; `mse` is the mean over games, seeds and agents, `ms` the processor's time of one estimate in milliseconds, the
game's own left out.
"""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import shapiq.approximator as public

FAMILIES = ("noisyor", "soum", "trees", "voting")
SIZES = (24, 32, 48, 64)
GAMES, SEEDS, QUESTIONS_AN_AGENT = 3, 3, 8
ESTIMATORS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "KernelSHAP": lambda of: public.KernelSHAP(**of),
    "KernelSHAP-paired": lambda of: public.KernelSHAP(**of, pairing_trick=True),
    "LeverageSHAP": lambda of: public.LeverageSHAP(**of),
    "OddSHAP": lambda of: public.OddSHAP(**of),
    "PolySHAP2": lambda of: public.PolySHAP(**of, max_order=2, pairing_trick=True),
    "ProxySHAP": lambda of: public.ProxySHAP(**of, index="SV", max_order=1),
    "ProxySHAP-msr(linear)": lambda of: public.ProxySHAP(
        **of, index="SV", max_order=1, proxy_model="linear", adjustment=True
    ),
    "ProxySPEX": lambda of: public.ProxySPEX(**of, index="SV", max_order=1, hpo=False),
    "RegressionMSR(xgb)": lambda of: public.RegressionMSR(**of, index="SV"),
    "RegressionMSR(linear)": lambda of: public.RegressionMSR(**of, index="SV", proxy_model="linear"),
    "kADDSHAP": lambda of: public.kADDSHAP(**of, max_order=2),
    "UnbiasedKernelSHAP": lambda of: public.UnbiasedKernelSHAP(**of),
    "SVARM": lambda of: public.SVARM(**of),
    "OwenSampling": lambda of: public.OwenSamplingSV(**of, n_anchor_points=4),
    "PermutationSampling": lambda of: public.PermutationSamplingSV(**of),
    "Stratified": lambda of: public.StratifiedSamplingSV(**of),
}


class Game:
    """A game that LARGE_ESTIMATORS plays: called with rows of booleans, it gives a value a row."""

    def __init__(self, program: str, family: str, n: int, number: int) -> None:
        self.program = subprocess.Popen(
            [program, family, str(n), str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.truth = np.array(self._line().split(), dtype=float)
        self._line()  # the range
        self.seconds = 0.0

    def __call__(self, sets: Any) -> Any:
        start = time.process_time()
        rows = np.atleast_2d(sets)
        assert self.program.stdin is not None
        self.program.stdin.write("".join(f"{sum(1 << int(i) for i in np.flatnonzero(row))}\n" for row in rows))
        self.program.stdin.flush()
        values = np.array([float(self._line()) for _ in rows])
        self.seconds += time.process_time() - start
        return values

    def close(self) -> None:
        assert self.program.stdin is not None
        self.program.stdin.close()
        self.program.wait()

    def _line(self) -> str:
        assert self.program.stdout is not None
        return self.program.stdout.readline()


def estimate(name: str, game: Game, seed: int) -> tuple[float, float]:
    """The mean squared error of one estimate, and its milliseconds."""
    n = len(game.truth)
    start, of_game = time.process_time(), game.seconds
    found = ESTIMATORS[name]({"n": n, "random_state": seed}).approximate(QUESTIONS_AN_AGENT * n, game)
    took = time.process_time() - start - (game.seconds - of_game)
    shapley = np.array([found[(i,)] for i in range(n)])
    return float(np.mean((shapley - game.truth) ** 2)), 1e3 * took


def main() -> int:
    warnings.simplefilter("ignore")
    print("n,game,budget,method,mse,seeds,ms")
    for n in SIZES:
        for family in FAMILIES:
            games = [Game(sys.argv[1], family, n, number) for number in range(1, GAMES + 1)]
            for name in ESTIMATORS:
                found = [estimate(name, game, seed) for game in games for seed in range(SEEDS)]
                mse, ms = np.mean(found, axis=0)
                print(f"{n},{family},{QUESTIONS_AN_AGENT * n},{name},{mse:.4e},{SEEDS},{ms:.1f}", flush=True)
            for game in games:
                game.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
