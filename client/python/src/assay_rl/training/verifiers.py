"""verifiers v1 (0.4), and prime-rl, which trains on its episodes: credit on every sampled token of every agent's trace.

    team = TeamCredit(evaluator=..., scale="NONE")
    await credit_group(episodes, team)          # all rollouts of one task: fills node.advantages

    class MyEnv(AssayFinalize, vf.Env[MyConfig]):
        assay = TeamCredit(...)                 # one number an agent as its trace's reward, diagnostics as metrics

The graph of messages of each trace is read as it stands: what a model sampled is its agent's message, tools and users
are context. The outcome is the reward that all traces agree on, unless `outcome` says it or the evaluator does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from assay_rl.client.episodes import Agent, Episode, Message, Task
from assay_rl.client.outcomes import EpisodeError
from assay_rl.client.signals import Signals
from assay_rl.convert.chat_messages import message_turns
from assay_rl.convert.turn import ASSISTANT, SYSTEM
from assay_rl.training.team import Credited, Team, TeamCredit, difference_reward

if TYPE_CHECKING:
    from verifiers.v1.episode import Episode as Played

log = logging.getLogger("assay_rl")

Outcome: TypeAlias = "Callable[[Any], float | None]"


def agreed_reward(episode: Played) -> float | None:
    """The reward on which all traces agree; None where none was given. Raises ValueError where they differ."""
    rewards = {trace.reward for trace in episode.traces if any(r is not None for r in trace.rewards.values())}
    if len(rewards) > 1:
        raise ValueError(
            f"the traces of episode {episode.id} have different rewards ({sorted(rewards)}): say `outcome`"
        )
    return next(iter(rewards), None)


def team_of(episode: Played, outcome: Outcome = agreed_reward) -> Team:
    """The episode as a team's: messages of all traces by their times. Keys of its samples are (trace, node)."""
    told: list[tuple[float, int, int, Message, bool]] = []
    for number, trace in enumerate(episode.traces):
        for index, node in enumerate(trace.nodes):
            for turn in message_turns(node.message.model_dump()):
                own = node.sampled and turn.role == ASSISTANT
                text = turn.content()
                if turn.role == SYSTEM or (not own and (turn.role == ASSISTANT or not text)):
                    continue
                message = Message(trace.agent.name if own else "", text, token_count=sum(node.mask) if own else 0)
                told.append((node.timestamp, number, index, message, own))
    told.sort(key=lambda entry: entry[:3])
    samples = {(number, index): [k] for k, (_, number, index, _, own) in enumerate(told) if own}
    data = episode.task.data
    policies = {trace.agent.name: str(getattr(trace.agent.config, "model", None) or "") for trace in episode.traces}
    return Team(
        Episode(
            episode.id,
            [entry[3] for entry in told],
            agents=[Agent(name, policy=policy) for name, policy in policies.items()],
            task=Task(str(episode.task.key or ""), data.prompt_text, str(getattr(data, "answer", None) or "")),
            score=outcome(episode),
            truncated=any(trace.is_timeout or trace.stop_condition == "max_turns" for trace in episode.traces),
        ),
        samples,
    )


async def credit_group(
    episodes: Sequence[Played], credit: TeamCredit, outcome: Outcome = agreed_reward
) -> list[Credited]:
    """Puts each message's advantage on the tokens that its call sampled (`node.advantages`), for a task's rollouts.

    Nodes of a failed episode keep None: nothing was credited. prime-rl drops tokens of advantage 0, and loses nothing.
    """
    teams = [team_of(episode, outcome) for episode in episodes]
    (found,) = await credit.credit([[team.episode for team in teams]])
    for episode, team, credited in zip(episodes, teams, found, strict=True):
        if credited.advantages is not None:
            for (number, index), (message,) in team.samples.items():
                node = episode.traces[number].nodes[index]
                node.advantages = [credited.messages.get(message, 0.0)] * sum(node.mask)
    return found


def token_values(trace: Any) -> list[float]:
    """One advantage a sampled token of the trace, in the order of its nodes: for prime-rl's `assign_advantages`."""
    return [value for node in trace.nodes if any(node.mask) for value in node.advantages or [0.0] * sum(node.mask)]


class AssayFinalize:
    """For an Env: `finalize` asks for the signals of the episode and records what one number an agent can say.

    Each trace gets the reward "assay": the score less the team's value without its agent, where that is known, which
    no advantage is biased by; else the score. Rewards that the environment recorded keep their values at weight 0.
    An episode without signals raises, which fails it: nothing is recorded for it.
    """

    assay: TeamCredit
    replace = True  # False: metrics only

    def assay_outcome(self, episode: Any) -> float | None:
        return agreed_reward(episode)

    async def finalize(self, task: Any, episode: Any) -> None:
        await super().finalize(task, episode)  # type: ignore[misc]
        ((credited,),) = await self.assay.credit([[team_of(episode, self.assay_outcome).episode]])
        if credited.signals is None:
            assert credited.error is not None
            raise EpisodeError(credited.error)
        for trace in episode.traces:
            _record(trace, credited.signals, self.replace)


def _record(trace: Any, signals: Signals, replace: bool) -> None:
    own = next((agent for agent in signals.agents if agent.agent_id == trace.agent.name), None)
    trace.record_metric("assay_score", signals.score)
    if own is not None:
        trace.record_metric("assay_credit", own.credit)
    if signals.first_error is not None:
        trace.record_metric("assay_blame", sum(m.first_error_probability for m in signals.messages
                                               if m.agent_id == trace.agent.name))  # fmt: skip
    if replace:
        for reward in trace.rewards.values():
            if reward is not None:
                reward.weight = 0.0
        trace.record_reward("assay", difference_reward(signals, trace.agent.name if own is not None else ""))
