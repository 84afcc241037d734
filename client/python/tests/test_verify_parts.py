"""The parts of the verifier: games, the projection, redundancy, grades and votes, each against an independent rule."""

from __future__ import annotations

import itertools
import json
import random
from fractions import Fraction
from pathlib import Path

import pytest
from verify_episodes import SHARED, episode_of, log_records, options_of

from assay_rl.v1 import episode_pb2, options_pb2
from assay_rl.v1.signals_pb2 import (
    ANSWER_GRADE_RIGHT,
    ANSWER_GRADE_UNREADABLE,
    ANSWER_GRADE_UNSPECIFIED,
    ANSWER_GRADE_WRONG,
)
from assay_rl.verify import answers, games, projection, redundancy, votes
from assay_rl.verify import settings as settings_module
from assay_rl.verify import transcript as transcript_module

REPOSITORY = Path(__file__).resolve().parents[3]


def test_shapley_is_the_mean_marginal_over_orders() -> None:
    draw = random.Random(1)
    for n in range(1, 6):
        table = [draw.random() for _ in range(1 << n)]
        sums = [Fraction(0)] * n
        orders = list(itertools.permutations(range(n)))
        for order in orders:
            mask = 0
            for i in order:
                sums[i] += Fraction(table[mask | 1 << i]) - Fraction(table[mask])
                mask |= 1 << i
        assert games.shapley(table, n) == pytest.approx([float(s / len(orders)) for s in sums], abs=1e-12)


def test_owen_values_add_up_to_the_quotient_game() -> None:
    draw = random.Random(2)
    counts = [2, 1, 3]
    total = sum(counts)
    table = [draw.random() for _ in range(1 << total)]
    starts = [0, 2, 3]

    def whole(mask: int) -> int:
        return sum(((1 << counts[i]) - 1) << starts[i] for i in range(3) if mask >> i & 1)

    values = games.owen(lambda others, i, kept: table[whole(others) | kept << starts[i]], 3, counts)
    agents = games.shapley([table[whole(mask)] for mask in range(8)], 3)
    assert [sum(v) for v in values] == pytest.approx(agents, abs=1e-12)
    assert games.owen_cost(7, [3] * 7) == 2816


def test_interactions_of_a_pure_pair() -> None:
    index = games.interactions([0, 0, 0, 1, 0, 0, 0, 1], 3)
    assert index == pytest.approx({(0, 1): 1.0, (0, 2): 0.0, (1, 2): 0.0})


def test_projection_conserves_and_is_optimal() -> None:
    draw = random.Random(3)
    for _ in range(500):
        count = draw.randint(1, 8)
        x = [draw.uniform(-1, 1) for _ in range(count)]
        w = [draw.uniform(0.01, 1) for _ in range(count)]
        low = [draw.choice([-2.0, -0.1, 0.0]) for _ in range(count)]
        high = [draw.choice([0.0, 2.0]) for _ in range(count)]
        total = draw.uniform(sum(low), sum(high))
        rewards = projection.project(x, w, low, high, total)
        assert sum(rewards) == pytest.approx(total, abs=1e-9)
        assert all(lo <= r <= hi for r, lo, hi in zip(rewards, low, high, strict=True))
        free = [(r - v) / c for r, v, c, lo, hi in zip(rewards, x, w, low, high, strict=True) if lo < r < hi]
        assert not free or max(free) - min(free) < 1e-9


def test_redundancy_counts_what_was_said_or_read_before() -> None:
    episode = episode_pb2.Episode(agents=[episode_pb2.Agent(id="a"), episode_pb2.Agent(id="b")])
    text = "one two three four five six"
    for agent, round_ in (("a", 1), ("b", 1), ("a", 2), ("b", 2)):
        episode.messages.add(agent_id=agent, content=text, round=round_)
    episode.messages.add(agent_id="b", content="", round=3)
    episode.messages.add(agent_id="b", content="one two THREE four five new words", round=3)
    rho = redundancy.redundancies(transcript_module.read(episode), True)
    assert rho == pytest.approx([0, 0, 1, 1, 0, 1 / 3])


def test_the_table_of_forms_is_read_as_the_server_reads_it() -> None:
    kinds = {
        "exact": options_pb2.GRADER_EXACT,
        "choice": options_pb2.GRADER_CHOICE,
        "number": options_pb2.GRADER_NUMBER,
        "identical": options_pb2.GRADER_IDENTICAL,
    }
    forms = [
        json.loads(line) for line in (REPOSITORY / "tests/data/answer_forms.jsonl").read_text("utf-8").splitlines()
    ]
    assert len(forms) >= 300
    for form in forms:
        grader = answers.Grader(kinds[form["grader"]], form.get("tolerance", 0), form["reference"])
        assert grader.grade(form["text"])[0] == form["server"], form


