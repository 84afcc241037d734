"""What the page shows, as plain JSON values: signals and the episode they belong to, side by side."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from math import isfinite
from typing import Any

from google.protobuf import json_format

from assay_rl.v1 import episode_pb2, options_pb2, signal_service_pb2, signals_pb2
from assay_rl.verify.findings import enum_name
from assay_rl.verify.games import owen_cost, owen_sets
from assay_rl.verify.questions import bits

Json = dict[str, Any]

SHOWN_QUESTIONS = 1024  # coalition values kept for one episode; the rest is counted
SHOWN_OTHERS = 32  # questions of other kinds kept for one episode


def _name(enum: Any, value: int, prefix: str) -> str:
    """FIRST_ERROR for LABEL_FIRST_ERROR; empty where unset; the number of a value that a newer server sent."""
    return enum_name(enum, value).removeprefix(prefix) if value else ""


def episode_json(result: signal_service_pb2.EpisodeResult, episode: episode_pb2.Episode | None) -> Json:
    """One episode; `episode` None: its texts are not known."""
    out: Json = {"id": result.episode_id}
    if episode is not None:
        if episode.task.id:
            out["task"] = episode.task.id
        out["prompt"] = episode.task.prompt
        out["reference"] = episode.task.reference_answer
        out["truncated"] = episode.outcome.truncated
        out["components"] = [[c.name, c.value] for c in episode.outcome.components]
    if result.WhichOneof("outcome") == "error":
        out["error"] = {
            "code": result.error.code,
            "message": result.error.message,
            "fields": [[v.field, v.description] for v in result.error.violations],
        }
        out["agents"], out["messages"] = [], _unscored(episode)
        return out
    signals = result.signals
    out.update(
        success=signals.success,
        score=signals.score,
        baseline=signals.baseline,
        grand=signals.grand_value,
        unexplained=signals.unexplained if signals.outcome_mismatch else 0,
        evidence=_name(options_pb2.Evidence, signals.evidence, "EVIDENCE_"),
        partial=signals.partial,
        group=signals.group.id,
        owen=signals.owen_values,
        agents=_agents(signals, episode),
        messages=_messages(signals, episode),
        first=_first_error(signals.first_error),
        interactions=_interactions(signals),
        pairs=[_pair(pair) for pair in signals.pairs],
        ledger=_ledger(signals.conservation),
        effort=_effort(signals),
    )
    return out


def _unscored(episode: episode_pb2.Episode | None) -> list[Json]:
    return [] if episode is None else [_text(t, m) for t, m in enumerate(episode.messages)]


def _text(index: int, message: episode_pb2.Message) -> Json:
    out: Json = {"index": index, "agent": message.agent_id, "text": message.content}
    if message.round:
        out["round"] = message.round
    if message.HasField("answer"):
        out["answer"] = message.answer
    if message.HasField("process_score"):
        out["q"] = message.process_score
    if message.HasField("repairs"):
        out["repairs"] = message.repairs
    if message.first_error:
        out["annotated"] = True
    if message.prefix_rollouts.trials:
        out["rollouts"] = [message.prefix_rollouts.successes, message.prefix_rollouts.trials]
    if message.alternatives:
        out["alternatives"] = [a.content for a in message.alternatives]
    return out


def _messages(signals: signals_pb2.EpisodeSignals, episode: episode_pb2.Episode | None) -> list[Json]:
    """All messages in order, context included where the episode is known."""
    if episode is None:
        rows = [{"index": m.index, "agent": m.agent_id} for m in signals.messages]
    else:
        rows = _unscored(episode)
    by_index = {row["index"]: row for row in rows}
    for m in signals.messages:
        row = by_index.get(m.index)
        if row is None:
            continue
        row["reward"] = m.reward
        row["label"] = _name(signals_pb2.Label, m.label, "LABEL_")
        row["p"] = [m.first_error_probability, m.error_probability, m.repair_probability]
        row["rho"] = m.redundancy
        if m.HasField("credit"):
            row["credit"] = m.credit
        if m.grade:
            row["grade"] = _name(signals_pb2.AnswerGrade, m.grade, "ANSWER_GRADE_")
    return rows


def _agents(signals: signals_pb2.EpisodeSignals, episode: episode_pb2.Episode | None) -> list[Json]:
    roles = {} if episode is None else {agent.id: agent.role for agent in episode.agents}
    return [
        {
            "id": a.agent_id,
            "role": roles.get(a.agent_id) or a.agent_id,
            "credit": a.credit,
            "low": a.low,
            "high": a.high,
            "total": a.reward_total,
            "unallocated": a.unallocated,
            "relaxed": a.signs_relaxed,
            **({"policy": a.policy} if a.policy not in ("", a.agent_id) else {}),
        }
        for a in signals.agents
    ]


def _first_error(first: signals_pb2.FirstError) -> Json:
    return {
        "index": first.first_index if first.HasField("first_index") else None,
        "decisive": first.decisive_index if first.HasField("decisive_index") else None,
        "agent": first.agent_id,
        "probability": first.probability,
        "none": first.none_probability,
        "environment": first.environment_probability,
        "context": first.context_index if first.HasField("context_index") else None,
        "prior": _name(signals_pb2.PriorUsed, first.prior_used, "PRIOR_USED_"),
        "source": first.prior_source,
        "weight": first.prior_weight,
        "set": list(first.credible_set),
        "tier": _name(signals_pb2.EvidenceTier, first.tier, "EVIDENCE_TIER_"),
    }


def _interactions(signals: signals_pb2.EpisodeSignals) -> list[list[float]]:
    index = {agent.agent_id: i for i, agent in enumerate(signals.agents)}
    return [
        [index[e.agent_a], index[e.agent_b], e.index]
        for e in signals.interactions
        if e.agent_a in index and e.agent_b in index
    ]


def _pair(pair: signals_pb2.PreferencePair) -> Json:
    return {
        "kind": _name(options_pb2.PreferenceKind, pair.kind, "PREFERENCE_KIND_"),
        "episode": pair.context_episode_id,
        "context": pair.context_length,
        "weight": pair.weight,
        "chosen": _side(pair.chosen) if pair.HasField("chosen") else None,
        "rejected": _side(pair.rejected) if pair.HasField("rejected") else None,
    }


def _side(side: signals_pb2.PreferenceSide) -> Json:
    return {
        "episode": side.episode_id,
        "begin": side.begin,
        "end": side.end,
        "alternative": side.alternative if side.HasField("alternative") else None,
    }


def _ledger(ledger: signals_pb2.Conservation) -> Json:
    return {
        "target": ledger.target,
        "allocated": ledger.allocated,
        "unallocated": ledger.unallocated,
        "error": ledger.error,
        "gap": ledger.estimator_gap,
        "relaxed": ledger.signs_relaxed,
    }


def _effort(signals: signals_pb2.EpisodeSignals) -> Json:
    """Questions by kind; the coalitions' values as [mask, value] pairs."""
    counts: Counter[str] = Counter()
    coalitions: list[list[float]] = []
    others: list[list[Any]] = []
    for question in signals.audit.questions:
        kind = question.counterfactual.WhichOneof("kind") or "unknown"
        if kind == "all_coalitions":
            counts["coalition"] += 1 << len(signals.agents)
            coalitions += [[mask, value] for mask, value in enumerate(question.table)]
            continue
        if kind == "owen_sets":
            sets = _owen_sets(signals)
            counts["messages"] += owen_cost(len(sets), [len(own) for own in sets])
            shown = zip(owen_sets(sets), question.table, strict=False)
            others += [["messages", bits(mask), value, 1] for mask, value in islice(shown, SHOWN_OTHERS - len(others))]
            continue
        counts[kind] += 1
        if kind == "coalition":
            mask = sum(1 << i for i in question.counterfactual.coalition.agents)
            coalitions.append([mask, question.mean])
        elif kind != "message_scores" and not question.HasField("error") and len(others) < SHOWN_OTHERS:
            others.append([kind, _subject(question), question.mean, question.samples])
    return {
        "questions": signals.effort.questions,
        "samples": signals.effort.samples,
        "failed": signals.effort.failed_rollouts,
        "lost": list(signals.effort.failed_nodes),
        "method": _name(options_pb2.Method, signals.effort.method, "METHOD_"),
        "evaluator": signals.effort.evaluator,
        "ballots": _name(options_pb2.Ballots, signals.effort.ballots, "BALLOTS_"),
        "interval": _name(signals_pb2.IntervalKind, signals.effort.interval, "INTERVAL_KIND_"),
        "counts": dict(counts),
        "coalitions": coalitions[:SHOWN_QUESTIONS],
        "others": others,
    }


