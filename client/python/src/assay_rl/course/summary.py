"""One training step in a few kilobytes: what its episodes' signals say together.

Numbers that rest on counterfactual questions (credit) and numbers that only share out an outcome (share) are kept
apart, and where nothing was known there is None, never 0.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from assay_rl.v1 import episode_pb2, options_pb2, signal_service_pb2, signals_pb2

Json: TypeAlias = "dict[str, Any]"

FORMAT = 1  # of the file, under "assay_step"
QUANTILES = 20  # intervals between the quantiles kept of a distribution
POSITIONS = 16  # numbers of messages that first errors are counted at; the last one holds all later ones
MAX_ROLES = 200  # the most frequent are kept
MAX_TASKS = 10_000
MAX_PAIRS = 2_000  # of roles, for synergy
ZERO = 1e-9  # credits below it are none
CONSERVATION = (0.0, 1e-15, 1e-12, 1e-9, math.inf)  # bounds of the classes of conservation errors

_LABELS = {number: name.removeprefix("LABEL_") for name, number in signals_pb2.Label.items()}
_TIERS = {number: name.removeprefix("EVIDENCE_TIER_") for name, number in signals_pb2.EvidenceTier.items()}
_METHODS = {number: name.removeprefix("METHOD_") for name, number in options_pb2.Method.items()}


def only_outcome(signals: signals_pb2.EpisodeSignals) -> bool:
    """Nobody was asked what other teams would have got: an agent's number is a share of the outcome, not credit."""
    return signals.effort.evaluator == "outcome"


def value_range(signals: signals_pb2.EpisodeSignals) -> float:
    options = signals.audit.options
    return options.value_range.high - options.value_range.low if options.HasField("value_range") else 1.0


def task_key(episode: episode_pb2.Episode) -> str:
    """What makes two episodes of different runs episodes of one task: its id, else its prompt."""
    if episode.task.id and episode.task.id != episode.id:
        return episode.task.id
    if episode.task.prompt:
        return "prompt " + hashlib.sha256(episode.task.prompt.encode("utf-8", "replace")).hexdigest()[:16]
    return episode.group.id or episode.id


@dataclass
class Numbers:
    """Values of one kind: how many, their mean, spread and quantiles."""

    values: array[float] = field(default_factory=lambda: array("d"))

    def add(self, value: float) -> None:
        if math.isfinite(value):
            self.values.append(value)

    @property
    def mean(self) -> float | None:
        return math.fsum(self.values) / len(self.values) if self.values else None

    @property
    def spread(self) -> float | None:
        """Standard deviation of these values."""
        mean = self.mean
        if mean is None:
            return None
        return math.sqrt(math.fsum((v - mean) ** 2 for v in self.values) / len(self.values))

    def share(self, of: Iterable[bool]) -> float | None:
        return sum(of) / len(self.values) if self.values else None

    def to_json(self) -> Json | None:
        if not self.values:
            return None
        ordered = sorted(self.values)
        last = len(ordered) - 1
        # Half up, as the page's script rounds.
        quantiles = [ordered[math.floor(k * last / QUANTILES + 0.5)] for k in range(QUANTILES + 1)]
        return {"n": len(ordered), "mean": self.mean, "spread": self.spread, "quantiles": quantiles}


@dataclass
class _Role:
    episodes: int = 0
    messages: int = 0
    credit: Numbers = field(default_factory=Numbers)
    share: Numbers = field(default_factory=Numbers)
    repeats: Numbers = field(default_factory=Numbers)
    advantage: Numbers = field(default_factory=Numbers)
    first_errors: int = 0
    positions: Counter[int] = field(default_factory=Counter)
    graded: int = 0
    right: int = 0

    def to_json(self) -> Json:
        return {
            "episodes": self.episodes,
            "messages": self.messages,
            "credit": self.credit.to_json(),
            "share": self.share.to_json(),
            "hurt": self.credit.share(v < -ZERO for v in self.credit.values),
            "mattered": self.credit.share(abs(v) > ZERO for v in self.credit.values),
            "redundancy": self.repeats.mean,
            "first_errors": self.first_errors,
            "positions": [self.positions[k] for k in range(max(self.positions, default=-1) + 1)],
            "advantage": self.advantage.to_json(),
            "graded": self.graded,
            "right": self.right,
        }


@dataclass(frozen=True)
class _Known:
    """What the signals do not say of an episode."""

    roles: Mapping[str, str]
    task: str


