"""TRL: a reward function for GRPOTrainer, and a trainer with per-token advantages.

    reward = AssayReward("127.0.0.1:50051", build=my_episode, options={...})
    trainer = CreditGRPOTrainer(model, reward_funcs=reward, args=GRPOConfig(...), train_dataset=...)

An episode that fails has the reward None, which TRL leaves out of the group, and no advantage.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from accelerate.utils import gather_object
from trl import GRPOTrainer

from assay_rl.client.aio import Options, options_proto
from assay_rl.client.blocking import Client
from assay_rl.client.episodes import Episode
from assay_rl.client.evaluators import Evaluator
from assay_rl.client.outcomes import Advantages, Batch, GroupFailed, GroupOutcome, Scored
from assay_rl.convert.files import outcome_message
from assay_rl.course.files import Result
from assay_rl.course.recorder import Recorder
from assay_rl.grading import Grading, Kind
from assay_rl.training.advantage_options import advantage_options
from assay_rl.training.group_board import in_group
from assay_rl.training.tokens import Span, place, spans_from_mask
from assay_rl.v1 import options_pb2, signal_service_pb2, signals_pb2

log = logging.getLogger("assay_rl")

# build(prompt, completion, row) -> the episode that the completion ended, its score included, and where its messages
# lie in the completion's tokens. Spans can be left to the adapter where the policy's own tokens form one run a message.
Built: TypeAlias = "Episode | tuple[Episode, Sequence[Span]]"
Build: TypeAlias = "Callable[[Any, Any, Mapping[str, Any]], Built]"

_NOT_ROWS = frozenset({"trainer_state", "log_extra", "log_metric", "environments"})


@dataclass
class Sample:
    """What became of one completion of the last batch; `signals` is None where its episode failed."""

    episode: Episode
    spans: Sequence[Span] | None
    signals: signals_pb2.EpisodeSignals | None


class AssayReward:
    """An async reward function: list[float | None], the score of every completion's episode.

    server: target of the service; None: a private one of this process (assay_rl.local). evaluator: your own evaluation
    of changed episodes, a function or a coroutine. options: AttributionOptions or a mapping of them; the same for every
    batch.
    grade: how answers of votes are compared with the reference answer: "math" (assay-rl[grading]), "choice", "number"
    or "exact"; None: as the options say.
    deadline: seconds for one episode, after which its reward is None.
    recorder: gets the results of every step for `assay-rl report` and experiment trackers, evaluations included; of
    several processes give it to the first alone. You close it when training is done.
    """

    def __init__(
        self,
        server: str | None,
        build: Build,
        *,
        evaluator: Evaluator | None = None,
        options: Options | None = None,
        grade: Kind | None = None,
        deadline: float | None = 120.0,
        recorder: Recorder | None = None,
        **client: Any,
    ) -> None:
        self.__name__ = "assay"
        self._grading = Grading(grade)
        self.options = options_proto(self._grading.options(options))
        self.samples: list[Sample] = []
        self.recorder = recorder
        self.records_groups = False  # a trainer that computes groups records episodes together with them
        self.step = -1
        self._build = build
        self._evaluator = evaluator
        self.client = Client(server, deadline=deadline, **client)

    async def __call__(self, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> list[float | None]:
        samples = []
        for i, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
            row = {key: values[i] for key, values in columns.items() if key not in _NOT_ROWS}
            built = self._build(prompt, completion, row)
            episode, spans = built if isinstance(built, tuple) else (built, None)
            episode.id = f"{i}/{episode.id}"
            samples.append(Sample(episode, spans, None))
        batch = await asyncio.to_thread(self._score, [sample.episode for sample in samples])
        for sample, outcome in zip(samples, batch.outcomes, strict=True):
            if isinstance(outcome, Scored):
                sample.signals = outcome.proto.signals
            else:
                log.warning("no reward for episode %s: %s", outcome.episode_id, outcome.error)
        self.samples = samples
        state = columns.get("trainer_state")
        self.step = self.step + 1 if state is None else int(state.global_step)
        if self.recorder is not None and not self.records_groups:
            results = [outcome_message(outcome) for outcome in batch.outcomes]
            self.recorder.record(self.step, results, [sample.episode.to_proto() for sample in samples])
        return [s.signals.score if s.signals is not None else None for s in samples]

    def _score(self, episodes: Sequence[Episode]) -> Batch:
        return self.client.score_batch(
            list(self._grading.episodes(episodes)), options=self.options, evaluator=self._evaluator
        )

    def advantages(
        self, groups: Sequence[Sequence[signals_pb2.EpisodeSignals]], options: options_pb2.AdvantageOptions
    ) -> dict[str, tuple[Advantages, float]]:
        """Advantages by episode id with the weight of their credit part, for episodes that carry their group."""
        value_range = self.options.value_range if self.options.HasField("value_range") else None
        outcomes = self.client.advantages(
            [signals for group in groups for signals in group],
            options=options,
            value_range=(value_range.low, value_range.high) if value_range is not None else None,
        )
        self._record_groups(groups, outcomes.values())
        found: dict[str, tuple[Advantages, float]] = {}
        for outcome in outcomes.values():
            if isinstance(outcome, GroupFailed):
                log.warning("no advantages for group %s: %s", outcome.group_id, outcome.error)
                continue
            found.update({episode: (own, outcome.weight) for episode, own in outcome.advantages.items()})
        return found

    def _record_groups(
        self, groups: Sequence[Sequence[signals_pb2.EpisodeSignals]], outcomes: Iterable[GroupOutcome]
    ) -> None:
        """Episodes as they stand in their groups, and those of this process that failed."""
        if self.recorder is None:
            return
        results: list[Result] = [
            signal_service_pb2.EpisodeResult(episode_id=signals.episode_id, signals=signals)
            for group in groups
            for signals in group
        ]
        results += [
            signal_service_pb2.EpisodeResult(episode_id=sample.episode.id)
            for sample in self.samples
            if sample.signals is None
        ]
        episodes = []
        for number, sample in enumerate(self.samples):  # the first process's come first among all
            episode = sample.episode.to_proto()
            episode.id = episode.id if sample.signals is None else str(number)
            episodes.append(episode)
        self.recorder.record(self.step, [*results, *map(outcome_message, outcomes)], episodes)


class CreditGRPOTrainer(GRPOTrainer):  # type: ignore[misc]
    """GRPOTrainer whose advantages are (B, T): (1 - weight) X + weight K of the signals, message by message.

    X is TRL's own advantage (several reward functions, their weights and scale_rewards keep their meaning), less what
    the team's value without the author explains of the episode's score where the signals know it. K tells the messages
    of an author apart. proto/signals.md says what each promises.

    blend: share of K; None leaves it to the service, which knows what K is made of. 0 with outcome_part "OUTCOME" is
    GRPO as TRL computes it. outcome_part: "OUTCOME" or "CONTROL", credit_part: "VALUES", "CREDIT", "SCORES" or "NONE";
    None takes the best that a group supports, and a part that is named and that a group does not support leaves that
    group with TRL's own advantages and a warning. Where none of the three is given, what the options of the AssayReward
    say of advantages holds. One of the reward functions must be an AssayReward. A completion whose episode failed has
    no advantage at all.
    """

    def __init__(
        self,
        *args: Any,
        blend: float | None = None,
        outcome_part: str | None = None,
        credit_part: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        rewards = [r for r in self.reward_funcs if isinstance(r, AssayReward)]
        if len(rewards) != 1:
            raise ValueError("one of reward_funcs must be an AssayReward")
        self._assay = rewards[0]
        self._assay.records_groups = True
        self._options = advantage_options(blend, outcome_part, credit_part, self._assay.options.advantages)
        self._as_trl_divides(self._options)

    def _as_trl_divides(self, options: options_pb2.AdvantageOptions) -> None:
        """X is on the scale of TRL's own advantages, unless the options say otherwise."""
        divided = self.args.scale_rewards not in ("none", False)
        if not options.scale:
            options.scale = options_pb2.OUTCOME_SCALE_SAMPLE if divided else options_pb2.OUTCOME_SCALE_NONE
        if divided and not options.HasField("epsilon"):
            options.epsilon = 1e-4

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        mask = output["completion_mask"]
        own = mask * output["tool_mask"] if "tool_mask" in output else mask
        outcome = output["advantages"].unsqueeze(1) if output["advantages"].dim() == 1 else output["advantages"]
        shares, added = (
            torch.tensor(rows, dtype=outcome.dtype, device=outcome.device) for rows in self._credited_tokens(own)
        )
        failed = torch.tensor([s.signals is None for s in self._assay.samples], device=outcome.device).unsqueeze(1)
        blended = (shares * outcome + added) * own
        output["advantages"] = torch.where(failed, torch.zeros_like(blended), blended)
        return output

    def _credited_tokens(self, mask: Any) -> tuple[list[list[float]], list[list[float]]]:
        """Of every completion the share of TRL's own advantage, and on each token what is added to it."""
        samples = self._assay.samples
        generations = self.num_generations if self.model.training else self.num_generations_eval
        first = self.accelerator.process_index * len(samples)
        mine = [
            in_group(s.signals, str((first + i) // generations), generations).SerializeToString()
            if s.signals is not None
            else None
            for i, s in enumerate(samples)
        ]
        # Ids are unique within a process only.
        everybody = [
            (number, signals_pb2.EpisodeSignals.FromString(data))
            for number, data in enumerate(gather_object(mine))
            if data is not None
        ]
        for number, signals in everybody:
            signals.episode_id = str(number)
        groups = {str((first + i) // generations) for i in range(len(samples))}
        found = self._assay.advantages([[s for _, s in everybody if s.group.id in groups]], self._options)
        shares: list[list[float]] = []
        added: list[list[float]] = []
        for i, sample in enumerate(samples):
            own, weight = found.get(str(first + i), (None, 0.0))
            shares.append([1 - weight])
            added.append(self._place(sample, _beside_outcome(own, weight), mask[i].tolist()))
        return shares, added

    def _place(self, sample: Sample, values: Mapping[int, float], mask: Sequence[int]) -> list[float]:
        if sample.signals is None or not values:
            return [0.0] * len(mask)
        spans = sample.spans
        if spans is None:
            spans = spans_from_mask(mask, [i for i, speaker in enumerate(sample.episode.speakers()) if speaker])
        return place(values, spans, len(mask), where="every")


def _beside_outcome(own: Advantages | None, weight: float) -> dict[int, float]:
    """What a message gets beside its share of the standardised score, which TRL computes itself."""
    if own is None:
        return {}
    return {
        index: (1 - weight) * (own.outcomes[index] - own.outcome) + weight * credit
        for index, credit in own.local.items()
    }
