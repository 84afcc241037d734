"""Answering the server's counterfactual questions (evaluator `caller`) with a plain function or a coroutine."""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import grpc

from assay_rl.client.episodes import Episode, EpisodeLike, Message
from assay_rl.client.outcomes import Error
from assay_rl.v1 import evaluator_service_pb2 as pb

log = logging.getLogger("assay_rl")


@dataclass(frozen=True, slots=True)
class Question:
    """What is the system evaluation of this episode, changed like so?

    kind "coalition": only `agents` (indices into Episode.players()) take part.
    kind "messages": of the agents' messages only `messages` are kept.
    kind "prefix": the first `length` messages stand, the rest is rolled out afresh.
    kind "correction": message `index` is replaced by a correct one, the rest is rolled out afresh.
    kind "message_scores": a process score in [-1, 1] for every message, instead of a value.
    kind "team": of a group: each agent's messages are those that it wrote in the episode that `team` gives for its id;
    an agent that is not in it is absent. Asked only of evaluators that list QUESTION_KIND_TEAM in
    `options.caller.supports`; what they get in place of the episode is an EpisodeGroup.

    samples: how many independent evaluations to average. seed: for them, the same on every resend.
    """

    kind: str
    agents: tuple[int, ...] = ()
    messages: tuple[int, ...] = ()
    length: int = 0
    index: int = 0
    team: Mapping[str, str] = field(default_factory=dict)
    samples: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class EpisodeGroup:
    """The episodes of a group, as questions about teams are asked of it. episodes: by their ids."""

    id: str
    episodes: Mapping[str, EpisodeLike]

    def team(self, question: Question) -> Episode:
        """The episode that the team of a question would have made.

        Its context, task and players are those of the first episode that the team names; of the agents' messages it has
        those of the team, agent by agent in the order of the players, after the context that came before any of them.
        """
        named = {source: _as_episode(self.episodes[source]) for source in question.team.values()}
        first = next(iter(named.values()), None) or _as_episode(next(iter(self.episodes.values())))
        speakers = first.speakers()
        spoken = [k for k, speaker in enumerate(speakers) if speaker]
        start = spoken[0] if spoken else len(first.messages)
        messages: list[Message] = list(first.messages[:start])
        for player in first.players():
            source = named.get(question.team.get(player.id, ""))
            if source is not None and player.is_model:
                messages += [message for message in source.messages if message.agent == player.id]
        messages += [m for m, speaker in zip(first.messages[start:], speakers[start:], strict=True) if not speaker]
        return replace(first, id=self.id, messages=messages, agents=first.players(), score=None, values=())


def _as_episode(source: EpisodeLike) -> Episode:
    return source if isinstance(source, Episode) else Episode.from_proto(source)


@dataclass(frozen=True, slots=True)
class Answer:
    """mean of `samples` evaluations (0: as many as were asked for); variance is unbiased and of ONE sample.

    cached: the answer was known before (a judge's cache on disk): it is evidence, and costs no sample
    (`effort.samples`).
    """

    mean: float = 0.0
    samples: int = 0
    variance: float = 0.0
    message_scores: tuple[float, ...] = ()
    cached: bool = False


# One answer a question, in order. An exception in a question's place fails that question alone.
Replies: TypeAlias = "Sequence[float | Answer | Exception]"
# The first argument is the episode that the questions are about; for those of kind "team" it is an EpisodeGroup.
Evaluator: TypeAlias = "Callable[[Any, Sequence[Question]], Replies | Awaitable[Replies]]"


def each(answer: Callable[[Any, Question], float | Answer]) -> Evaluator:
    """Lifts a function of one question to an evaluator. Its exceptions fail their own question only."""

    def evaluate(episode: EpisodeLike | EpisodeGroup, questions: Sequence[Question]) -> Replies:
        replies: list[float | Answer | Exception] = []
        for question in questions:
            try:
                replies.append(answer(episode, question))
            except Exception as failure:
                replies.append(failure)
        return replies

    return evaluate


async def respond(
    evaluator: Evaluator, source: EpisodeLike | EpisodeGroup, request: pb.EvaluateRequest, executor: Executor
) -> pb.EvaluateResponse:
    """Asks the evaluator; whatever goes wrong there becomes an Error for the server, never a number.

    A plain function runs on the executor, so that it can block without holding up the stream. Nothing that it raises
    reaches the loop: an evaluator that calls sys.exit() fails its own questions and no more.
    """
    timeout = request.timeout.ToTimedelta().total_seconds() if request.HasField("timeout") else None
    try:
        agents = _players(source)
        questions = [question_from_proto(q, request.seed, agents) for q in request.questions]
    except ValueError as failure:
        return _failure(request, grpc.StatusCode.UNIMPLEMENTED, str(failure))
    asked = asyncio.ensure_future(_guarded(evaluator, source, questions, executor))
    try:
        done, _ = await asyncio.wait({asked}, timeout=timeout)
    finally:
        asked.cancel()  # too late, or nobody waits any more; without effect where it is done
    if not done:
        return _failure(request, grpc.StatusCode.DEADLINE_EXCEEDED, f"the evaluator took longer than {timeout} s")
    replies = _Raised(asyncio.CancelledError()) if asked.cancelled() else asked.result()
    if not isinstance(replies, _Raised):
        try:
            answers = [_answer(reply) for reply in _checked(replies, len(questions))]
        except Exception as failure:
            replies = _Raised(failure)
    if isinstance(replies, _Raised):
        raised = replies.failure
        log.error("the evaluator failed on episode %r", request.episode_id, exc_info=raised)
        return _failure(request, grpc.StatusCode.UNKNOWN, f"the evaluator raised {_described(raised)}")
    return pb.EvaluateResponse(evaluation_id=request.evaluation_id, answers=pb.Answers(answers=answers))


