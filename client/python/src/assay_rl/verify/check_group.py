"""Compares a group's advantages with their second computation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from assay_rl.v1 import episode_pb2, options_pb2, signal_service_pb2, signals_pb2

from . import advantages, peers, recombined, siblings
from .check_effort import check_traits
from .check_pairs import check_pairs
from .findings import Report, enum_name
from .records import digest, digests, signals_digest
from .settings import Settings, resolve


def check_group(
    result: signal_service_pb2.GroupResult,
    answered: Sequence[signals_pb2.EpisodeSignals],
    episodes: Mapping[str, episode_pb2.Episode],
) -> Report:
    """Advantages of one group from the signals of its episodes in the same file."""
    report = Report(f"group {result.group_id}")
    if result.WhichOneof("outcome") == "error":
        report.wrong("error", "signals", f"code {result.error.code}: {result.error.message}")
        return report
    found = result.signals
    report.equal("signals.group_id", result.group_id, found.group_id)
    report.equal("signals.used", len(answered), found.used)
    if not answered:
        return report
    overlap = {s.episode_id for s in answered} & set(found.missing_episode_ids)
    report.true("signals.missing_episode_ids", not overlap, "no answered episode", sorted(overlap))
    settings = _group_settings(answered[0], episodes)
    _digests(report, found, episodes)
    teams = _teams(report, found, answered, episodes, settings)
    worth = {place: (value.value, value.noise) for place, value in teams.values.items()} if teams else None
    asked_for = settings
    if found.recombined.HasField("error"):  # asked for by name, and through no fault of the group not to be had
        asked_for = replace(settings, outcome_part=options_pb2.OUTCOME_PART_AUTO)
    try:
        expected = advantages.of_group(answered, asked_for, worth)
    except advantages.UnsupportedPartError as part:
        report.wrong("error", f"FAILED_PRECONDITION: the group does not support {part}", "signals")
        return report
    _parts(report, expected, found)
    report.close("signals.mean_score", expected.mean, found.mean_score, settings.range)
    report.close("signals.std_score", expected.std, found.std_score, settings.range)
    ids = [entry.episode_id for entry in found.episodes]
    report.equal("signals.episodes (ids)", sorted(expected.episodes, key=str.encode), ids)
    missing = list(found.missing_episode_ids)
    report.equal("signals.missing_episode_ids", sorted(set(missing), key=str.encode), missing)
    announced = max(s.group.size for s in answered)
    never = max(0, announced - len(answered) - len(missing)) if announced else 0
    report.equal("signals.never_sent", never, found.never_sent)
    pairs = siblings.of_group(answered, dict(episodes), settings)
    pairs += peers.of_group(answered, episodes, settings, teams.values if teams else {})
    check_pairs(report, pairs, found.pairs)
    for k, entry in enumerate(found.episodes):
        if entry.episode_id in expected.episodes:
            _advantages(report, f"signals.episodes[{k}]", expected.episodes[entry.episode_id], entry)
    return report


def _digests(report: Report, found: signals_pb2.GroupSignals, episodes: Mapping[str, episode_pb2.Episode]) -> None:
    record = found.audit
    if not record.signals_sha256:
        return report.trust("a group without a FULL audit")
    report.equal("signals.audit.signals_sha256", signals_digest(found), record.signals_sha256)
    report.equal("signals.audit.member_sha256", len(found.episodes), len(record.member_sha256))
    for k, (entry, sha256) in enumerate(zip(found.episodes, record.member_sha256, strict=False)):
        episode = episodes.get(entry.episode_id)
        if episode is not None and sha256 not in digests(episode):
            report.wrong(f"signals.audit.member_sha256[{k}]", digest(episode), sha256)
    return None


def _teams(
    report: Report,
    found: signals_pb2.GroupSignals,
    answered: Sequence[signals_pb2.EpisodeSignals],
    episodes: Mapping[str, episode_pb2.Episode],
    settings: Settings,
) -> recombined.Expected | None:
    """What the teams of the group are worth; None where there are no such values."""
    record = found.audit
    if not recombined.wanted(settings):
        report.true("signals.recombined", not found.HasField("recombined"), "nothing: OFF, or not of use", "something")
        return None
    supports = settings.evaluator == "vote" or options_pb2.QUESTION_KIND_TEAM in record.evaluator.supports
    refused = recombined.refusal(answered, episodes, settings, supports)
    report.true("signals.recombined", bool(refused) != found.HasField("recombined"), refused or "teams", "the contrary")
    if refused or not found.HasField("recombined"):
        return None
    report.equal("signals.recombined.evaluator", answered[0].effort.evaluator, found.recombined.evaluator)
    if found.recombined.HasField("error"):
        report.trust("why a group does without its teams")
        report.true("signals.recombined.error.code", 0 < found.recombined.error.code <= 16, "a code", "none")
        _values(report, found, {})
        return None
    try:
        expected = recombined.of_group(answered, episodes, settings, record)
    except recombined.BrokenRecordError as problem:
        report.wrong("signals.audit.questions", "the teams of the group", str(problem))
        return None
    if record.signals_sha256:
        check_traits(report, settings, record)
    report.equal("signals.recombined.siblings", expected.siblings, found.recombined.siblings)
    report.equal("signals.recombined.questions", len(expected.asked), found.recombined.questions)
    fresh = sum(q.samples for q in record.questions if not q.cached and q.counterfactual.WhichOneof("kind") == "team")
    report.equal("signals.recombined.samples", fresh, found.recombined.samples)
    if expected.table:
        _table(report, record, expected.table)
    elif expected.asked:
        report.trust("recorded answers about teams")
    _values(report, found, expected.values)
    return expected


def _table(report: Report, record: signals_pb2.AuditRecord, expected: Sequence[float]) -> None:
    """Of a vote, without a FULL audit there is none."""
    if not record.signals_sha256:
        return
    report.equal("signals.audit.questions", 1, len(record.questions))
    for question in record.questions[:1]:
        path = "signals.audit.questions[0]"
        report.equal(f"{path}.counterfactual", "all_teams", question.counterfactual.WhichOneof("kind"))
        report.equal(f"{path}.samples", 1, question.samples)
        report.equal(f"{path}.table (size)", len(expected), len(question.table))
        for k, (wanted, value) in enumerate(zip(expected, question.table, strict=False)):
            report.close(f"{path}.table[{k}]", wanted, value)


def _values(
    report: Report, found: signals_pb2.GroupSignals, expected: Mapping[tuple[str, str], recombined.Value]
) -> None:
    for k, entry in enumerate(found.episodes):
        path = f"signals.episodes[{k}].recombined"
        own = [agent for episode, agent in expected if episode == entry.episode_id]
        report.equal(f"{path} (agents)", own, [r.agent_id for r in entry.recombined])
        for r in entry.recombined:
            value = expected.get((entry.episode_id, r.agent_id))
            if value is not None:
                report.close(f"{path} of {r.agent_id}", value.value, r.value)
                report.close(f"{path} of {r.agent_id} (std_error)", value.std_error, r.std_error)


def _parts(report: Report, expected: advantages.GroupExpectation, found: signals_pb2.GroupSignals) -> None:
    """What the advantages are made of."""
    for name, enum in (("outcome_part", options_pb2.OutcomePart), ("credit_part", options_pb2.CreditPart)):
        wanted, there = (enum_name(enum, getattr(parts, name)) for parts in (expected, found))
        report.equal(f"signals.{name}", wanted, there)
    report.close("signals.reliability", expected.reliability, found.reliability)
    report.close("signals.weight", expected.weight, found.weight)
    report.equal("signals.parallel", expected.parallel, found.parallel)


def _group_settings(signals: signals_pb2.EpisodeSignals, episodes: Mapping[str, episode_pb2.Episode]) -> Settings:
    return resolve(signals.audit.options, episodes[signals.episode_id])


def _advantages(
    report: Report,
    path: str,
    expected: advantages.EpisodeParts,
    found: signals_pb2.EpisodeAdvantages,
) -> None:
    def close(field: str, wanted: float, value: float) -> None:
        report.close(f"{path}.{field}", wanted, value, max(1.0, abs(wanted)))

    close("outcome_advantage", expected.outcome, found.outcome_advantage)
    report.equal(f"{path}.messages", list(expected.messages), [m.index for m in found.messages])
    for k, message in enumerate(found.messages):
        own = expected.messages.get(message.index)
        if own is not None:
            close(f"messages[{k}].outcome_advantage", own.outcome, message.outcome_advantage)
            close(f"messages[{k}].local_advantage", own.credit, message.local_advantage)
            close(f"messages[{k}].advantage", own.advantage, message.advantage)
