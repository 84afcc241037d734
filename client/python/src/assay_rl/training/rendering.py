"""Episodes as text, for training sets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from assay_rl.client.episodes import Episode, Message

_SEPARATOR = "\n\n"

Turn: TypeAlias = "tuple[str, str]"  # role ("user" or "assistant") and text


def header(message: Message) -> str:
    # A line of its own: a prompt that ended with a space would not end on a token boundary.
    return f"{message.agent}:\n" if message.agent else ""


def render(messages: Iterable[Message]) -> str:
    """Messages one after the other, each under its author's name; every one ends with an empty line."""
    return "".join(header(message) + message.content + _SEPARATOR for message in messages)


def prompt(episode: Episode, length: int, author: Message | None = None) -> str:
    """What was said before message `length`: the task, the first `length` messages and the next author's name."""
    task = episode.task.prompt + _SEPARATOR if episode.task.prompt else ""
    return task + render(episode.messages[:length]) + (header(author) if author is not None else "")


def continuation(episode: Episode, begin: int, end: int) -> str:
    """Messages [begin, end) as they follow prompt(episode, begin, episode.messages[begin])."""
    first, *rest = episode.messages[begin:end]
    return first.content + _SEPARATOR + render(rest)


def turns(episode: Episode, length: int, agent: str) -> list[Turn]:
    """What was said before message `length` as a chat of `agent` with all the others, whose texts bear their names.

    User and assistant alternate, and the user has the first and the last word, as chat templates ask for.
    """
    said: list[Turn] = [("user", episode.task.prompt)] if episode.task.prompt else []
    for message in episode.messages[:length]:
        own = bool(agent) and message.agent == agent
        role, text = ("assistant", message.content) if own else ("user", header(message) + message.content)
        if said and said[-1][0] == role:
            said[-1] = (role, said[-1][1] + _SEPARATOR + text)
        elif not said and own:
            said += [("user", ""), (role, text)]
        else:
            said.append((role, text))
    return said if said and said[-1][0] == "user" else [*said, ("user", "" if said else episode.task.prompt)]