def test_numbers_within_the_tolerance_are_one_class_and_others_are_told_apart() -> None:
    grader = answers.Grader(options_pb2.GRADER_NUMBER, 0.5, "1,000")
    assert grader.grade("1000.4")[0] == grader.grade("$999.6$")[0] == answers.RIGHT
    assert grader.grade("7") == grader.grade("7.0") != grader.grade("7.1")


def test_a_short_text_may_be_right_twice() -> None:
    episode = episode_pb2.Episode(agents=[episode_pb2.Agent(id="a")])
    for _ in range(2):
        episode.messages.add(agent_id="a", content="Continue.")
        episode.messages.add(agent_id="a", content="four words of it")
        episode.messages.add(agent_id="a", content="these are already five words")
    assert redundancy.redundancies(transcript_module.read(episode), True) == [0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("grader", "answer", "reference", "grade"),
    [
        (options_pb2.GRADER_NUMBER, "42.0", "42", ANSWER_GRADE_RIGHT),
        (options_pb2.GRADER_NUMBER, "41", "42", ANSWER_GRADE_WRONG),
        (options_pb2.GRADER_NUMBER, "forty-two", "42", ANSWER_GRADE_UNREADABLE),
        (options_pb2.GRADER_NUMBER, "41", "forty-two", ANSWER_GRADE_UNREADABLE),
        (options_pb2.GRADER_CHOICE, "(B)", "b", ANSWER_GRADE_RIGHT),
        (options_pb2.GRADER_CHOICE, "(C)", "b", ANSWER_GRADE_WRONG),
        (options_pb2.GRADER_CHOICE, "unsure", "b", ANSWER_GRADE_UNREADABLE),
        (options_pb2.GRADER_EXACT, "unsure", "b", ANSWER_GRADE_WRONG),
        (options_pb2.GRADER_EXACT, None, "b", ANSWER_GRADE_UNSPECIFIED),
        (options_pb2.GRADER_EXACT, " $ $ ", "b", ANSWER_GRADE_UNSPECIFIED),
        (options_pb2.GRADER_IDENTICAL, "", "b", ANSWER_GRADE_WRONG),
    ],
)
def test_grades(grader: options_pb2.Grader, answer: str | None, reference: str, grade: int) -> None:
    episode = episode_pb2.Episode(agents=[episode_pb2.Agent(id="a")])
    episode.messages.add(agent_id="a", answer=answer)
    options = options_pb2.AttributionOptions()
    options.vote.grader = grader
    settings, script = settings_module.resolve(options, episode), transcript_module.read(episode)
    assert votes.VoteReplay(script, settings, reference).grade_of(0) == grade


def test_exact_answers_lose_case_space_wrappers_and_separators() -> None:
    assert answers.normal_form(r" $\boxed{1,234 X}$ ") == "1234 x"
    assert answers.normal_form(r"\frac12") == r"\frac{1}{2}"
    assert answers.normal_form("(1,2)") == "(1,2)"


@pytest.mark.parametrize("name", ["dylan_mmlu_7agents", "dylan_mmlu_3agents", "dylan_math_complex"])
@pytest.mark.parametrize(
    ("mode", "ballots"),
    [
        ("first", options_pb2.BALLOTS_FIRST),
        ("last", options_pb2.BALLOTS_LAST),
        ("lastround", options_pb2.BALLOTS_LAST_ROUND),
    ],
)
def test_credits_equal_the_oracle(name: str, mode: str, ballots: options_pb2.Ballots) -> None:
    if not SHARED.is_dir():
        pytest.skip(f"no shared data at {SHARED}")
    oracle = {o["id"]: o["shapley_" + mode] for o in log_records("oracle_" + name)}
    checked = 0
    for record in log_records(name):
        episode, options = episode_of(record), options_of(name, ballots)
        settings, script = settings_module.resolve(options, episode), transcript_module.read(episode)
        table = votes.VoteReplay(script, settings, record["reference_answer"]).table()
        exact = [float(Fraction(value)) for value in oracle[record["id"]]]
        assert games.shapley(table, len(exact)) == pytest.approx(exact, abs=1e-12), json.dumps(record["id"])
        checked += 1
    assert checked == len(oracle)
