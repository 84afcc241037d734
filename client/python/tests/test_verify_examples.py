"""The worked examples of signals.md, section 9, and the properties of the parts."""

from __future__ import annotations

import itertools
import json
import random
from fractions import Fraction
from pathlib import Path

import pytest
from verify_episodes import SHARED, episode_of, log_records, options_of, signals_of

from assay_rl.v1 import episode_pb2, options_pb2
from assay_rl.v1.signals_pb2 import (
    LABEL_ERROR,
    LABEL_FAILURE_ALIGNED,
    LABEL_FIRST_ERROR,
    LABEL_NEUTRAL,
    LABEL_REPAIR,
    LABEL_REPAIR_ATTEMPT,
    LABEL_SOUND,
)
from assay_rl.verify import (
    advantages,
    answers,
    blame,
    games,
    posterior,
    projection,
    questions,
    recompute,
    redundancy,
    votes,
)
from assay_rl.verify import settings as settings_module
from assay_rl.verify import transcript as transcript_module

REPOSITORY = Path(__file__).resolve().parents[3]


def chain(count: int, **fields: list[float]) -> episode_pb2.Episode:
    """A failed episode of one agent and `count` messages; fields by name, None where unset."""
    episode = episode_pb2.Episode(id="chain", agents=[episode_pb2.Agent(id="a")])
    episode.outcome.score = 0
    for t in range(count):
        message = episode.messages.add(agent_id="a", content=f"message {t}")
        for name, values in fields.items():
            setattr(message, name, values[t])
    return episode


def computed(episode: episode_pb2.Episode, options: options_pb2.AttributionOptions) -> recompute.Expected:
    settings = settings_module.resolve(options, episode)
    script = transcript_module.read(episode)
    return recompute.recompute(episode, script, settings, questions.Answers(episode, script, settings, []))


def test_e1_shapley() -> None:
    phi = games.shapley([0, 0.5, 0, 0.7, 0, 0.6, 0, 1], 3)
    assert phi == pytest.approx([43 / 60, 1 / 6, 7 / 60], abs=1e-12)


def test_e2_saboteur() -> None:
    phi = games.shapley([0, 0, 0, 1, 0, 0, 0, 0.6], 3)
    assert phi == pytest.approx([0.36666666666667, 0.36666666666667, -0.13333333333333], abs=1e-12)


def test_e3_projection() -> None:
    rewards = projection.project([0.4, -0.2, 0], [1, 1, 1], [0, -1, -1], [1, 0, 1], 0.6)
    assert rewards == pytest.approx([8 / 15, -1 / 15, 2 / 15], abs=1e-12)


def test_e4_vote_replay() -> None:
    episode = episode_pb2.Episode(id="vote")
    episode.task.reference_answer = "A"
    for k, answer in enumerate("BAB"):
        episode.agents.add(id=str(k))
        episode.messages.add(agent_id=str(k), round=1, answer=answer)
    options = options_pb2.AttributionOptions()
    settings, script = settings_module.resolve(options, episode), transcript_module.read(episode)
    table = votes.VoteReplay(script, settings, "A").table()
    assert table == [0, 0, 1, 0.5, 0, 0, 0.5, 0]
    assert games.shapley(table, 3) == pytest.approx([-0.25, 0.5, -0.25], abs=1e-12)


def test_e5_advantages() -> None:
    episodes, answered = {}, []
    for identity, score, rewards in (("x", 1, (0.75, 0.25)), ("y", 0, (-1, 0))):
        episode = episode_pb2.Episode(id=identity, agents=[episode_pb2.Agent(id="a")])
        signals = signals_of(chain(1), options_pb2.AttributionOptions()).signals
        signals.Clear()
        signals.episode_id, signals.score = identity, score
        for t, reward in enumerate(rewards):
            signals.messages.add(index=t, agent_id="a", reward=reward)
        episodes[identity] = episode
        answered.append(signals)
    options = options_pb2.AttributionOptions()
    options.advantages.blend = 0
    group = advantages.of_group(answered, episodes, settings_module.resolve(options, episodes["x"]))
    assert group.mean == 0.5
    assert group.episodes["x"][0] == pytest.approx(1, abs=1e-5)
    assert all(advantage == pytest.approx(-1, abs=1e-5) for _, advantage in group.episodes["y"][1].values())


