"""Questions about a group: teams put together from several episodes, behind assayd."""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean

import grpc
import pytest
from assayd import HANGS, LIMITS, REPOSITORY, Assayd, needs_assayd, running
from google.protobuf import json_format
from team_groups import Grader, group, said, scored, worth

import assay_rl
from assay_rl import Episode, EpisodeGroup, GroupScored, Question, Task
from assay_rl.training import exports
from assay_rl.v1 import evaluator_service_pb2 as pb
from assay_rl.v1 import evaluator_service_pb2_grpc as stubs
from assay_rl.v1 import options_pb2

pytestmark = needs_assayd

EXAMPLES = REPOSITORY / "client" / "python" / "examples" / "teams"
TEAMS = {"supports": ["QUESTION_KIND_COALITION", "QUESTION_KIND_TEAM"], "free": True, "deterministic": True}


@pytest.fixture(scope="module")
def server() -> Iterator[Assayd]:
    with running() as started:
        yield started


@pytest.mark.parametrize("silent", [0.0, 0.3])
def test_values_are_those_of_all_teams(server: Assayd, silent: float) -> None:
    episodes = group(f"all-{silent}", 6, silent=silent, texts=4)
    grader = Grader()
    with assay_rl.Client(server.target) as client:
        batch = client.score_batch(episodes, options={"caller": TEAMS}, evaluator=grader)
    outcome = scored(batch, f"all-{silent}")
    assert outcome.proto.signals.outcome_part == options_pb2.OUTCOME_PART_RECOMBINED
    texts = {e.id: said(e) for e in episodes}
    played = {tuple(t) for t in texts.values()}
    wanted = set()
    for episode in episodes:
        for i, player in enumerate(episode.players()):
            own = texts[episode.id][i]
            teams = [(*base[:i], own, *base[i + 1 :]) for base in texts.values()]
            if own:
                assert outcome.recombined[episode.id][player.id] == pytest.approx(fmean(map(worth, teams)), abs=1e-12)
                wanted |= {team for team in teams if team not in played}
            else:
                assert player.id not in outcome.recombined[episode.id]
    assert sorted(grader.teams) == sorted(wanted), "each team once, and no other"


def test_the_number_of_questions(server: Assayd) -> None:
    for siblings, free, count in ((0, True, 3 * 8 * 7), (0, False, 3 * 8 * 4), (2, True, 3 * 8 * 2)):
        grader = Grader()
        options = {
            "caller": TEAMS | {"free": free, "batchSize": 1024},
            "advantages": {"recombination": {"siblings": siblings}},
        }
        with assay_rl.Client(server.target) as client:
            name = f"count-{siblings}-{free}"
            batch = client.score_batch(group(name, 8, texts=10**9), options=options, evaluator=grader)
        recombined = scored(batch, name).proto.signals.recombined
        assert (len(grader.teams), recombined.questions) == (count, count)
        assert len(grader.batches) == 1


def test_two_groups_at_once_and_off(server: Assayd) -> None:
    for mode in ("RECOMBINATION_MODE_AUTO", "RECOMBINATION_MODE_OFF"):
        grader = Grader()
        episodes = [e for pair in zip(group("one", 5), group("two", 5), strict=True) for e in pair]
        options = {"caller": TEAMS, "advantages": {"recombination": {"mode": mode}}}
        with assay_rl.Client(server.target) as client:
            batch = client.score_batch(episodes, options=options, evaluator=grader)
        for name in ("one", "two"):
            assert bool(scored(batch, name).recombined) == mode.endswith("AUTO")
        assert bool(grader.teams) == mode.endswith("AUTO")


def wrong(teams: Sequence[float]) -> Sequence[float | Exception]:
    return [7.0, *teams[1:]]


def failing(teams: Sequence[float]) -> Sequence[float | Exception]:
    return [*teams[:-1], RuntimeError("the tests do not run")]


def short(teams: Sequence[float]) -> Sequence[float | Exception]:
    return teams[1:]


