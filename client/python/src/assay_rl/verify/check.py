"""Compares one published result with its second computation, field by field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from typing import Literal

from assay_rl.v1 import episode_pb2, options_pb2, signals_pb2

from . import blame, check_questions, games, preferences, questions
from .check_effort import check_effort
from .check_pairs import check_pairs, text_of
from .findings import Report, enum_name
from .recompute import Expected, recompute
from .records import ResultLine, digest, digests, signals_digest
from .settings import resolve
from .transcript import CONTEXT, read

# A share of what transfers below this only orders messages that nothing else tells apart.
_LEAST_SHARE = 0.01

CREDIBLE_SHARE = 0.8


def check_episode(line: ResultLine, episode: episode_pb2.Episode) -> Report:
    """Everything that EpisodeSignals says about the episode. Never raises on a well-formed result."""
    result = line.result
    report = Report(result.episode_id or result.signals.episode_id)
    if result.WhichOneof("outcome") == "error":
        report.wrong("error", "signals", f"code {result.error.code}: {result.error.message}")
        return report
    signals = result.signals
    report.equal("signals.episode_id", result.episode_id, signals.episode_id)
    report.equal("episode_id", episode.id, result.episode_id)
    for text in line.broken:
        report.wrong("signals.audit." + text.split(":", 1)[0], "a question", text)
    if not signals.HasField("audit") or not signals.audit.episode_sha256:
        report.wrong("signals.audit", "a FULL audit", "none: ask for it with options.audit = AUDIT_FULL")
        return report
    if signals.audit.episode_sha256 not in digests(episode):
        report.wrong("signals.audit.episode_sha256", digest(episode), signals.audit.episode_sha256)
        return report
    if line.broken:
        return report
    settings = resolve(signals.audit.options, episode)
    if settings.evaluator == "named":  # what it is like only the record says
        settings = replace(settings, deterministic=signals.audit.evaluator.deterministic)
    if signals.first_error.prior_used == signals_pb2.PRIOR_USED_FLAT:  # the episode is foreign to every prior
        settings = replace(settings, by_text=False)
    transcript = read(episode, questions.scores_asked(episode, settings, line.asked), settings.judges)
    answers = questions.Answers(episode, transcript, settings, line.asked)
    check_questions.check(report, answers, len(transcript.agents), len(transcript.authors))
    try:
        expected = recompute(episode, transcript, settings, answers, signals)
        labels = _admissible(expected, signals)
        if labels is not None:
            expected = recompute(episode, transcript, settings, answers, signals, labels)
    except (KeyError, ValueError, IndexError, ZeroDivisionError, OverflowError) as error:
        report.wrong("signals.audit.questions", "every question the signals rest on", f"cannot compute: {error}")
        return report
    _compare(report, episode, expected, signals)
    return report


def _admissible(expected: Expected, signals: signals_pb2.EpisodeSignals) -> list[int] | None:
    """Published labels, where they differ from the computed ones by nothing but a tie at a threshold."""
    located, found = expected.located, [m.label for m in signals.messages]
    own = [located.labels[t] for t in expected.transcript.players]
    if found == own or len(found) != len(own):
        return None
    near = [
        [
            blame.label(t, located.claim, located.posterior, expected.transcript, located.scores, located.grades, m)
            for m in (-1e-9, 1e-9)
        ]
        for t in range(len(found))
    ]
    if all(f == own or f in ties for f, own, ties in zip(found, located.labels, near, strict=True)):
        return [int(f) for f in found]
    return None


def _compare(
    report: Report, episode: episode_pb2.Episode, expected: Expected, signals: signals_pb2.EpisodeSignals
) -> None:
    _outcome(report, expected, signals)
    _agents(report, episode, expected, signals)
    if _messages(report, episode, expected, signals):
        _evidence(report, expected, signals.audit.messages)
    _first_error(report, expected, signals.first_error)
    _interactions(report, expected, signals)
    check_pairs(report, preferences.of_episode(episode, expected), signals.pairs)
    _ledger(report, expected, signals)
    check_effort(report, expected, signals)
    report.equal("signals.group", text_of(episode.group), text_of(signals.group))
    shares = expected.message_credit
    report.equal("signals.owen_values", shares is not None and shares.owen, signals.owen_values)
    report.equal("signals.parallel", expected.transcript.parallel or episode.group.parallel, signals.parallel)
    report.equal("signals.evidence", _kind(expected.kind), _kind(signals.evidence))
    report.equal("signals.audit.signals_sha256", signals_digest(signals), signals.audit.signals_sha256)
    report.true("signals.audit.software_version", bool(signals.audit.software_version), "a version", "none")


def _kind(kind: int) -> str:
    return enum_name(options_pb2.Evidence, kind)


def _outcome(report: Report, expected: Expected, signals: signals_pb2.EpisodeSignals) -> None:
    value, scale = expected.credit, expected.settings.range
    report.equal("signals.success", expected.success, signals.success)
    report.close("signals.score", value.score, signals.score, scale)
    report.close("signals.baseline", value.baseline, signals.baseline, scale)
    report.close("signals.grand_value", value.grand, signals.grand_value, scale)
    unexplained = value.score - value.grand
    report.close("signals.unexplained", unexplained, signals.unexplained, scale)
    report.equal("signals.outcome_mismatch", abs(unexplained) > 1e-9 * scale, signals.outcome_mismatch)


def _agents(
    report: Report, episode: episode_pb2.Episode, expected: Expected, signals: signals_pb2.EpisodeSignals
) -> None:
    transcript, settings, value = expected.transcript, expected.settings, expected.credit
    if not report.equal("signals.agents", list(transcript.agents), [a.agent_id for a in signals.agents]):
        return
    scale, allocation = settings.range, expected.allocation
    failure = not expected.success
    errors = _standard_errors(expected) if value.exact and not expected.answers.repeated else None
    for i, agent in enumerate(signals.agents):
        path = f"signals.agents[{i}]"
        report.close(f"{path}.credit", value.values[i], agent.credit, scale)
        if errors is not None:
            _exact_interval(report, path, agent, errors[i], value.values[i], scale)
        else:
            _estimated_interval(report, path, agent, scale)
        total = sum(allocation.rewards[t] for t in transcript.members[i])
        report.close(f"{path}.reward_total", total, agent.reward_total, scale)
        unallocated = 0.0 if failure else allocation.unallocated.get(i, 0.0)
        report.close(f"{path}.unallocated", unallocated, agent.unallocated, scale)
        relaxed = i in allocation.relaxed or (CONTEXT in allocation.relaxed and bool(transcript.members[i]))
        report.equal(f"{path}.signs_relaxed", relaxed, agent.signs_relaxed)
        source = episode.agents[i]
        report.equal(f"{path}.policy", source.policy or source.id, agent.policy)
        found = agent.value_without if agent.HasField("value_without") else None
        _optional(report, f"{path}.value_without", value.without[i], found, scale)
    if value.shapley and not value.exact:
        report.trust(
            f"the estimate itself ({enum_name(options_pb2.Method, signals.effort.method)}): checked by its invariants"
        )
        report.close("signals.agents (sum of credits)", value.grand - value.baseline, sum(value.values), scale)
        for i, credit in enumerate(value.values):
            within = isfinite(credit) and abs(credit) <= scale * (1 + 1e-9)
            report.true(f"signals.agents[{i}].credit", within, f"within +-{scale}", credit)


def _standard_errors(expected: Expected) -> list[float]:
    n = len(expected.transcript.agents)
    if not expected.credit.shapley or n == 0:
        return [0.0] * n
    variances = expected.answers.variances()
    return games.shapley_errors(variances, n) if any(variances) else [0.0] * n


def _exact_interval(
    report: Report, path: str, agent: signals_pb2.AgentCredit, error: float, credit: float, scale: float
) -> None:
    report.close(f"{path}.std_error", error, agent.std_error, scale)
    if error == 0:
        report.close(f"{path}.low", credit, agent.low, scale)
        report.close(f"{path}.high", credit, agent.high, scale)
    else:
        _estimated_interval(report, path, agent, scale)


def _estimated_interval(report: Report, path: str, agent: signals_pb2.AgentCredit, scale: float) -> None:
    """An interval lies evenly around the credit; how wide it is only the estimator can say."""
    report.true(f"{path}.std_error", agent.std_error >= 0, "at least 0", agent.std_error)
    report.true(f"{path}.low", agent.low <= agent.credit, f"at most {agent.credit}", agent.low)
    half = agent.credit - agent.low
    report.close(f"{path}.high", agent.credit + half, agent.high, max(scale, half))


def _messages(
    report: Report, episode: episode_pb2.Episode, expected: Expected, signals: signals_pb2.EpisodeSignals
) -> bool:
    players = list(expected.transcript.players)
    if not report.equal("signals.messages (indices)", players, [m.index for m in signals.messages]):
        return False
    located, posterior, settings = expected.located, expected.located.posterior, expected.settings
    for k, (t, message) in enumerate(zip(players, signals.messages, strict=True)):
        path, source = f"signals.messages[{k}]", episode.messages[t]
        report.equal(f"{path}.agent_id", source.agent_id, message.agent_id)
        report.close(f"{path}.reward", expected.allocation.rewards[t], message.reward, settings.range)
        bounded = abs(message.reward) <= settings.bound * (1 + 1e-12)
        report.true(f"{path}.reward", bounded, f"within +-{settings.bound}", message.reward)
        report.equal(f"{path}.label", _label(located.labels[t]), _label(message.label))
        told = 1.0 if located.told else 0.0
        report.close(f"{path}.first_error_probability", told * posterior.first[t], message.first_error_probability)
        report.close(f"{path}.error_probability", told * posterior.error[t], message.error_probability)
        report.close(f"{path}.repair_probability", told * posterior.repair[t], message.repair_probability)
        report.close(f"{path}.redundancy", expected.rho[t], message.redundancy)
        _advantage_inputs(report, path, expected, t, message)
        grades = _grade(located.grades[t]), _grade(message.grade)
        report.equal(f"{path}.grade", *grades)
        spans = [text_of(s) for s in source.token_spans], [text_of(s) for s in message.token_spans]
        report.equal(f"{path}.token_spans", *spans)
    return True


def _advantage_inputs(
    report: Report, path: str, expected: Expected, t: int, message: signals_pb2.MessageSignal
) -> None:
    """What advantages are made of."""
    scale, credit, change = expected.settings.range, expected.message_credit, expected.changes[t]
    found = message.credit if message.HasField("credit") else None
    _optional(report, f"{path}.credit", credit.values[t] if credit else None, found, scale)
    found = message.value_change if message.HasField("value_change") else None
    _optional(report, f"{path}.value_change", change.mean if change else None, found, scale)
    variance = change.variance if change else 0.0
    report.close(f"{path}.value_change_variance", variance, message.value_change_variance, scale**2)
    found = message.process_score if message.HasField("process_score") else None
    _optional(report, f"{path}.process_score", expected.located.scores[t], found, 1.0)


def _optional(report: Report, path: str, expected: float | None, found: float | None, scale: float) -> None:
    if expected is None or found is None:
        if expected is not found:
            report.wrong(path, "unset" if expected is None else expected, "unset" if found is None else found)
    else:
        report.close(path, expected, found, scale)


def _grade(grade: int) -> str:
    return enum_name(signals_pb2.AnswerGrade, grade)


def _label(label: int) -> str:
    return enum_name(signals_pb2.Label, label).removeprefix("LABEL_")


def _evidence(report: Report, expected: Expected, audit: Sequence[signals_pb2.MessageEvidence]) -> None:
    allocation, located, scale = expected.allocation, expected.located, expected.settings.range
    players = list(expected.transcript.players)
    if not report.equal("signals.audit.messages (indices)", players, [entry.index for entry in audit]):
        return
    for k, (t, entry) in enumerate(zip(players, audit, strict=True)):
        path = f"signals.audit.messages[{k}]"
        ratio = located.evidence.ratios[t] if located.told else 0.0
        pi = located.evidence.prior[t] if located.told or expected.settings.reads_texts else 0.0
        report.close(f"{path}.evidence", allocation.x[t], entry.evidence, scale)
        report.close(f"{path}.weight", allocation.w[t], entry.weight)
        report.close(f"{path}.low", allocation.low[t], entry.low, scale)
        report.close(f"{path}.high", allocation.high[t], entry.high, scale)
        report.close(f"{path}.redundancy", expected.rho[t], entry.redundancy)
        report.close(f"{path}.error_log_ratio", ratio, entry.error_log_ratio, max(1.0, abs(ratio)))
        report.close(f"{path}.prior", pi, entry.prior)
    if expected.settings.reads_texts and players:
        name = expected.settings.prior or "of the options"
        report.trust(f"the fitted prior {name}: its values, as no features of texts are computed here")
        report.close("signals.audit.messages (sum of priors)", 1.0, sum(entry.prior for entry in audit))


def _first_error(report: Report, expected: Expected, found: signals_pb2.FirstError) -> None:
    located, transcript, path = expected.located, expected.transcript, "signals.first_error"
    posterior, claim = located.posterior, located.claim
    _prior_used(report, expected, found)
    if not located.told:
        silent = signals_pb2.FirstError(
            none_probability=1,
            tier=signals_pb2.EVIDENCE_TIER_NONE,
            prior_used=found.prior_used,
            prior_source=found.prior_source,
            prior_weight=found.prior_weight,
        )
        report.equal(path, text_of(silent), text_of(found))
        return
    _index(report, f"{path}.first_index", claim.first, found, "first_index", posterior.first)
    _index(report, f"{path}.decisive_index", claim.decisive, found, "decisive_index", posterior.decisive)
    _index(report, f"{path}.context_index", claim.context, found, "context_index", posterior.by_context)
    masses = posterior.suspects(transcript)
    most = max(masses, default=0.0)
    suspects = [a for a, mass in zip(transcript.agents, masses, strict=True) if mass >= most - 1e-9]
    if located.tier == signals_pb2.EVIDENCE_TIER_NONE:
        report.equal(f"{path}.agent_id", "", found.agent_id)
    elif most > 1e-9:
        report.true(f"{path}.agent_id", found.agent_id in suspects, " or ".join(suspects), found.agent_id or "none")
    report.close(f"{path}.probability", max(posterior.first, default=0.0), found.probability)
    report.close(f"{path}.none_probability", posterior.none, found.none_probability)
    report.close(f"{path}.environment_probability", posterior.environment, found.environment_probability)
    _credible_set(report, f"{path}.credible_set", posterior.first, found.credible_set)
    if located.tier != found.tier:
        report.wrong(
            f"{path}.tier",
            enum_name(signals_pb2.EvidenceTier, located.tier),
            enum_name(signals_pb2.EvidenceTier, found.tier),
        )


def _prior_used(report: Report, expected: Expected, found: signals_pb2.FirstError) -> None:
    """What was asked for says which priors there can be; how familiar an episode is only texts tell."""
    path, settings, fitted = "signals.first_error", expected.settings, expected.settings.fitted
    if not settings.reads_texts:
        used = signals_pb2.PRIOR_USED_CREDIT if expected.credit.shapley else signals_pb2.PRIOR_USED_FLAT
        report.equal(f"{path}.prior_used", _prior(used), _prior(found.prior_used))
        report.equal(f"{path}.prior_source", "", found.prior_source)
        report.close(f"{path}.prior_weight", 0.0, found.prior_weight)
        return
    sources = {c.source for c in fitted.collections if c.prior.features}
    if fitted.features:
        possible, weights = {signals_pb2.PRIOR_USED_STATED}, (1.0, 1.0)
    elif found.prior_used == signals_pb2.PRIOR_USED_FITTED:
        possible, weights = ({signals_pb2.PRIOR_USED_FITTED} if sources else set()), (0.5, 1.0)
    else:
        transfers = bool(fitted.general.features) and fitted.general_share >= _LEAST_SHARE
        possible = {signals_pb2.PRIOR_USED_GENERAL if transfers else signals_pb2.PRIOR_USED_FLAT}
        weights = (0.0, 0.5)
    names = " or ".join(_prior(used) for used in sorted(possible)) or "no fitted prior"
    report.true(f"{path}.prior_used", found.prior_used in possible, names, _prior(found.prior_used))
    within = weights[0] <= found.prior_weight <= weights[1]
    report.true(f"{path}.prior_weight", within, f"within {weights}", found.prior_weight)
    known = found.prior_source in (sources or {""})
    report.true(f"{path}.prior_source", known, " or ".join(sorted(sources)) or "none", found.prior_source)


def _prior(used: int) -> str:
    return enum_name(signals_pb2.PriorUsed, used)


def _index(
    report: Report,
    path: str,
    expected: int | None,
    found: signals_pb2.FirstError,
    name: Literal["first_index", "decisive_index", "context_index"],
    mass: Sequence[float],
) -> None:
    index: int | None = getattr(found, name) if found.HasField(name) else None
    if index == expected:
        return
    tied = index is not None and expected is not None and 0 <= index < len(mass) and mass[index] >= max(mass) - 1e-9
    if not tied:
        nothing = "nothing claimed"
        report.wrong(path, nothing if expected is None else expected, nothing if index is None else index)


def _credible_set(report: Report, path: str, first: Sequence[float], found: Sequence[int]) -> None:
    """The smallest set holding 80 %: as few messages as possible, none left out that is more probable."""
    total = sum(first)
    size, held = 0, 0.0
    for mass in sorted(first, reverse=True):
        if held >= (CREDIBLE_SHARE - 1e-9) * total or mass <= 0:
            break
        held += mass
        size += 1
    indices = set(found)
    proper = len(indices) == len(found) == size and all(0 <= t < len(first) for t in indices)
    if proper and indices:
        least = min(first[t] for t in indices)
        proper = all(first[t] <= least + 1e-9 for t in range(len(first)) if t not in indices)
    if not proper:
        best = sorted(sorted(range(len(first)), key=lambda t: -first[t])[:size])
        report.wrong(path, best, list(found))


def _interactions(report: Report, expected: Expected, signals: signals_pb2.EpisodeSignals) -> None:
    agents = expected.transcript.agents
    if expected.interactions is None:
        if signals.interactions:
            report.trust("interactions of an estimate")
        return
    index = {agent: i for i, agent in enumerate(agents)}
    seen: set[tuple[int, int]] = set()
    for k, entry in enumerate(signals.interactions):
        path = f"signals.interactions[{k}]"
        a, b = index.get(entry.agent_a, -1), index.get(entry.agent_b, -1)
        pair = (min(a, b), max(a, b))
        if pair not in expected.interactions or pair in seen:
            report.wrong(path, "a pair of agents, once", f"{entry.agent_a}, {entry.agent_b}")
            continue
        seen.add(pair)
        report.close(f"{path}.index", expected.interactions[pair], entry.index, expected.settings.range)
    for a, b in sorted(set(expected.interactions) - seen):
        report.wrong("signals.interactions", f"{agents[a]}, {agents[b]}", "missing")


def _ledger(report: Report, expected: Expected, signals: signals_pb2.EpisodeSignals) -> None:
    ledger, allocation, scale = signals.conservation, expected.allocation, expected.settings.range
    path = "signals.conservation"
    report.close(f"{path}.target", expected.target, ledger.target, scale)
    report.close(f"{path}.allocated", sum(m.reward for m in signals.messages), ledger.allocated, scale)
    unallocated = sum(allocation.unallocated.values())
    report.close(f"{path}.unallocated", unallocated, ledger.unallocated, scale)
    report.close(f"{path}.error", abs(ledger.target - ledger.allocated - ledger.unallocated), ledger.error, scale)
    report.true(f"{path}.error", abs(ledger.error) <= 1e-9 * scale, f"at most {1e-9 * scale}", ledger.error)
    if expected.credit.exact:
        report.close(f"{path}.estimator_gap", 0.0, ledger.estimator_gap, scale)
    report.equal(f"{path}.signs_relaxed", bool(allocation.relaxed), ledger.signs_relaxed)