def test_e6_failure_with_an_attempt() -> None:
    episode = chain(5)
    script = transcript_module.read(episode)
    settings = settings_module.resolve(options_pb2.AttributionOptions(), episode)
    labels = [LABEL_SOUND, LABEL_FIRST_ERROR, LABEL_FAILURE_ALIGNED, LABEL_REPAIR_ATTEMPT, LABEL_NEUTRAL]
    scores = [None, None, -0.6, 0.8, None]
    error = [0, 0.9, 0.2, 0, 0]
    nodes = posterior.Posterior([0.0] * 5, [0.0] * 5, [0.0] * 5, list(error), 0, [0.0] * 6, [0.0] * 6)
    x = blame.failure_evidence(script, settings, labels, nodes, scores, [0.0] * 5, False, True, -1)
    assert x == pytest.approx([0, -0.5, -0.3, 0.4, 0])
    given = blame.allocate_failure(script, settings, labels, x, error, [0.0] * 5, True, -1)
    assert given.rewards == pytest.approx([0, -0.9831858, -0.4115044, 0.3946903, 0], abs=5e-8)
    assert sum(given.rewards) == pytest.approx(-1, abs=1e-12)


@pytest.mark.parametrize(
    ("base_rate", "first", "none"),
    [
        (None, [0.0163535, 0.0588884, 0.6695107, 0.1967559, 0.0376366], 0.0208549),
        (0.2, [0.0752427, 0.1986961, 0.6384828, 0.0555709, 0.0056073], 0.0264002),
    ],
)
def test_e7_posterior(base_rate: float | None, first: list[float], none: float) -> None:
    episode = chain(5, process_score=[2 * p - 1 for p in (0.95, 0.9, 0.2, 0.3, 0.8)])
    options = options_pb2.AttributionOptions()
    options.outcome.SetInParent()
    if base_rate is not None:
        options.first_error.base_rate = base_rate
    located = computed(episode, options).located
    assert located.posterior is not None
    assert located.posterior.first == pytest.approx(first, abs=5e-8)
    assert located.posterior.none == pytest.approx(none, abs=5e-8)
    assert sum(located.posterior.first) + located.posterior.none == pytest.approx(1, abs=1e-12)
    assert located.claim.first == 2
    if base_rate is None:
        decisive = [0.0124319, 0.0565830, 0.6682655, 0.2016829, 0.0505045]
        assert located.posterior.decisive == pytest.approx(decisive, abs=5e-8)


def test_e8_two_errors_and_a_repair() -> None:
    episode = chain(5, process_score=[2 * p - 1 for p in (0.9, 0.1, 0.5, 0.9, 0.1)])
    for node, successes in ((1, 4), (2, 0), (4, 4)):
        episode.messages[node].prefix_rollouts.trials = 4
        episode.messages[node].prefix_rollouts.successes = successes
    options = options_pb2.AttributionOptions()
    options.outcome.SetInParent()
    options.first_error.base_rate = 0.2
    located = computed(episode, options).located
    assert located.posterior is not None
    assert located.posterior.first[1] == pytest.approx(0.9830626, abs=5e-8)
    assert located.posterior.repair[3] == pytest.approx(0.7312800, abs=5e-8)
    assert located.posterior.decisive[4] == pytest.approx(0.9752755, abs=5e-8)
    assert located.posterior.none == pytest.approx(0.0074444, abs=5e-8)
    assert (located.claim.first, located.claim.decisive) == (1, 4)
    assert [located.labels[t] for t in (1, 3, 4)] == [LABEL_FIRST_ERROR, LABEL_REPAIR, LABEL_ERROR]


def test_scores_of_zero_are_no_evidence() -> None:
    options = options_pb2.AttributionOptions()
    options.outcome.SetInParent()
    bare = computed(chain(4), options).located
    zero = computed(chain(4, process_score=[0.0] * 4), options).located
    assert bare.posterior == zero.posterior
    assert bare.claim.first is None
    assert zero.claim.first is None


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
