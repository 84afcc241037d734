"""Who is an agent, and who is context: people, environments and frameworks take neither reward nor blame."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What wrote a message. Only what an AGENT wrote is an agent's; all else is context."""

    AGENT = "agent"
    HUMAN = "human"
    ENVIRONMENT = "environment"
    FRAMEWORK = "framework"
    SYSTEM = "system prompt"


# Kinds of agents as an episode names them (Agent.kind); a system prompt is nobody's.
_AGENT_KINDS = {Kind.AGENT: "", Kind.HUMAN: "human", Kind.ENVIRONMENT: "tool", Kind.FRAMEWORK: "framework"}

# Names by which frameworks and benchmarks call what is no agent, in lower case without spaces, dashes and underscores.
_SIMULATED = r"(the)?(human|user|customer)(simulator|sim)(agent)?|(simulated|dummy|mock)(user|human|customer)"
_HUMAN = re.compile(
    r"(the)?(human|user|customer)(input|proxy|simulator|sim|agent|proxyagent|simulatoragent|feedback|message|node)*"
    rf"|{_SIMULATED}|userproxy\w*|humanproxy\w*|admin"
)
_ENVIRONMENT = re.compile(
    r"tools?|tools?:.+|tool(executor|node|s|output|call)|env|environment|terminal|computerterminal|codeexecutor(agent)?"
    r"|codeexecution|executor|interpreter|sandbox|observation|function|ipython"
)
_FRAMEWORK = re.compile(
    r"system|chatmanager|groupchatmanager|\w*groupchatmanager|speakerselection|checkingagent|digraphstopagent"
    r"|stopagent|termination\w*|\w+termination|start|end|interrupt"
)


def kind_of_name(name: str) -> Kind:
    """What a name says about its bearer: AGENT unless frameworks use it for something else."""
    plain = _plain(name)
    for pattern, kind in ((_HUMAN, Kind.HUMAN), (_ENVIRONMENT, Kind.ENVIRONMENT), (_FRAMEWORK, Kind.FRAMEWORK)):
        if pattern.fullmatch(plain):
            return kind
    return Kind.AGENT


def agent_kind(name: str, kind: Kind, simulated: bool) -> str | None:
    """Agent.kind of whoever has this name; None where it has none. simulated: people of the run are models."""
    if kind is Kind.HUMAN and (simulated or re.fullmatch(_SIMULATED, _plain(name))):
        return "user_simulator"
    return _AGENT_KINDS.get(kind) if name else None


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-]", "", name).lower()


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name is one of the patterns; NAME* stands for every name that begins so."""
    return any(name.startswith(p[:-1]) if p.endswith("*") else name == p for p in patterns)


@dataclass(frozen=True)
class Roles:
    """The caller's own decisions: names of agents and of context, which overrule what a format and a name say."""

    agents: tuple[str, ...] = ()
    context: tuple[str, ...] = ()

    def kind(self, author: str, kind: Kind) -> Kind:
        """What the author of a message is, where the format says `kind`."""
        if matches(author, self.agents):
            return Kind.AGENT
        if kind is not Kind.AGENT:
            return kind
        if matches(author, self.context):
            return Kind.FRAMEWORK
        return kind_of_name(author)