@pytest.mark.parametrize("misdeed", [wrong, failing, short])
@pytest.mark.parametrize("part", ["OUTCOME_PART_AUTO", "OUTCOME_PART_RECOMBINED"])
def test_a_caller_that_answers_wrongly_loses_the_teams_and_no_group(
    server: Assayd, misdeed: Callable[[Sequence[float]], Sequence[float | Exception]], part: str
) -> None:
    grader = Grader()

    def evaluate(source: Episode | EpisodeGroup, questions: Sequence[Question]) -> Sequence[float | Exception]:
        answers = grader(source, questions)
        return misdeed(answers) if isinstance(source, EpisodeGroup) else answers

    with assay_rl.Client(server.target) as client:
        batch = client.score_batch(
            group("wrong", 4), options={"caller": TEAMS, "advantages": {"outcome": part}}, evaluator=evaluate
        )
    outcome = scored(batch, "wrong")
    assert outcome.proto.signals.recombined.error.code != 0
    assert outcome.recombined == {}
    assert outcome.proto.signals.outcome_part == options_pb2.OUTCOME_PART_CONTROL
    assert len(outcome.advantages) == 4


@pytest.mark.parametrize("never", [False, True])
def test_a_caller_that_is_late_or_silent_loses_the_teams_and_no_group(server: Assayd, never: bool) -> None:
    grader = Grader()

    def members(limit: float) -> int:
        over = threading.Event()

        def evaluate(source: Episode | EpisodeGroup, questions: Sequence[Question]) -> list[float]:
            if isinstance(source, EpisodeGroup):
                over.wait(HANGS if never else 3 * limit)
            return grader(source, questions)

        options = {"caller": TEAMS, "groupTimeout": f"{limit}s"}
        with assay_rl.Client(server.target) as client:
            batch = client.score_batch(group("late", 4), options=options, evaluator=evaluate)
            over.set()
        outcome = batch.groups["late"]
        if not isinstance(outcome, GroupScored):
            return 0
        assert outcome.proto.signals.recombined.error.code in (4, 14)
        return len(outcome.advantages)

    assert 4 in map(members, LIMITS)


class Remote(stubs.EvaluatorServiceServicer):
    """Answers as Grader does, and remembers the requests about teams. dies: the first call about teams is the last."""

    def __init__(self, free: bool = True, dies: bool = False) -> None:
        self.free, self.dies = free, dies
        self.teams: list[tuple[str, ...]] = []
        self.requests: list[pb.EvaluateRequest] = []

    def Evaluate(self, request: pb.EvaluateRequest, context: grpc.ServicerContext) -> pb.EvaluateResponse:  # noqa: N802
        values = []
        if request.group_episodes:
            self.requests.append(request)
            if self.dies:
                context.abort(grpc.StatusCode.INTERNAL, "the simulator is gone")
        for question in request.questions:
            if question.counterfactual.WhichOneof("kind") == "team":
                sources = {e.id: said(Episode.from_proto(e)) for e in request.group_episodes}
                ids = question.counterfactual.team.episode_ids
                team = tuple(sources[k][i] if k else "" for i, k in enumerate(ids))
                self.teams.append(team)
                values.append(worth(team))
            else:
                texts, kept = said(Episode.from_proto(request.episode)), question.counterfactual.coalition.agents
                values.append(worth([t if i in kept else "" for i, t in enumerate(texts)]))
        answers = pb.Answers(answers=[pb.Answer(mean=value, samples=1) for value in values])
        return pb.EvaluateResponse(evaluation_id=request.evaluation_id, answers=answers)

    def GetEvaluatorInfo(  # noqa: N802
        self, request: pb.GetEvaluatorInfoRequest, context: grpc.ServicerContext
    ) -> pb.GetEvaluatorInfoResponse:
        kinds = [options_pb2.QUESTION_KIND_COALITION, options_pb2.QUESTION_KIND_TEAM]
        return pb.GetEvaluatorInfoResponse(supports=kinds, free=self.free, deterministic=True)


@contextlib.contextmanager
def remote(folder: Path, evaluator: Remote, more: dict[str, object] | None = None) -> Iterator[Assayd]:
    service = grpc.server(ThreadPoolExecutor(4))
    stubs.add_EvaluatorServiceServicer_to_server(evaluator, service)
    endpoint = f"127.0.0.1:{service.add_insecure_port('127.0.0.1:0')}"
    service.start()
    config = folder / "config.json"
    named = {"name": "tests", "remote": {"endpoints": [endpoint]}, **(more or {})}
    config.write_text(json.dumps({"evaluators": [named]}))
    try:
        with running(f"--config={config}") as started:
            yield started
    finally:
        service.stop(None)