@dataclass(frozen=True, slots=True)
class _Raised:
    failure: BaseException


def _described(failure: BaseException) -> str:
    return f"{type(failure).__name__}: {failure}" if str(failure) else type(failure).__name__


async def _guarded(
    evaluator: Evaluator, source: EpisodeLike | EpisodeGroup, questions: Sequence[Question], executor: Executor
) -> Any:
    """What the evaluator returned, or raised. Only a cancellation is raised here: the evaluator's own, or ours."""

    def call() -> Any:
        try:
            return evaluator(source, questions)
        except BaseException as failure:
            return _Raised(failure)

    if inspect.iscoroutinefunction(evaluator) or inspect.iscoroutinefunction(type(evaluator).__call__):
        replies = call()
    else:
        replies = await asyncio.get_running_loop().run_in_executor(executor, call)
    if not inspect.isawaitable(replies):
        return replies
    try:
        return await replies
    except asyncio.CancelledError:
        raise
    except BaseException as failure:
        return _Raised(failure)


def _checked(replies: Any, count: int) -> Sequence[Any]:
    """Replies in order, one a question. Raises TypeError or ValueError."""
    if isinstance(replies, (Mapping, Set, str, bytes)) or not hasattr(replies, "__len__"):
        if inspect.isgenerator(replies):
            replies.close()
        raise TypeError(f"the evaluator gave {_article(replies)}; a list with one answer a question is expected")
    if len(replies) != count:
        raise ValueError(f"the evaluator gave {len(replies)} answers to {count} questions")
    pending = [reply for reply in replies if inspect.iscoroutine(reply)]
    for coroutine in pending:
        coroutine.close()
    if pending:
        raise TypeError("an answer of the evaluator is a coroutine that was never awaited")
    return list(replies)


def _article(value: object) -> str:
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiouAEIOU" else f"a {name}"


def _players(source: EpisodeLike | EpisodeGroup) -> list[str]:
    """Of a group: the ids of its agents, in the order in which teams number them."""
    if not isinstance(source, EpisodeGroup):
        return []
    first = next(iter(source.episodes.values()))
    return [agent.id for agent in (first.players() if isinstance(first, Episode) else first.agents)]


def question_from_proto(question: pb.Question, seed: int = 0, agents: Sequence[str] = ()) -> Question:
    """agents: ids of the agents of a group, for questions about its teams."""
    what = question.counterfactual
    samples = max(1, question.samples)
    kind = what.WhichOneof("kind")
    if kind == "coalition":
        return Question("coalition", agents=tuple(what.coalition.agents), samples=samples, seed=seed)
    if kind == "messages":
        return Question("messages", messages=tuple(what.messages.indices), samples=samples, seed=seed)
    if kind == "prefix":
        return Question("prefix", length=what.prefix.length, samples=samples, seed=seed)
    if kind == "correction":
        return Question("correction", index=what.correction.index, samples=samples, seed=seed)
    if kind == "message_scores":
        return Question("message_scores", samples=samples, seed=seed)
    if kind == "team":
        ids = what.team.episode_ids
        if len(ids) != len(agents):
            raise ValueError(f"a team of {len(ids)} agents was asked about where there are {len(agents)}")
        team = {agent: source for agent, source in zip(agents, ids, strict=True) if source}
        return Question("team", team=team, samples=samples, seed=seed)
    raise ValueError("the server asked a question of a kind that this client does not know")


def _answer(reply: float | Answer | Exception) -> pb.Answer:
    if isinstance(reply, float) and math.isfinite(reply):
        return pb.Answer(mean=reply)  # the usual case, and there are hundreds of them an episode
    if isinstance(reply, Exception):
        return pb.Answer(error=Error(grpc.StatusCode.UNKNOWN, f"{type(reply).__name__}: {reply}").to_proto())
    if isinstance(reply, (str, bytes)) or reply is None:
        raise TypeError(f"an answer of the evaluator is {reply!r}; a number or an Answer is expected")
    answer = reply if isinstance(reply, Answer) else Answer(float(reply))
    if not all(math.isfinite(x) for x in (answer.mean, answer.variance, *answer.message_scores)):
        return pb.Answer(
            error=Error(grpc.StatusCode.INVALID_ARGUMENT, "the evaluator's answer is not finite").to_proto()
        )
    return pb.Answer(
        mean=answer.mean,
        samples=answer.samples,
        variance=answer.variance,
        message_scores=answer.message_scores,
        cached=answer.cached,
    )


def _failure(request: pb.EvaluateRequest, code: grpc.StatusCode, message: str) -> pb.EvaluateResponse:
    return pb.EvaluateResponse(evaluation_id=request.evaluation_id, error=Error(code, message).to_proto())