class StepSummary:
    """Filled with the results of a step in any order; each episode's own facts before or with its result."""

    def __init__(self, step: int | None = None, run: str = "") -> None:
        self.step, self.run = step, run
        self.episodes = self.failed = self.successes = self.claimed = self.messages = 0
        self.numbers: dict[str, Numbers] = {}
        self.labels: Counter[str] = Counter()
        self.tiers: Counter[str] = Counter()
        self.conservation = [0] * len(CONSERVATION)
        self.worst = 0.0
        self.graded = self.right = self.groups = self.groups_failed = self.questions = 0
        self.valued = self.mismatched = 0
        self._roles: dict[str, _Role] = {}
        self._synergy: dict[tuple[str, str], list[float]] = {}
        self._budget: dict[tuple[str, str], list[int]] = {}
        self._tasks: dict[str, list[float]] = {}
        self._known: dict[str, _Known] = {}
        self._authors: dict[str, dict[int, str]] = {}  # of episodes in groups, until their group comes

    def expect(self, episode: episode_pb2.Episode) -> None:
        """An episode whose result will come: its roles and its task."""
        self._known[episode.id] = _known(episode)

    def add(
        self,
        result: signal_service_pb2.EpisodeResult | signal_service_pb2.GroupResult,
        episode: episode_pb2.Episode | None = None,
    ) -> None:
        if isinstance(result, signal_service_pb2.GroupResult):
            self._add_group(result)
            return
        expected = self._known.pop(result.episode_id, None)
        known = _known(episode) if episode is not None else expected
        self.episodes += 1
        if result.WhichOneof("outcome") != "signals":
            self.failed += 1
            return
        self._add_signals(result.signals, known)

    def _number(self, name: str, value: float) -> None:
        self.numbers.setdefault(name, Numbers()).add(value)

    def _add_signals(self, signals: signals_pb2.EpisodeSignals, known: _Known | None) -> None:
        roles = {a.agent_id: (known.roles.get(a.agent_id) if known else "") or a.agent_id for a in signals.agents}
        self.successes += signals.success
        self._number("score", signals.score)
        if not only_outcome(signals):
            self.valued += 1
            self.mismatched += signals.outcome_mismatch
            self._number("team_value", signals.grand_value)
            self._number("unexplained", abs(signals.unexplained) if signals.outcome_mismatch else 0.0)
        task = known.task if known else signals.group.id
        if task and (task in self._tasks or len(self._tasks) < MAX_TASKS):
            entry = self._tasks.setdefault(task, [0, 0.0])
            entry[0] += 1
            entry[1] += signals.score
        self._add_agents(signals, roles)
        self._add_messages(signals, roles)
        self._add_first_error(signals, roles)
        self._add_effort(signals)
        for pair in signals.interactions:
            key = tuple(sorted((roles.get(pair.agent_a, pair.agent_a), roles.get(pair.agent_b, pair.agent_b))))
            total = self._synergy.setdefault((key[0], key[1]), [0.0, 0])
            total[0] += pair.index
            total[1] += 1

    def _add_agents(self, signals: signals_pb2.EpisodeSignals, roles: Mapping[str, str]) -> None:
        shared = only_outcome(signals)
        for agent in signals.agents:
            role = self._roles.setdefault(roles[agent.agent_id], _Role())
            role.episodes += 1
            (role.share if shared else role.credit).add(agent.reward_total if shared else agent.credit)
            if not shared:
                self._number("interval_width", agent.high - agent.low)

    def _add_messages(self, signals: signals_pb2.EpisodeSignals, roles: Mapping[str, str]) -> None:
        self.messages += len(signals.messages)
        for message in signals.messages:
            role = self._roles.setdefault(roles.get(message.agent_id, message.agent_id), _Role())
            role.messages += 1
            role.repeats.add(message.redundancy)
            self._number("redundancy", message.redundancy)
            self.labels[_LABELS.get(message.label, "UNSPECIFIED")] += 1
            if message.grade:
                right = message.grade == signals_pb2.ANSWER_GRADE_RIGHT
                role.graded, role.right = role.graded + 1, role.right + right
                self.graded, self.right = self.graded + 1, self.right + right
        if signals.HasField("group"):
            self._authors[signals.episode_id] = {m.index: roles.get(m.agent_id, m.agent_id) for m in signals.messages}

    def _add_first_error(self, signals: signals_pb2.EpisodeSignals, roles: Mapping[str, str]) -> None:
        first = signals.first_error
        if not signals.success:
            self.tiers[_TIERS.get(first.tier, "UNSPECIFIED")] += 1
        if not first.HasField("first_index"):
            return
        self.claimed += 1
        for message in signals.messages:
            if message.index == first.first_index:
                role = self._roles[roles.get(message.agent_id, message.agent_id)]
                role.first_errors += 1
                role.positions[min(message.index, POSITIONS - 1)] += 1

    def _add_effort(self, signals: signals_pb2.EpisodeSignals) -> None:
        error = signals.conservation.error / value_range(signals)
        self.worst = max(self.worst, error if math.isfinite(error) else sys.float_info.max)
        self.conservation[next((k for k, bound in enumerate(CONSERVATION) if error <= bound), -1)] += 1
        effort = signals.effort
        self.questions += effort.questions
        self._number("questions", effort.questions)
        self._number("samples", effort.samples)
        key = (effort.evaluator, _METHODS.get(effort.method, "") if effort.method else "")
        entry = self._budget.setdefault(key, [0, 0, 0])
        self._budget[key] = [entry[0] + 1, entry[1] + effort.questions, max(entry[2], effort.questions)]

    def _add_group(self, result: signal_service_pb2.GroupResult) -> None:
        self.groups += 1
        if result.WhichOneof("outcome") != "signals":
            self.groups_failed += 1
            return
        group = result.signals
        self._number("task_spread", group.std_score)
        self._number("credit_weight", group.weight)
        if group.credit_part != options_pb2.CREDIT_PART_NONE:
            self._number("reliability", group.reliability)
        for member in group.episodes:
            authors = self._authors.pop(member.episode_id, {})
            for message in member.messages:
                self._number("advantage", message.advantage)
                if message.index in authors:
                    self._roles[authors[message.index]].advantage.add(message.advantage)

    def metrics(self) -> Json:
        """Scalars of the step by name; None where nothing is known. `METRICS` says what each is."""
        scored = self.episodes - self.failed
        mean = {name: numbers.mean for name, numbers in self.numbers.items()}
        spread = {name: numbers.spread for name, numbers in self.numbers.items()}
        return {
            "score": mean.get("score"),
            "score_spread": spread.get("score"),
            "success_rate": self.successes / scored if scored else None,
            "team_value": mean.get("team_value"),
            "unexplained": mean.get("unexplained"),
            "first_errors": self.claimed / scored if scored else None,
            "redundancy": mean.get("redundancy"),
            "task_spread": mean.get("task_spread"),
            "advantage_spread": spread.get("advantage"),
            "reliability": mean.get("reliability"),
            "credit_weight": mean.get("credit_weight"),
            "interval_width": mean.get("interval_width"),
            "right_answers": self.right / self.graded if self.graded else None,
            "questions": mean.get("questions"),
            "samples": mean.get("samples"),
            "conservation": self.worst if scored else None,
        }

    def to_json(self) -> Json:
        frequent = sorted(self._roles.items(), key=lambda item: (-item[1].episodes, item[0]))
        synergy = sorted(self._synergy.items(), key=lambda item: (-item[1][1], item[0]))[:MAX_PAIRS]
        return {
            "assay_step": FORMAT,
            "step": self.step,
            "run": self.run,
            "episodes": self.episodes,
            "failed": self.failed,
            "successes": self.successes,
            "messages": self.messages,
            "claimed": self.claimed,
            "graded": self.graded,
            "right": self.right,
            "groups": self.groups,
            "groups_failed": self.groups_failed,
            "question_total": self.questions,
            "valued": self.valued,
            "mismatched": self.mismatched,
            "metrics": self.metrics(),
            "roles": {name: role.to_json() for name, role in frequent[:MAX_ROLES]},
            "roles_left_out": max(0, len(frequent) - MAX_ROLES),
            "labels": dict(sorted(self.labels.items())),
            "tiers": dict(sorted(self.tiers.items())),
            "synergy": [[a, b, total / n, n] for (a, b), (total, n) in synergy],
            "conservation": self.conservation,
            "budget": [[*key, *counts] for key, counts in self._budget.items()],
            "tasks": {key: [int(n), total / n] for key, (n, total) in sorted(self._tasks.items())},
        }

    def write(self, path: str | Path) -> None:
        """Writes the file whole or not at all."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(target.name + ".part")
        text = json.dumps(self.to_json(), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        unfinished.write_text(text + "\n", encoding="utf-8")
        unfinished.replace(target)


def _known(episode: episode_pb2.Episode) -> _Known:
    return _Known({agent.id: agent.role for agent in episode.agents if agent.role}, task_key(episode))
