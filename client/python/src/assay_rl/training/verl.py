"""verl (0.9, trainer v1): agent loop outputs with per-token credit, a reward manager and an advantage estimator.

    export VERL_USE_EXTERNAL_MODULES=assay_rl.training.verl
    algorithm.adv_estimator=assay  algorithm.use_kl_in_reward=False
    reward.reward_manager.name=assay  +reward.assay.server=HOST:PORT

What a registered estimator gets is the tensor of token rewards and nothing else, so that is where the credit travels,
by the code of token_rewards.py: a row still sums to the episode's score for verl's own estimators, metrics and
validation, and the estimator `assay` reads the advantages back.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import ray
import torch
from verl.experimental.agent_loop.agent_loop import AgentLoopOutput
from verl.experimental.reward_loop.reward_manager import register as register_reward_manager
from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase
from verl.trainer.ppo.core_algos import register_adv_est

from assay_rl.client.aio import AsyncClient, options_proto
from assay_rl.client.episodes import Episode
from assay_rl.client.outcomes import EpisodeError, Failed, GroupOutcome
from assay_rl.client.scorer import AsyncScorer
from assay_rl.convert.files import outcome_message
from assay_rl.course.recorder import Recorder
from assay_rl.grading import Grading
from assay_rl.training.advantage_options import advantage_options
from assay_rl.training.group_board import GroupBoard
from assay_rl.training.token_rewards import decode, encode
from assay_rl.training.tokens import Span
from assay_rl.v1 import episode_pb2, options_pb2, signal_service_pb2, signals_pb2

EPISODE = "assay_episode"  # extra_fields of the session's last output: the episode in proto JSON
SPANS = "assay_spans"  # extra_fields of every output: [[message, start, end], ...] within response_ids
_ADVANTAGES = "assay_advantages"


class CreditedOutput(AgentLoopOutput):  # type: ignore[misc]
    """Return these from your agent loop: AgentLoopOutput with EPISODE and SPANS in extra_fields."""

    def as_dict(self) -> dict[str, Any]:
        output: dict[str, Any] = super().as_dict()
        fields = dict(output["extra_fields"])
        told = dict(fields.get("reward_extra_info") or {})
        advantages = told.pop(_ADVANTAGES, None)
        if "reward_extra_info" in fields:
            fields["reward_extra_info"] = told
        if advantages is not None:
            values = {int(message): value for message, value in json.loads(advantages).items()}
            spans = [Span(*span) for span in fields[SPANS]]
            tokens = encode(float(self.reward_score or 0.0), values, spans, self.response_mask)
            output["rm_scores"] = torch.tensor(tokens, dtype=torch.float32)
        # The transcript has served its purpose and is most of the bytes.
        fields.pop(EPISODE, None)
        output["extra_fields"] = fields
        return output


@register_reward_manager("assay")
class AssayRewardManager(RewardManagerBase):  # type: ignore[misc]
    """Scores the episode of a session and waits for its group.

    Configuration `reward.assay`: server (none: a private one of each worker), evaluator (MODULE:NAME of your own
    evaluation of changed episodes, a function or a coroutine), options (AttributionOptions in proto JSON), deadline,
    group_timeout; grade ("math", "choice", "number" or "exact": how answers of votes are compared with the reference
    answer); and of advantages blend, outcome_part and credit_part, each left to the service where it is not given;
    summaries (a folder that gets a summary of every step for `assay-rl report`) with episodes_per_step, how many
    rollouts a step takes (train_batch_size times rollout.n).
    An episode with a group (id: the prompt's uid, size: the number of rollouts) gets advantages; one without, as in
    validation, the score alone. A failed episode raises: verl marks the prompt as failed and trains on none of its
    rollouts, instead of on a made-up 0.
    """

    def __init__(self, config: Any, tokenizer: Any, compute_score: Any, **router: Any) -> None:
        super().__init__(config, tokenizer, compute_score)
        held = config.reward.get("assay") or {}
        self._server = str(held["server"]) if held.get("server") else None
        self._evaluator = _named(str(held["evaluator"])) if held.get("evaluator") else None
        self._grading = Grading(held.get("grade"))
        self._options = options_proto(self._grading.options(_plain(held.get("options") or {})))
        blend = held.get("blend")
        self._advantages = advantage_options(
            None if blend is None else float(blend),
            held.get("outcome_part"),
            held.get("credit_part"),
            self._options.advantages,
        )
        # verl divides by std + 1e-6 with the sample's standard deviation.
        self._advantages.scale, self._advantages.epsilon = options_pb2.OUTCOME_SCALE_SAMPLE, 1e-6
        self._deadline = float(held.get("deadline", 600.0))
        self._group_timeout = float(held.get("group_timeout", 600.0))
        self._summaries = _summaries(held)
        self._scorer: AsyncScorer | None = None
        self._board: Any = None

    async def run_single(self, data: Any) -> dict[str, Any]:
        item = data[-1:][0]
        fields = item.non_tensor_batch["tool_extra_fields"]
        episode = Episode.from_json(fields[EPISODE])
        group, episode.group = episode.group, None
        episode.id = f"{uuid.uuid4().hex}/{episode.id}"  # sessions of one prompt meet in one group
        if self._scorer is None:
            self._scorer = AsyncClient(self._server, deadline=self._deadline).open(
                self._options, evaluator=self._evaluator
            )
        outcome = await self._scorer.submit(await asyncio.to_thread(self._grading.episode, episode))
        signals = None if isinstance(outcome, Failed) else outcome.proto.signals
        told: dict[str, Any] = {}
        if group is not None:
            advantages = await self._submit(group.id, group.size, signals, episode)
            if advantages is not None:
                told[_ADVANTAGES] = json.dumps(advantages)
        if isinstance(outcome, Failed):
            raise EpisodeError(outcome.error)
        return {"reward_score": outcome.signals.score, "reward_extra_info": {"acc": outcome.signals.score, **told}}

    async def _submit(
        self, group_id: str, size: int, signals: signals_pb2.EpisodeSignals | None, episode: Episode
    ) -> dict[int, float] | None:
        if self._board is None:
            # One for the job: the rollouts of a prompt are scored by different workers.
            self._board = _Board.options(name="assay-groups", get_if_exists=True, max_concurrency=4096).remote(
                self._server,
                self._advantages.SerializeToString(),
                _value_range(self._options),
                self._group_timeout,
                self._summaries,
            )
        data = signals.SerializeToString() if signals is not None else None
        about = replace(episode, messages=[]).to_proto().SerializeToString() if self._summaries else None
        answer: dict[int, float] | None = await self._board.submit.remote(group_id, size, data, about)
        return answer


class BoardActor:
    """GroupBoard as a Ray actor, which also keeps the summaries of a run, because all of it passes here."""

    def __init__(
        self,
        server: str | None,
        advantages: bytes,
        value_range: tuple[float, float] | None,
        timeout: float,
        summaries: tuple[str, int] | None = None,
    ) -> None:
        """advantages: serialised AdvantageOptions, of which nothing is left to the actor.

        summaries: their folder, and the episodes of a step.
        """
        self._server, self._range = server, value_range
        self._recorder = Recorder(summaries[0], episodes_per_step=summaries[1]) if summaries is not None else None
        self._held: dict[str, list[tuple[signal_service_pb2.EpisodeResult, episode_pb2.Episode]]] = {}
        self._answered: dict[str, GroupOutcome] = {}
        self._options = options_pb2.AdvantageOptions.FromString(advantages)
        self._client: AsyncClient | None = None
        self._board = GroupBoard(self._compute, timeout=timeout)

    async def _compute(self, signals: Sequence[signals_pb2.EpisodeSignals]) -> dict[str, GroupOutcome]:
        if self._client is None:
            self._client = AsyncClient(self._server)
        found = await self._client.advantages(signals, options=self._options, value_range=self._range)
        if self._recorder is not None:
            self._answered.update(found)
        return found

    async def submit(
        self, group_id: str, size: int, data: bytes | None, about: bytes | None = None
    ) -> dict[int, float] | None:
        """data: serialised EpisodeSignals, None where the episode failed; about: the episode without its messages."""
        signals = signals_pb2.EpisodeSignals.FromString(data) if data is not None else None
        held: list[tuple[signal_service_pb2.EpisodeResult, episode_pb2.Episode]] = []
        if self._recorder is not None and about is not None:
            episode = episode_pb2.Episode.FromString(about)
            if signals is not None:
                signals.group.id, signals.group.size = group_id, size
            held = self._held.setdefault(group_id, held)
            held.append((signal_service_pb2.EpisodeResult(episode_id=episode.id, signals=signals), episode))
        try:
            advantages = await self._board.submit(group_id, size, signals)
        finally:
            if signals is not None or len(held) >= size:  # a failed member does not wait for the others
                self._record(group_id)
        return advantages.messages if advantages is not None else None

    def _record(self, group_id: str) -> None:
        """A group that is through, once."""
        held, answered = self._held.pop(group_id, []), self._answered.pop(group_id, None)
        if self._recorder is not None and held:
            results = [result for result, _ in held]
            group = [outcome_message(answered)] if answered is not None else []
            self._recorder.record(None, [*results, *group], [episode for _, episode in held])


_Board: Any = ray.remote(BoardActor)


@register_adv_est("assay")  # type: ignore[untyped-decorator]
def compute_assay_advantage(
    token_level_rewards: torch.Tensor, response_mask: torch.Tensor, config: Any = None, **unused: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Advantages (bs, response_length) that the reward manager put into the token rewards; returns are the same.

    Raises ValueError with algorithm.use_kl_in_reward, which adds the KL penalty to the same tensor: use
    actor.use_kl_loss instead.
    """
    if config is not None and config.get("use_kl_in_reward", False):
        raise ValueError("adv_estimator=assay needs algorithm.use_kl_in_reward=False; use actor.use_kl_loss")
    rows = [
        decode(tokens, mask)
        for tokens, mask in zip(token_level_rewards.tolist(), response_mask.long().tolist(), strict=True)
    ]
    advantages = torch.tensor(rows, dtype=token_level_rewards.dtype, device=token_level_rewards.device)
    return advantages, advantages


def _summaries(held: Mapping[str, Any]) -> tuple[str, int] | None:
    """Folder and episodes of a step. Raises ValueError where one is given without the other."""
    folder, size = held.get("summaries"), held.get("episodes_per_step")
    if bool(folder) != bool(size):
        raise ValueError("reward.assay.summaries and reward.assay.episodes_per_step go together")
    return (str(folder), int(size)) if folder and size else None


def _named(path: str) -> Any:
    """What MODULE:NAME stands for."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def _plain(value: Any) -> Any:
    """OmegaConf containers as plain ones."""
    if isinstance(value, Mapping) or hasattr(value, "items"):
        return {str(key): _plain(held) for key, held in value.items()}
    if isinstance(value, (list, tuple)) or type(value).__name__ == "ListConfig":
        return [_plain(held) for held in value]
    return value


def _value_range(options: options_pb2.AttributionOptions) -> tuple[float, float] | None:
    held = options.value_range
    return (held.low, held.high) if options.HasField("value_range") else None
