"""Test-only: episodes from logs, and signals of episodes as a server with AUDIT_FULL would write them.

The generator asks every question that proto/signals.md asks of a free evaluator, records the answers, and writes down
what assay_rl.verify computes from them. It shares the mathematics with the verifier on purpose: tests tamper with its
output.
Whether the mathematics is right is tested by the worked examples, and by running the verifier on a server's output.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from google.protobuf import json_format

from assay_rl.v1 import episode_pb2, options_pb2, signal_service_pb2, signals_pb2
from assay_rl.verify import (
    advantages,
    message_credit,
    preferences,
    questions,
    recompute,
    records,
    settings,
    siblings,
    transcript,
)

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("ASSAY_SHARED", ROOT.parent / "shared"))


def log_records(name: str, limit: int | None = None) -> Iterator[dict[str, Any]]:
    with gzip.open(SHARED / "data" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for k, line in enumerate(lines):
            if limit is not None and k >= limit:
                return
            yield json.loads(line)


def episode_of(record: dict[str, Any]) -> episode_pb2.Episode:
    """A log record (shared/data/README.md) as an episode."""
    episode = episode_pb2.Episode(id=record["id"])
    episode.task.id = record["id"]
    episode.task.prompt = record["task"]
    episode.task.reference_answer = record.get("reference_answer") or record.get("ground_truth") or ""
    episode.outcome.score = float(record["outcome"])
    for agent in record["agents"]:
        episode.agents.add(id=agent)
    first_error = record.get("label", {}).get("first_error_index")
    for index, message in enumerate(record["messages"]):
        entry = episode.messages.add(agent_id=message["agent"], content=message["content"])
        entry.round = message.get("round", 0)
        if message.get("answer") is not None:
            entry.answer = message["answer"]
        entry.first_error = index == first_error
    return episode


def options_of(name: str, ballots: options_pb2.Ballots = options_pb2.BALLOTS_LAST) -> options_pb2.AttributionOptions:
    options = options_pb2.AttributionOptions(audit=options_pb2.AUDIT_FULL)
    if name.startswith("dylan_m"):
        options.vote.ballots = ballots
        options.vote.empty_ballots = name.startswith("dylan_mmlu")
    return options


def signals_of(
    episode: episode_pb2.Episode, options: options_pb2.AttributionOptions
) -> signal_service_pb2.EpisodeResult:
    """The signals of one episode, audit included."""
    chosen = settings.resolve(options, episode)
    script = transcript.read(episode)
    bare = questions.Answers(episode, script, chosen, [])
    expected = recompute.recompute(episode, script, chosen, bare)
    asked = list(_asked(expected))
    result = signal_service_pb2.EpisodeResult(episode_id=episode.id)
    _fill(result.signals, episode, options, expected, asked)
    return result


def _asked(expected: recompute.Expected) -> Iterator[questions.Asked]:
    answers, script = expected.answers, expected.transcript
    if expected.settings.evaluator == "outcome":
        return
    n = len(script.agents)
    table = answers.recomputed_table() or []
    if expected.settings.evaluator == "given":
        yield questions.Asked("all", 0, samples=1, table_sha256=questions.table_digest(table))
    elif n % 2:
        yield questions.Asked("all", 0, samples=1, table=tuple(table))
    else:
        for mask, value in enumerate(table):
            yield questions.Asked("coalition", mask, value)
    if not message_credit.messages_asked(script, expected.settings, answers):
        return
    if n % 2:
        table = answers.recomputed_table("owen") or []
        yield questions.Asked("owen", 0, samples=1, table=tuple(table))
        return
    for kept in dict.fromkeys(answers.parts()):
        yield questions.Asked("messages", kept, answers.recomputed("messages", kept) or 0.0)


def _fill(
    out: signals_pb2.EpisodeSignals,
    episode: episode_pb2.Episode,
    options: options_pb2.AttributionOptions,
    expected: recompute.Expected,
    asked: list[questions.Asked],
) -> None:
    value, located, script, given = expected.credit, expected.located, expected.transcript, expected.allocation
    out.episode_id = episode.id
    out.success = expected.success
    out.score, out.baseline, out.grand_value = value.score, value.baseline, value.grand
    out.unexplained = value.score - value.grand
    out.outcome_mismatch = abs(out.unexplained) > 1e-9 * expected.settings.range
    for i, agent in enumerate(script.agents):
        credit = value.values[i]
        out.agents.add(
            agent_id=agent,
            credit=credit,
            low=credit,
            high=credit,
            reward_total=sum(given.rewards[t] for t in script.members[i]),
            unallocated=given.unallocated.get(i, 0.0),
            signs_relaxed=i in given.relaxed,
            policy=episode.agents[i].policy or agent,
            value_without=value.without[i],
        )
    posterior = located.posterior
    told = 1.0 if located.told else 0.0
    for t in script.players:
        message = episode.messages[t]
        entry = out.messages.add(index=t, agent_id=message.agent_id, reward=given.rewards[t])
        entry.label = cast("signals_pb2.Label", located.labels[t])
        entry.first_error_probability = told * posterior.first[t]
        entry.error_probability = told * posterior.error[t]
        entry.repair_probability = told * posterior.repair[t]
        entry.redundancy = expected.rho[t]
        entry.token_spans.extend(message.token_spans)
        entry.grade = cast("signals_pb2.AnswerGrade", located.grades[t])
        _fill_advantage_inputs(entry, expected, t)
        out.audit.messages.add(
            evidence=given.x[t],
            weight=given.w[t],
            low=given.low[t],
            high=given.high[t],
            redundancy=expected.rho[t],
            error_log_ratio=told * located.evidence.ratios[t],
            prior=told * located.evidence.prior[t],
            index=t,
        )
    _fill_first_error(out.first_error, expected)
    for (i, j), index in (expected.interactions or {}).items():
        out.interactions.add(agent_a=script.agents[i], agent_b=script.agents[j], index=index)
    out.pairs.extend(preferences.of_episode(episode, expected))
    ledger = out.conservation
    ledger.target = expected.target
    ledger.allocated = sum(given.rewards)
    ledger.unallocated = sum(given.unallocated.values())
    ledger.error = abs(ledger.target - ledger.allocated - ledger.unallocated)
    ledger.signs_relaxed = bool(given.relaxed)
    _fill_effort(out.effort, expected, asked)
    out.parallel = script.parallel or episode.group.parallel
    out.owen_values = expected.message_credit is not None and expected.message_credit.owen
    out.evidence = cast("options_pb2.Evidence", expected.kind)
    out.audit.options.CopyFrom(options)
    out.audit.software_version = "test"
    out.audit.episode_sha256 = hashlib.sha256(records.canonical(episode)).digest()
    for q in asked:
        questions.encode(q, out.audit.questions.add())
    traits = out.audit.evaluator
    kinds = sorted(options_pb2.QuestionKind.Value(f"QUESTION_KIND_{k.upper()}") for k in expected.settings.supports)
    traits.supports.extend(kinds)
    traits.whole_table = expected.settings.evaluator in ("vote", "given")
    traits.free = traits.deterministic = True
    if episode.HasField("group"):
        out.group.CopyFrom(episode.group)
    sign(out)


def _fill_advantage_inputs(out: signals_pb2.MessageSignal, expected: recompute.Expected, t: int) -> None:
    credit, change, score = expected.message_credit, expected.changes[t], expected.located.scores[t]
    if credit is not None:
        out.credit = credit.values[t]
    if change is not None:
        out.value_change, out.value_change_variance = change.mean, change.variance
    if score is not None:
        out.process_score = score


def sign(out: signals_pb2.EpisodeSignals) -> None:
    out.audit.signals_sha256 = b""
    out.audit.signals_sha256 = records.signals_digest(out)


def _fill_effort(out: signals_pb2.Effort, expected: recompute.Expected, asked: list[questions.Asked]) -> None:
    tables = {kind: expected.answers.table_size(kind) for kind in questions.TABLES.values()}
    out.questions = sum(tables.get(q.kind, 1) for q in asked)
    out.samples = sum(q.samples * tables.get(q.kind, 1) for q in asked)
    out.evaluator = expected.settings.evaluator
    if asked:
        out.method = options_pb2.METHOD_EXACT
        out.interval = signals_pb2.INTERVAL_KIND_EXACT
    if expected.settings.evaluator == "vote":
        out.ballots = cast("options_pb2.Ballots", expected.settings.ballots)


def _fill_first_error(out: signals_pb2.FirstError, expected: recompute.Expected) -> None:
    located, script = expected.located, expected.transcript
    posterior = located.posterior
    credited = expected.credit.shapley
    out.prior_used = signals_pb2.PRIOR_USED_CREDIT if credited else signals_pb2.PRIOR_USED_FLAT
    if not located.told:
        out.none_probability, out.tier = 1, signals_pb2.EVIDENCE_TIER_NONE
        return
    if located.claim.first is not None:
        out.first_index = located.claim.first
    if located.claim.decisive is not None:
        out.decisive_index = located.claim.decisive
    if located.claim.context is not None:
        out.context_index = located.claim.context
    mass = posterior.suspects(script)
    if any(mass) and located.tier != signals_pb2.EVIDENCE_TIER_NONE:
        out.agent_id = script.agents[max(range(len(mass)), key=lambda i: mass[i])]
    out.probability = max(posterior.first, default=0.0)
    out.none_probability = posterior.none
    out.environment_probability = posterior.environment
    out.credible_set.extend(recompute.credible_set(posterior.first))
    out.tier = cast("signals_pb2.EvidenceTier", located.tier)


def group_of(
    episodes: Iterable[episode_pb2.Episode],
    results: Iterable[signal_service_pb2.EpisodeResult],
    options: options_pb2.AttributionOptions,
) -> signal_service_pb2.GroupResult:
    """The group result of answered episodes of one group."""
    by_id = {e.id: e for e in episodes}
    answered = [r.signals for r in results]
    chosen = settings.resolve(options, by_id[answered[0].episode_id])
    expected = advantages.of_group(answered, chosen)
    group = signal_service_pb2.GroupResult(group_id=answered[0].group.id)
    out = group.signals
    out.group_id = group.group_id
    out.used = len(answered)
    out.mean_score, out.std_score = expected.mean, expected.std
    out.outcome_part = cast("options_pb2.OutcomePart", expected.outcome_part)
    out.credit_part = cast("options_pb2.CreditPart", expected.credit_part)
    out.reliability, out.weight, out.parallel = expected.reliability, expected.weight, expected.parallel
    for signals in sorted(answered, key=lambda s: s.episode_id):
        parts = expected.episodes[signals.episode_id]
        entry = out.episodes.add(episode_id=signals.episode_id, outcome_advantage=parts.outcome)
        for index, m in parts.messages.items():
            entry.messages.add(
                index=index, outcome_advantage=m.outcome, local_advantage=m.credit, advantage=m.advantage
            )
    out.pairs.extend(siblings.of_group(answered, by_id, chosen))
    return group


def write_lines(path: Path, items: Iterable[Any]) -> None:
    with path.open("w", encoding="utf-8") as out:
        for item in items:
            out.write(json_format.MessageToJson(item, indent=None) + "\n")
