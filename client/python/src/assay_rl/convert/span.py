"""One span of a trace, in the one form that the front ends (otel, langsmith, langfuse, mlflow, ...) read into."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from assay_rl.convert.turn import Call, Turn

AGENT, MODEL, CALL, HANDOFF, STEP = "agent", "model", "tool", "handoff", "step"
HEARD = "heard"  # what an agent was given after its last answer


@dataclass(slots=True)
class Span:
    """One span of a trace. Times are nanoseconds since any one epoch, 0 where they are not told.

    kind: AGENT, MODEL (a call of a model), CALL (of a tool), HANDOFF or STEP (anything else).
    agent: of an AGENT span its name, "" where it has none; of any other span the name that the instrumentation claims.
    asked, wrote: what went into it and what came out of it.
    silent: what proves that a model answered although its text is not in the trace (an id of the response).
    """

    id: str
    parent: str = ""
    trace: str = ""
    name: str = ""
    kind: str = STEP
    agent: str = ""
    start: int = 0
    end: int = 0
    asked: list[Turn] = field(default_factory=list)
    wrote: list[Turn] = field(default_factory=list)
    tokens: int = 0
    tool: Call | None = None
    result: str = ""
    silent: str = ""
    truncated: bool = False
    scores: dict[str, Any] = field(default_factory=dict)
    extension: dict[str, Any] = field(default_factory=dict)
    fresh: bool = False  # `asked` holds only what is new since the last call, not the whole history
    order: int = 0  # in the file
