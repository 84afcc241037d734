"""The names of the formats. `formats` holds what they stand for; a command line that only tells them needs no more."""

from __future__ import annotations

AUTO = "auto"  # the format that the first value of each file shows

FORMAT_NAMES = (
    "episode",
    "log",
    "whowhen",
    "mast",
    "verifiers",
    "tau2",
    "atif",
    "inspect",
    "swe-agent",
    "openhands",
    "smolagents",
    "crewai",
    "otel",
    "claude-code",
    "codex",
    "langgraph",
    "autogen",
    "openai",
    "text",
)
# Other names of the same readers: spans are told apart by their own fields, chats by theirs.
ALIASES = {
    **dict.fromkeys(
        ["openinference", "openllmetry", "openai-agents", "langsmith", "langfuse", "mlflow", "logfire"], "otel"
    ),
    **dict.fromkeys(["anthropic", "responses", "chat"], "openai"),
    **dict.fromkeys(("ag2", "magentic-one"), "autogen"),
    **dict.fromkeys(("prime-rl", "rollouts"), "verifiers"),
    **dict.fromkeys(("chatdev", "metagpt", "appworld", "hyperagent"), "text"),
    **dict.fromkeys(("harbor",), "atif"),
    **dict.fromkeys(("tau-bench",), "tau2"),
}
NAMES = sorted([*FORMAT_NAMES, *ALIASES])


def canonical(name: str) -> str:
    return ALIASES.get(name, name)
