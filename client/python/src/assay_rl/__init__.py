"""Client of the Assay service: training signals from multi-agent episodes."""

from assay_rl.client.aio import AsyncClient
from assay_rl.client.blocking import Client, Scorer
from assay_rl.client.episodes import Agent, Alternative, Episode, Group, JudgeScore, Message, Task, TokenSpan
from assay_rl.client.evaluators import Answer, EpisodeGroup, Evaluator, Question, each
from assay_rl.client.local import LocalServer, LocalServerError, local
from assay_rl.client.outcomes import (
    Advantages,
    AssayError,
    Batch,
    EpisodeError,
    EpisodeOutcome,
    Error,
    Failed,
    GroupFailed,
    GroupOutcome,
    GroupScored,
    Outcome,
    Scored,
)
from assay_rl.client.scorer import AsyncScorer
from assay_rl.client.signals import AgentCredit, FirstError, MessageSignal, Signals

__version__ = "0.2.0"

__all__ = [
    "Advantages",
    "Agent",
    "AgentCredit",
    "Alternative",
    "Answer",
    "AssayError",
    "AsyncClient",
    "AsyncScorer",
    "Batch",
    "Client",
    "Episode",
    "EpisodeError",
    "EpisodeGroup",
    "EpisodeOutcome",
    "Error",
    "Evaluator",
    "Failed",
    "FirstError",
    "Group",
    "GroupFailed",
    "GroupOutcome",
    "GroupScored",
    "JudgeScore",
    "LocalServer",
    "LocalServerError",
    "Message",
    "MessageSignal",
    "Outcome",
    "Question",
    "Scored",
    "Scorer",
    "Signals",
    "Task",
    "TokenSpan",
    "each",
    "local",
]
