"""A coding team whose score is the share of tests that pass: the tests are run again without some of the agents.

An architect, two programmers and a reviewer each contribute one piece of a module. The evaluator below answers what the
team would have scored without some of them, by running the tests on what is left. Run it with `python coding_team.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from assay_rl import Client, Episode, Group, Message, Question, each
from assay_rl.client.episodes import EpisodeLike

AGENTS = ("architect", "adder", "halver", "reviewer")
GOOD = {
    "architect": "def total(xs):\n    return add_all(xs)\ndef mean(xs):\n    return halve(total(xs))\n",
    "adder": "def add_all(xs):\n    return sum(xs)\n",
    "halver": "def halve(x):\n    return x / 2\n",
    "reviewer": "",
}
BAD = {"adder": "def add_all(xs):\n    return max(xs)\n", "reviewer": "def halve(x):\n    return 0\n"}
TESTS: list[Callable[[dict[str, Callable[..., float]]], bool]] = [
    lambda module: module["add_all"]([1, 2, 3]) == 6,
    lambda module: module["halve"](5) == 2.5,
    lambda module: module["total"]([2, 2]) == 4,
    lambda module: module["mean"]([3, 4]) == 3.5,
]


def run_tests(pieces: list[str]) -> float:
    """The share of tests that a module of these pieces passes. Real code belongs into a sandbox."""
    module: dict[str, Callable[..., float]] = {}
    for piece in pieces:
        exec(piece, module)
    passed = 0
    for test in TESTS:
        try:
            passed += test(module)
        except Exception:  # a test that fails, however it does
            continue
    return passed / len(TESTS)


def episode(number: int, mistakes: tuple[str, ...]) -> Episode:
    pieces = {agent: BAD[agent] if agent in mistakes else GOOD[agent] for agent in AGENTS}
    return Episode(
        f"module/{number}",
        [Message(agent, pieces[agent]) for agent in AGENTS],
        score=run_tests(list(pieces.values())),
        group=Group("module", size=4),
    )


EPISODES = [episode(0, ()), episode(1, ("adder",)), episode(2, ("reviewer",)), episode(3, ("adder", "reviewer"))]


def value(asked: EpisodeLike, question: Question) -> float:
    """What the team would have scored if only these agents had contributed; agents are numbers, as in players()."""
    assert isinstance(asked, Episode)
    present = {asked.players()[number].id for number in question.agents}
    return run_tests([message.content for message in asked.messages if message.agent in present])


def main() -> None:
    options = {"caller": {"free": True, "deterministic": True}}
    with Client() as client:
        batch = client.score_batch(EPISODES, evaluator=each(value), options=options)
    for played, outcome in zip(EPISODES, batch.outcomes, strict=True):
        advantages = batch.groups["module"].advantages[played.id].messages
        shares = outcome.signals.credits
        print(f"{played.id}: {outcome.signals.score:.2f} of the tests pass")
        for index, message in enumerate(played.messages):
            print(f"  {message.agent:<9} credit {shares[message.agent]:+.3f}  advantage {advantages[index]:+.2f}")


if __name__ == "__main__":
    main()
