"""A planner and a solver, played by one policy, as an agent loop of verl: each message is trained on its own advantage.

    export VERL_USE_EXTERNAL_MODULES=assay_rl.training.verl,verl_team
    ... actor_rollout_ref.rollout.agent.default_agent_loop=team actor_rollout_ref.rollout.n=8 \
        algorithm.adv_estimator=assay algorithm.use_kl_in_reward=False \
        reward.reward_manager.name=assay +reward.assay.server=HOST:PORT +reward.assay.evaluator=verl_team:evaluate
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from verl.experimental.agent_loop.agent_loop import AgentLoopBase, register

from assay_rl import Episode, Group, Message, Question, Task
from assay_rl.training.verl import EPISODE, SPANS, CreditedOutput

TEAM = ("planner", "solver")


@register("team")
class TeamLoop(AgentLoopBase):  # type: ignore[misc]
    """One response holds the whole rollout: both messages, and between them names that the policy did not write."""

    async def run(self, sampling_params: dict[str, Any], **row: Any) -> CreditedOutput:
        asked = row["raw_prompt"][-1]["content"]
        prompt = self.tokenizer.apply_chat_template(row["raw_prompt"], add_generation_prompt=True, tokenize=True)
        response: list[int] = []
        mask: list[int] = []
        spans, said = [], []
        for name in TEAM:
            header = self.tokenizer.encode(f"\n{name}: ", add_special_tokens=False)
            answer = await self.server_manager.generate(
                request_id=uuid4().hex, prompt_ids=[*prompt, *response, *header], sampling_params=sampling_params
            )
            spans.append([len(said), len(response) + len(header), len(response) + len(header) + len(answer.token_ids)])
            response += header + answer.token_ids
            mask += [0] * len(header) + [1] * len(answer.token_ids)
            said.append(Message(name, self.tokenizer.decode(answer.token_ids, skip_special_tokens=True)))
        trained = (row.get("extra_info") or {}).get("split") != "test"  # validation has no groups to wait for
        group = Group(str(row["uid"]), self.rollout_config.n) if trained else None
        episode = Episode(uuid4().hex, said, task=Task(prompt=asked), group=group)
        return CreditedOutput(
            prompt_ids=list(prompt),
            response_ids=response,
            response_mask=mask,
            num_turns=1 + len(said),
            metrics={},
            extra_fields={EPISODE: episode.to_json(), SPANS: spans},
        )


def evaluate(episode: Any, questions: Sequence[Question]) -> list[float]:
    """What is the answer worth if only these agents had written? In earnest: run the tests on what is left."""
    letters = [sum(map(str.isalpha, m.content)) / max(1, len(m.content)) for m in episode.messages]
    return [sum(letters[k] for k in question.agents) / len(TEAM) for question in questions]
