"""OpenRLHF: a reward function file, and the label that carries an episode.

OpenRLHF loads `reward_func` from the Python file named by --reward.remote_url, and calls it with one query at a time:

    # reward.py
    from assay_rl.training.openrlhf import AssayReward
    reward_func = AssayReward("127.0.0.1:50051", build=my_episode)

Without Python in between, the server's HTTP gateway speaks the same protocol: --reward.remote_url
http://HOST:PORT/get_reward, the label being `episode_label(...)`.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from assay_rl.client.aio import Options
from assay_rl.client.blocking import Client, Scorer
from assay_rl.client.episodes import Episode
from assay_rl.client.evaluators import Evaluator
from assay_rl.client.outcomes import AssayError, Failed
from assay_rl.convert.files import outcome_message
from assay_rl.course.recorder import Recorder
from assay_rl.grading import Grading, Kind

Build = Callable[[str, str, str], Episode]


def episode_label(episode: Episode) -> str:
    """The episode as the label of a prompt: proto JSON, which `from_label` and the server's gateway read."""
    return episode.to_json()


def from_label(query: str, prompt: str, label: str) -> Episode:
    """Builds the episode that a label carries; its last message is replaced by what the policy wrote after the prompt.

    A label that ends with an agent's empty message is the usual case: the team's transcript up to the policy's turn.
    """
    episode = Episode.from_json(label)
    written = query[len(prompt) :] if query.startswith(prompt) else query
    if episode.messages and episode.messages[-1].agent and not episode.messages[-1].content:
        episode.messages[-1].content = written
    return episode


class AssayReward:
    """reward_func(queries, prompts, labels) -> {"rewards", "scores", "extra_logs"}, values of the protocol's form.

    server: target of the service; None: a private one of this process. build: (query, prompt, label) -> the episode
    with its outcome, unless evaluator, your own evaluation of changed episodes, tells it. grade: how answers of votes
    are compared with the reference answer: "math" (assay-rl[grading]), "choice", "number" or "exact"; None: as the
    options say.
    on_failure: "raise" stops OpenRLHF on the episode; "nan" gives it a NaN score, which --algo.dynamic_filtering drops
    together with its group: use it with that only, because nothing else in OpenRLHF looks for NaN.
    recorder: gets every result; OpenRLHF tells no step, so say episodes_per_step, those that this process scores.
    """

    def __init__(
        self,
        server: str | None,
        build: Build = from_label,
        *,
        evaluator: Evaluator | None = None,
        options: Options | None = None,
        grade: Kind | None = None,
        deadline: float | None = 170.0,  # OpenRLHF's own limit for a remote reward is 180 s
        on_failure: Literal["raise", "nan"] = "raise",
        recorder: Recorder | None = None,
        **client: Any,
    ) -> None:
        self._arguments: Mapping[str, Any] = {"deadline": deadline, **client}
        self._server = server
        self._build = build
        self._evaluator = evaluator
        self._grading = Grading(grade)
        self._options = self._grading.options(options)
        self._on_failure = on_failure
        self._recorder = recorder
        self._scorer: Scorer | None = None
        self._lock = threading.Lock()
        self._numbers = itertools.count()

    def _opened(self) -> Scorer:
        """One stream for all calls, which OpenRLHF makes from many threads; opened late, after Ray's forks."""
        with self._lock:
            if self._scorer is None:
                self._scorer = Client(self._server, **self._arguments).open(self._options, evaluator=self._evaluator)
            return self._scorer

    def __call__(self, queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
        episodes, futures = [], []
        for query, prompt, label in zip(queries, prompts, labels, strict=True):
            episode = self._build(query, prompt, label)
            episode.id = f"{next(self._numbers)}/{episode.id}"
            episodes.append(episode)
            futures.append(self._opened().submit(self._grading.episode(episode)))
        rewards: list[float] = []
        first_errors: list[float] = []
        for episode, future in zip(episodes, futures, strict=True):
            outcome = future.result()
            if self._recorder is not None:
                self._recorder.record(None, [outcome_message(outcome)], [episode.to_proto()])
            if isinstance(outcome, Failed):
                if self._on_failure == "raise":
                    raise AssayError(outcome.error)
                rewards.append(math.nan)
                first_errors.append(-1.0)
                continue
            signals = outcome.signals
            rewards.append(signals.score)
            found = signals.first_error.first_index if signals.first_error is not None else None
            first_errors.append(-1.0 if found is None else float(found))
        # extra_logs are averaged over the batch: one number a key and query.
        return {"rewards": rewards, "scores": rewards, "extra_logs": {"first_error": first_errors[0]}}
