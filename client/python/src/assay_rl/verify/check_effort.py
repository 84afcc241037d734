"""Compares what was asked, of whom and how with what the signals rest on."""

from __future__ import annotations

from assay_rl.v1 import options_pb2, signals_pb2

from . import questions
from .findings import Report, enum_name
from .message_credit import messages_asked
from .recompute import Expected
from .settings import Settings


def check_effort(report: Report, expected: Expected, signals: signals_pb2.EpisodeSignals) -> None:
    asked, settings, effort = expected.answers.asked, expected.settings, signals.effort
    # A table stands for all its values, each evaluated once.
    tables = {kind: expected.answers.table_size(kind) for kind in questions.TABLES.values()}
    count = sum(tables.get(q.kind, 1) for q in asked)
    samples = sum(tables.get(q.kind, q.samples) for q in asked if not q.cached and not q.failed)
    report.equal("signals.effort.questions", count, effort.questions)
    report.equal("signals.effort.samples", samples, effort.samples)
    _check_rollouts(report, expected, signals)
    if settings.evaluator == "named":
        report.equal("signals.effort.evaluator", settings.evaluator_name, effort.evaluator)
    else:
        report.equal("signals.effort.evaluator", settings.evaluator, effort.evaluator)
    check_traits(report, expected.settings, signals.audit)
    voted = settings.evaluator == "vote"
    report.equal("signals.effort.ballots", settings.ballots if voted else 0, effort.ballots)
    unreadable = sum(m.grade == signals_pb2.ANSWER_GRADE_UNREADABLE for m in signals.messages)
    report.equal("signals.effort.unreadable_answers", unreadable, effort.unreadable_answers)
    if expected.credit.exact:
        shapley = expected.credit.shapley
        method = options_pb2.METHOD_EXACT if shapley else options_pb2.METHOD_UNSPECIFIED
        exact = signals_pb2.INTERVAL_KIND_DESIGN if expected.answers.noisy() else signals_pb2.INTERVAL_KIND_EXACT
        report.equal("signals.effort.method", method_name(method), method_name(effort.method))
        report.equal("signals.effort.interval", exact if shapley else 0, effort.interval)
        report.equal("signals.partial", False, signals.partial)
        if shapley:
            _complete(report, expected)
    else:
        estimated = (signals_pb2.INTERVAL_KIND_MODEL, signals_pb2.INTERVAL_KIND_DESIGN)
        report.true("signals.effort.interval", effort.interval in estimated, "MODEL or DESIGN", effort.interval)
        if settings.method != options_pb2.METHOD_AUTO:
            report.equal("signals.effort.method", method_name(settings.method), method_name(effort.method))


def _check_rollouts(report: Report, expected: Expected, signals: signals_pb2.EpisodeSignals) -> None:
    """Rollouts that failed are those of the record, and whoever searched for the error says why that ended."""
    asked, effort, end = expected.answers.asked, signals.effort, signals.first_error.search_end
    report.equal("signals.effort.failed_rollouts", sum(q.samples for q in asked if q.failed), effort.failed_rollouts)
    for node in effort.failed_nodes:
        lost = any(q.failed and q.key == node for q in asked)
        report.true("signals.effort.failed_nodes", lost, "nodes of rollouts that failed", node)
    searched = not signals.success and any(q.kind in ("prefix", "correction") for q in asked)
    path, name = "signals.first_error.search_end", enum_name(signals_pb2.SearchEnd, end)
    if not searched:
        report.equal(path, "SEARCH_END_UNSPECIFIED", name)
    elif not signals.partial:
        ends = set(signals_pb2.SearchEnd.values()) - {signals_pb2.SEARCH_END_UNSPECIFIED}
        report.true(path, end in ends, "why the search ended", name)
    if end == signals_pb2.SEARCH_END_FAILURES:
        report.true(path, effort.failed_rollouts > 0, "an end without failures", name)


def method_name(method: int) -> str:
    return enum_name(options_pb2.Method, method)


def _complete(report: Report, expected: Expected) -> None:
    """An exact computation asks every coalition and, for exact Owen values, every part of a union; nothing else."""
    answers, n = expected.answers, len(expected.transcript.agents)
    tabled = ("all", 0) in answers.recorded
    wanted = set() if tabled else {("coalition", mask) for mask in range(1 << n)}
    owen = messages_asked(expected.transcript, expected.settings, answers)
    if owen and not answers.has_parts():
        report.trust("sampled Owen values of messages")
        wanted.update(key for key in answers.recorded if key[0] == "messages")
    elif owen and ("owen", 0) not in answers.recorded:
        wanted.update(("messages", kept) for kept in answers.parts())
    lacking = sorted(wanted - set(answers.recorded))
    if lacking:
        report.wrong("signals.audit.questions", ", ".join(questions.text(*key) for key in lacking[:8]), "missing")
    for k, q in enumerate(expected.answers.asked):
        needless = q.kind in ("coalition", "messages") and (q.kind, q.key) not in wanted
        if needless or (q.kind == "owen" and not owen):
            report.wrong(
                f"signals.audit.questions[{k}]", "a question the signals rest on", questions.text(q.kind, q.key)
            )


def check_traits(report: Report, settings: Settings, audit: signals_pb2.AuditRecord) -> None:
    """What the evaluator could be asked, and at what price, where its name alone says so."""
    found = audit.evaluator
    if settings.evaluator == "named":
        report.trust("what the evaluator could be asked")
        return
    path = "signals.audit.evaluator"
    free = settings.evaluator != "caller" or settings.free
    report.equal(f"{path}.free", free, found.free)
    kinds = sorted(options_pb2.QuestionKind.Value(f"QUESTION_KIND_{kind.upper()}") for kind in settings.supports)
    report.equal(f"{path}.supports", kinds, sorted(found.supports))
    report.equal(f"{path}.deterministic", settings.deterministic, found.deterministic)
    if settings.evaluator == "caller":
        return
    report.equal(f"{path}.whole_table", settings.evaluator in ("vote", "given"), found.whole_table)
