"""Compares a group's advantages with their second computation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assay_rl.v1 import episode_pb2, options_pb2, signal_service_pb2, signals_pb2

from . import advantages, siblings
from .check_pairs import check_pairs
from .findings import Report
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
    try:
        expected = advantages.of_group(answered, settings)
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
    check_pairs(report, siblings.of_group(answered, dict(episodes), settings), found.pairs)
    for k, entry in enumerate(found.episodes):
        if entry.episode_id in expected.episodes:
            _advantages(report, f"signals.episodes[{k}]", expected.episodes[entry.episode_id], entry)
    return report


def _parts(report: Report, expected: advantages.GroupExpectation, found: signals_pb2.GroupSignals) -> None:
    """What the advantages are made of."""
    outcome, credit = options_pb2.OutcomePart.Name, options_pb2.CreditPart.Name
    report.equal("signals.outcome_part", outcome(expected.outcome_part), outcome(found.outcome_part))
    report.equal("signals.credit_part", credit(expected.credit_part), credit(found.credit_part))
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