def _owen_sets(signals: signals_pb2.EpisodeSignals) -> list[list[int]]:
    """The messages of each author, authors by their first messages."""
    members: dict[str, list[int]] = {}
    for message in signals.messages:
        members.setdefault(message.agent_id, []).append(message.index)
    return list(members.values())


def _subject(question: signals_pb2.AskedQuestion) -> list[int]:
    ask = question.counterfactual
    if ask.HasField("messages"):
        return list(ask.messages.indices)
    return [ask.prefix.length if ask.HasField("prefix") else ask.correction.index]


def group_json(result: signal_service_pb2.GroupResult) -> Json:
    if result.WhichOneof("outcome") == "error":
        return {"id": result.group_id, "error": {"code": result.error.code, "message": result.error.message}}
    signals = result.signals
    return {
        "id": result.group_id,
        "used": signals.used,
        "missing": list(signals.missing_episode_ids),
        "mean": signals.mean_score,
        "std": signals.std_score,
        "outcomePart": _name(options_pb2.OutcomePart, signals.outcome_part, "OUTCOME_PART_"),
        "creditPart": _name(options_pb2.CreditPart, signals.credit_part, "CREDIT_PART_"),
        "weight": signals.weight,
        "reliability": signals.reliability,
        "parallel": signals.parallel,
        "episodes": [
            [
                e.episode_id,
                e.outcome_advantage,
                [[m.index, m.local_advantage, m.advantage, m.outcome_advantage] for m in e.messages],
                [[r.agent_id, r.value, r.std_error] for r in e.recombined],
            ]
            for e in signals.episodes
        ],
        "teams": _teams(signals.recombined) if signals.HasField("recombined") else None,
        "pairs": [_pair(pair) for pair in signals.pairs],
    }


