"""Answering the server's counterfactual questions (evaluator `caller`) with a plain function or a coroutine."""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeAlias

import grpc

from assay_rl.client.episodes import EpisodeLike
from assay_rl.client.outcomes import Error
from assay_rl.v1 import evaluator_service_pb2 as pb


@dataclass(frozen=True, slots=True)
class Question:
    """What is the system evaluation of this episode, changed like so?

    kind "coalition": only `agents` (indices into Episode.players()) take part.
    kind "messages": of the agents' messages only `messages` are kept.
    kind "prefix": the first `length` messages stand, the rest is rolled out afresh.
    kind "correction": message `index` is replaced by a correct one, the rest is rolled out afresh.
    kind "message_scores": a process score in [-1, 1] for every message, instead of a value.

    samples: how many independent evaluations to average. seed: for them, the same on every resend.
    """

    kind: str
    agents: tuple[int, ...] = ()
    messages: tuple[int, ...] = ()
    length: int = 0
    index: int = 0
    samples: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """mean of `samples` evaluations (0: as many as were asked for); variance is unbiased and of ONE sample."""

    mean: float = 0.0
    samples: int = 0
    variance: float = 0.0
    message_scores: tuple[float, ...] = ()


# One answer a question, in order. An exception in a question's place fails that question alone.
Replies: TypeAlias = "Sequence[float | Answer | Exception]"
Evaluator: TypeAlias = "Callable[[EpisodeLike, Sequence[Question]], Replies | Awaitable[Replies]]"


def each(answer: Callable[[EpisodeLike, Question], float | Answer]) -> Evaluator:
    """Lifts a function of one question to an evaluator. Its exceptions fail their own question only."""

    def evaluate(episode: EpisodeLike, questions: Sequence[Question]) -> Replies:
        replies: list[float | Answer | Exception] = []
        for question in questions:
            try:
                replies.append(answer(episode, question))
            except Exception as failure:
                replies.append(failure)
        return replies

    return evaluate


async def respond(
    evaluator: Evaluator, episode: EpisodeLike, request: pb.EvaluateRequest, executor: Executor
) -> pb.EvaluateResponse:
    """Asks the evaluator; whatever goes wrong there becomes an Error for the server, never a number.

    A plain function runs on the executor, so that it can block without holding up the stream.
    """
    questions = [question_from_proto(q, request.seed) for q in request.questions]
    timeout = request.timeout.ToTimedelta().total_seconds() if request.HasField("timeout") else None
    try:
        replies = await asyncio.wait_for(_call(evaluator, episode, questions, executor), timeout)
        if len(replies) != len(questions):
            raise ValueError(f"the evaluator gave {len(replies)} answers to {len(questions)} questions")
        answers = [_answer(reply) for reply in replies]
    except (TimeoutError, asyncio.TimeoutError):
        return _failure(request, grpc.StatusCode.DEADLINE_EXCEEDED, f"the evaluator took longer than {timeout} s")
    except Exception as failure:
        return _failure(request, grpc.StatusCode.UNKNOWN, f"{type(failure).__name__}: {failure}")
    return pb.EvaluateResponse(evaluation_id=request.evaluation_id, answers=pb.Answers(answers=answers))


async def _call(
    evaluator: Evaluator, episode: EpisodeLike, questions: Sequence[Question], executor: Executor
) -> Replies:
    if inspect.iscoroutinefunction(evaluator) or inspect.iscoroutinefunction(type(evaluator).__call__):
        replies = evaluator(episode, questions)
    else:
        replies = await asyncio.get_running_loop().run_in_executor(executor, evaluator, episode, questions)
    if inspect.isawaitable(replies):
        return await replies
    return replies


def question_from_proto(question: pb.Question, seed: int = 0) -> Question:
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
    raise ValueError("the server asked a question of a kind that this client does not know")


def _answer(reply: float | Answer | Exception) -> pb.Answer:
    if isinstance(reply, float) and math.isfinite(reply):
        return pb.Answer(mean=reply)  # the usual case, and there are hundreds of them an episode
    if isinstance(reply, Exception):
        return pb.Answer(error=Error(grpc.StatusCode.UNKNOWN, f"{type(reply).__name__}: {reply}").to_proto())
    answer = reply if isinstance(reply, Answer) else Answer(float(reply))
    if not all(math.isfinite(x) for x in (answer.mean, answer.variance, *answer.message_scores)):
        return pb.Answer(
            error=Error(grpc.StatusCode.INVALID_ARGUMENT, "the evaluator's answer is not finite").to_proto()
        )
    return pb.Answer(
        mean=answer.mean, samples=answer.samples, variance=answer.variance, message_scores=answer.message_scores
    )


def _failure(request: pb.EvaluateRequest, code: grpc.StatusCode, message: str) -> pb.EvaluateResponse:
    return pb.EvaluateResponse(evaluation_id=request.evaluation_id, error=Error(code, message).to_proto())
