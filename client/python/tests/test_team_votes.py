"""The values of teams by vote: those of every team, held by itself."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import fmean

import pytest
from assayd import Assayd, needs_assayd, running
from team_groups import scored

import assay_rl
from assay_rl import Episode, Group, Message, Task

pytestmark = needs_assayd


@pytest.fixture(scope="module")
def server() -> Iterator[Assayd]:
    with running() as started:
        yield started


BALLOTS = ("BALLOTS_FIRST", "BALLOTS_LAST", "BALLOTS_LAST_ROUND")


def drawn_vote(draw: random.Random, name: str, number: int, agents: int, size: int) -> Episode:
    """Answers that are right, wrong in two ways or unreadable; messages without an answer; agents that say nothing."""
    messages = []
    for i in range(agents):
        for _ in range(draw.choice([0, 1, 1, 1, 2])):
            answer = draw.choice(["A", "A", "B", "C", None])
            messages.append(Message(f"a{i}", f"text {draw.randrange(10**9)}", round=1, answer=answer))
    if not messages:  # an episode says something
        messages.append(Message("a0", "text", round=1, answer="A"))
    players = [assay_rl.Agent(f"a{i}") for i in range(agents)]
    task = Task(prompt="the task", reference_answer="A")
    return Episode(f"{name}-{number}", messages, players, task, group=Group(name, size))


def elected(team: Sequence[tuple[Message, ...]], first: bool, empty: bool) -> float:
    """The vote of a team, held by itself: what each agent says, in order."""
    ballots = []
    for spoken in team:
        answers = [m.answer if m.answer else None for m in spoken]
        if empty:
            answers = ["none" if a is None else a for a in answers]
        if answers and first:
            ballots.append(answers[0])
        elif answers:  # the last of one round: the last message that has an answer
            ballots.append(next((a for a in reversed(answers) if a is not None), None))
    cast = Counter(b for b in ballots if b is not None)
    leaders = [answer for answer, votes in cast.items() if votes == max(cast.values())]
    return 1 / len(leaders) if "A" in leaders else 0.0


def test_votes_are_those_of_every_team_held_by_itself(server: Assayd) -> None:
    draw = random.Random(28)
    checked = 0
    with assay_rl.Client(server.target) as client:
        for number in range(200):
            ballots, empty = draw.choice(BALLOTS[:2]), draw.random() < 0.5
            agents, size, name = draw.randint(1, 6), draw.randint(2, 8), f"drawn-{number}"
            episodes = [drawn_vote(draw, name, k, agents, size) for k in range(size)]
            options = {"vote": {"ballots": ballots, "emptyBallots": empty, "grader": "GRADER_EXACT"}}
            outcome = scored(client.score_batch(episodes, options=options), name)
            assert outcome.outcome_part == "RECOMBINED"
            spoken = {
                e.id: [tuple(m for m in e.messages if m.agent == player.id) for player in e.players()] for e in episodes
            }
            for episode in episodes:
                for i, player in enumerate(episode.players()):
                    own = spoken[episode.id][i]
                    assert (player.id in outcome.recombined[episode.id]) == bool(own)
                    if own:
                        teams = [(*base[:i], own, *base[i + 1 :]) for base in spoken.values()]
                        worths = [elected(team, ballots == "BALLOTS_FIRST", empty) for team in teams]
                        found = outcome.recombined[episode.id][player.id]
                        assert found == pytest.approx(fmean(worths), abs=1e-12), (name, episode.id, player.id)
                        checked += 1
    assert checked > 2000