@pytest.mark.parametrize(("free", "count"), [(True, 3 * 8 * 7), (False, 3 * 8 * 4)])
def test_a_remote_evaluator_gets_each_episode_once_a_batch(tmp_path: Path, free: bool, count: int) -> None:
    evaluator = Remote(free)
    episodes = group("remote", 8, texts=10**9)
    with remote(tmp_path, evaluator) as started, assay_rl.Client(started.target) as client:
        batch = client.score_batch(episodes, options={"named": {"name": "tests"}})
    outcome = scored(batch, "remote")
    assert outcome.outcome_part == "RECOMBINED"
    assert len(evaluator.teams) == len(set(evaluator.teams)) == count
    for request in evaluator.requests:
        ids = list(request.group_episode_ids)
        assert ids == [e.id for e in request.group_episodes] == sorted(set(ids))
        named = {k for q in request.questions for k in q.counterfactual.team.episode_ids if k}
        assert named == set(ids)
        assert request.episode_id == "remote"
        assert not request.HasField("episode")


def test_a_remote_evaluator_that_dies_loses_the_teams_and_no_group(tmp_path: Path) -> None:
    evaluator = Remote(dies=True)
    with remote(tmp_path, evaluator) as started, assay_rl.Client(started.target) as client:
        batch = client.score_batch(group("dies", 4), options={"named": {"name": "tests"}})
    outcome = scored(batch, "dies")
    assert "the simulator is gone" in outcome.proto.signals.recombined.error.message
    assert outcome.outcome_part == "CONTROL"
    assert len(outcome.advantages) == 4


@pytest.mark.parametrize("by_vote", [True, False])
def test_a_group_with_a_rejected_member_is_answered(server: Assayd, by_vote: bool) -> None:
    """With its teams, also where the client is asked about them after the last of its episodes failed."""
    episodes = group("rejected", 5)
    for episode in episodes:
        episode.task = Task(prompt="the task", reference_answer="A")
        for message in episode.messages:
            message.answer = "A" if by_vote else None
    episodes[2].score = 7.0  # out of the value range
    options = {"vote": {}} if by_vote else {"caller": TEAMS}
    with assay_rl.Client(server.target) as client:
        batch = client.score_batch(episodes, options=options, evaluator=None if by_vote else Grader())
    assert [failure.episode_id for failure in batch.failed()] == ["rejected-2"]
    outcome = batch.groups["rejected"]
    assert isinstance(outcome, GroupScored)
    assert outcome.missing == ["rejected-2"]
    assert len(outcome.advantages) == 4
    assert sorted(outcome.recombined) == ["rejected-0", "rejected-1", "rejected-3", "rejected-4"]


def test_a_full_cache_loses_nothing(tmp_path: Path) -> None:
    evaluator = Remote()
    with remote(tmp_path, evaluator, more={"cache_bytes": 64}) as started, assay_rl.Client(started.target) as client:
        for _ in range(2):
            batch = client.score_batch(group("full", 4), options={"named": {"name": "tests"}})
            assert scored(batch, "full").recombined
    assert len(evaluator.teams) >= len(set(evaluator.teams))


def test_a_group_that_is_never_complete_is_answered_when_the_stream_half_closes(server: Assayd) -> None:
    episodes = [*group("whole", 3), *group("part", 4)[:2]]
    with assay_rl.Client(server.target) as client:
        batch = client.score_batch(episodes, options={"caller": TEAMS}, evaluator=Grader())
    assert len(scored(batch, "whole").recombined) == 3
    part = scored(batch, "part")
    assert part.proto.signals.never_sent == 2
    assert len(part.advantages) == 2
    assert part.recombined or "closed its side" in part.proto.signals.recombined.error.message


def test_a_schedule_is_refused_by_name_alone(server: Assayd) -> None:
    episodes = group("sequence", 3)
    for episode in episodes:
        for message in episode.messages:
            message.round = 0
    with assay_rl.Client(server.target) as client:
        options = {"caller": TEAMS, "advantages": {"outcome": "OUTCOME_PART_RECOMBINED"}}
        refused = client.score_batch(episodes, options=options, evaluator=Grader()).groups["sequence"]
        assert not refused.ok
        assert "may have read messages[0]" in refused.error.message
        assert scored(client.score_batch(episodes, options={"caller": TEAMS}, evaluator=Grader()), "sequence")
        for episode in episodes:
            assert episode.group is not None
            episode.group.parallel = True
        batch = client.score_batch(episodes, options=options, evaluator=Grader())
        assert scored(batch, "sequence").recombined


