"""Client of the Assay service: training signals from multi-agent episodes."""

from typing import TYPE_CHECKING

from assay_rl import client as client  # before gRPC is imported, by whomever
from assay_rl._lazy import names_of

if TYPE_CHECKING:
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

__getattr__, __dir__ = names_of(
    __name__,
    {
        "client.aio": ("AsyncClient",),
        "client.blocking": ("Client", "Scorer"),
        "client.episodes": ("Agent", "Alternative", "Episode", "Group", "JudgeScore", "Message", "Task", "TokenSpan"),
        "client.evaluators": ("Answer", "EpisodeGroup", "Evaluator", "Question", "each"),
        "client.local": ("LocalServer", "LocalServerError", "local"),
        "client.outcomes": (
            "Advantages",
            "AssayError",
            "Batch",
            "EpisodeError",
            "EpisodeOutcome",
            "Error",
            "Failed",
            "GroupFailed",
            "GroupOutcome",
            "GroupScored",
            "Outcome",
            "Scored",
        ),
        "client.scorer": ("AsyncScorer",),
        "client.signals": ("AgentCredit", "FirstError", "MessageSignal", "Signals"),
        "v1": (),
    },
)
