"""Client of the Assay service: training signals from multi-agent episodes."""

from assay._scorer import AsyncScorer
from assay.aio import AsyncClient
from assay.client import Client, Scorer
from assay.episodes import Agent, Alternative, Episode, Group, JudgeScore, Message, Task, TokenSpan
from assay.evaluators import Answer, Evaluator, Question, each
from assay.outcomes import (
    Advantages,
    AgentCredit,
    AssayError,
    Batch,
    EpisodeError,
    EpisodeOutcome,
    Error,
    Failed,
    FirstError,
    GroupFailed,
    GroupOutcome,
    GroupScored,
    MessageSignal,
    Outcome,
    Scored,
    Signals,
)

__version__ = "0.1.0"

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
]