def test_peers_are_exported_after_the_same_prompt(server: Assayd) -> None:
    episodes = group("peers", 6, texts=3)
    with assay_rl.Client(server.target) as client:
        batch = client.score_batch(episodes, options={"caller": TEAMS}, evaluator=Grader())
    outcome = scored(batch, "peers")
    pairs = [p for p in outcome.proto.signals.pairs if p.kind == options_pb2.PREFERENCE_KIND_PEER]
    assert pairs
    by_id = {e.id: e for e in episodes}
    for pair in pairs:
        chosen, rejected = (by_id[side.episode_id].messages[side.begin] for side in (pair.chosen, pair.rejected))
        assert chosen.agent == rejected.agent
        assert chosen.content != rejected.content
        assert pair.context_length == 0
    material = exports.Material.of(episodes, [outcome])
    rows = [row for row in exports.dpo(material) if row["kind"] == "peer"]
    assert rows
    assert {row["prompt"].count("text") for row in rows} == {0}
    # Siblings that part at the start tell some of them as well: a row comes once.
    assert {(row["chosen"], row["rejected"]) for row in exports.step_dpo(material)} >= {
        (row["chosen"], row["rejected"]) for row in rows
    }
    labels = {(row["completion"], row["label"]) for row in exports.kto(material)}
    assert all((row["chosen"], True) in labels and (row["rejected"], False) in labels for row in rows)


def written(path: Path, lines: Sequence[str]) -> str:
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.mark.parametrize("by_vote", [True, False])
def test_a_group_is_verified_and_every_change_found(server: Assayd, tmp_path: Path, by_vote: bool) -> None:
    episodes = group("proof", 5, texts=3, silent=0.1)
    options: dict[str, object] = {"audit": "AUDIT_FULL"}
    if by_vote:
        options["vote"] = {}
        for episode in episodes:
            episode.task = Task(prompt="the task", reference_answer="text 1")
            episode.score = None
            for message in episode.messages:
                message.answer = message.content
    else:
        options["caller"] = TEAMS
    with assay_rl.Client(server.target) as client:
        batch = client.score_batch(episodes, options=options, evaluator=None if by_vote else Grader())
    assert scored(batch, "proof").recombined
    sources = written(tmp_path / "episodes.jsonl", [e.to_json() for e in episodes])
    results = [o.proto for o in batch.outcomes if isinstance(o, assay_rl.Scored)]
    group_result = scored(batch, "proof").proto

    def verify() -> int:
        rows = [json_format.MessageToJson(r, indent=None) for r in (*results, group_result)]
        signals = written(tmp_path / "signals.jsonl", rows)
        command = [sys.executable, "-m", "assay_rl", "verify", signals, "--episodes", sources, "--jobs", "1"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=HANGS, check=False)
        last.append(done.stdout + done.stderr)
        return done.returncode

    last: list[str] = []
    assert verify() == 0, last[-1]
    kept = type(group_result)()
    kept.CopyFrom(group_result)

    def value() -> None:
        group_result.signals.episodes[1].recombined[0].value += 1e-6

    def advantage() -> None:
        group_result.signals.episodes[2].messages[0].outcome_advantage += 1e-6

    def weight() -> None:
        next(p for p in group_result.signals.pairs if p.kind == options_pb2.PREFERENCE_KIND_PEER).weight = 0.75

    def answer() -> None:
        question = group_result.signals.audit.questions[0]
        if by_vote:
            question.table[0] = 1 - question.table[0]
        else:
            question.mean = 1 - question.mean

    def digest() -> None:
        group_result.signals.audit.member_sha256[0] = b"\0" * 32

    for change in (value, advantage, weight, answer, digest):
        change()
        assert verify() == 1, change.__name__
        group_result.CopyFrom(kept)


@pytest.mark.parametrize("name", ["vote", "coding_team", "mixture"])
def test_the_examples(server: Assayd, name: str) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py"), server.target],
        capture_output=True,
        text=True,
        timeout=HANGS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "without teams" not in done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("  ") and "teams graded" not in line]
    by_agent = {agent: [float(row[1]) for row in own] for agent, own in itertools.groupby(rows, lambda row: row[0])}
    assert len(by_agent) >= 3
    assert all(values == sorted(values, reverse=True) for values in by_agent.values())
    assert any(values[0] > values[-1] for values in by_agent.values())