def _teams(recombined: signals_pb2.Recombined) -> Json:
    """What became of the teams put together from the runs of the group."""
    return {
        "questions": recombined.questions,
        "siblings": recombined.siblings,
        "evaluator": recombined.evaluator,
        "error": recombined.error.message if recombined.HasField("error") else "",
    }


class Options:
    """Options of the run; episodes refer to them by number, since most runs have one set."""

    def __init__(self) -> None:
        self.all: list[Json] = []
        self._numbers: dict[bytes, int] = {}

    def number(self, audit: signals_pb2.AuditRecord) -> int | None:
        """None where the result carries no audit with options."""
        if not audit.HasField("options"):
            return None
        key = audit.options.SerializeToString(deterministic=True)
        if key not in self._numbers:
            self._numbers[key] = len(self.all)
            self.all.append(_options_json(audit.options))
        return self._numbers[key]


def _options_json(options: options_pb2.AttributionOptions) -> Json:
    ranged = options.HasField("value_range")
    low = options.value_range.low if ranged else 0.0
    high = options.value_range.high if ranged else 1.0
    return {
        "low": low,
        "high": high,
        "theta": options.success_threshold if options.HasField("success_threshold") else (low + high) / 2,
        "bound": options.reward_bound if options.HasField("reward_bound") else 2 * (high - low),
        "reference": options.reference_score if options.HasField("reference_score") else high,
        "text": json_format.MessageToJson(options, indent=2),
    }


def finite(value: Any) -> Any:
    """JSON has no infinity and no NaN: they become texts."""
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list) else value
