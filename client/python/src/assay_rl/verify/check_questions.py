"""Checks the questions that an audit records: each can be asked, is asked once, and has its evaluator's answer."""

from __future__ import annotations

from math import isnan

from .findings import Report
from .questions import LARGEST_TABLE, TABLES, Answers, Asked, table_digest, text


def check(report: Report, answers: Answers, agents: int, messages: int) -> None:
    """Every recorded question is one that can be asked, is asked once, and has the answer that its evaluator gives."""
    settings = answers.settings
    seen: set[tuple[str, int, bool]] = set()
    tolerance = report.tolerance * settings.range
    low, high = settings.low - tolerance, settings.high + tolerance
    noisy = any(q.variance > 0 for q in answers.asked)
    limit = {"coalition": 1 << agents, "messages": 1 << messages, "prefix": messages + 1, "correction": messages}
    for k, q in enumerate(answers.asked):
        path = f"signals.audit.questions[{k}]"
        # Rollouts of one place add up, and so do answers of an evaluator that samples.
        sampled = q.kind in ("prefix", "correction") or (settings.evaluator in ("caller", "named") and noisy)
        if (q.kind, q.key, q.scorer) in seen and not sampled:
            report.wrong(path, "a question not asked before", f"{text(q.kind, q.key)} again")
        seen.add((q.kind, q.key, q.scorer))
        if q.key >= limit.get(q.kind, 1):
            report.wrong(path, f"a {q.kind} within {agents} agents and {messages} messages", text(q.kind, q.key))
            continue
        _check_fields(report, path, q)
        if q.failed:
            report.true(path, q.kind in ("prefix", "correction"), "an answer: only rollouts fail alone", "an error")
            report.true(path, q.mean == q.variance == 0 and q.samples >= 1, "no value beside an error", q.mean)
            continue
        if q.kind in TABLES.values():
            _check_table(report, path, q, answers)
        elif q.kind == "message_scores":
            grades = [answers.votes.grade(t) for t in range(messages)] if answers.votes and not q.scorer else None
            if grades is not None and None in grades and not q.scores:
                continue
            report.equal(f"{path}.message_scores (count)", messages, len(q.scores))
            report.true(f"{path}.message_scores", all(not abs(s) > 1 for s in q.scores), "within [-1, 1]", q.scores)
            if grades is None:
                report.trust(_trusted(settings.scorer or settings.evaluator))
            else:
                report.equal(f"{path}.message_scores", grades, [None if isnan(s) else s for s in q.scores])
        else:
            value = answers.recomputed(q.kind, q.key)
            if value is None:
                report.true(f"{path}.mean", low <= q.mean <= high, f"within [{settings.low}, {settings.high}]", q.mean)
                report.true(f"{path}.variance", q.variance >= 0, "at least 0", q.variance)
                report.trust(_trusted(settings.evaluator))
                continue
            if not abs(value - q.mean) <= tolerance:
                report.wrong(f"{path}.mean ({text(q.kind, q.key)})", value, q.mean)
            if q.variance != 0 or q.samples > 1:
                report.wrong(path, "an exact answer", f"{q.samples} samples, variance {q.variance}")


def _check_fields(report: Report, path: str, q: Asked) -> None:
    """A question has no other kind's answer."""
    if (q.kind not in TABLES.values() and (q.table or q.table_sha256)) or (q.kind != "message_scores" and q.scores):
        report.wrong(path, f"the answer to a {q.kind} question", "a table or message scores beside it")
    if q.scorer:
        report.equal(f"{path}.scorer", "message_scores", q.kind)


def _check_table(report: Report, path: str, q: Asked, answers: Answers) -> None:
    size = answers.table_size(q.kind)
    if size > LARGEST_TABLE:
        report.wrong(path, f"a table of at most {LARGEST_TABLE} values", size)
        return
    table = answers.recomputed_table(q.kind)
    if q.mean != 0 or q.variance != 0 or q.samples > 1:
        report.wrong(path, "a table", f"mean {q.mean}, {q.samples} samples, variance {q.variance}")
    if table is None:
        report.equal(f"{path}.table (count)", size, len(q.table))
        report.trust(_trusted(answers.settings.evaluator))
        return
    if q.table or not q.table_sha256:
        report.equal(f"{path}.table (count)", len(table), len(q.table))
        for k, (own, found) in enumerate(zip(table, q.table)):  # noqa: B905
            report.close(f"{path}.table[{k}]", own, found, answers.settings.range)
    if q.table_sha256:
        report.equal(f"{path}.table_sha256", table_digest(table), q.table_sha256)


def _trusted(evaluator: str) -> str:
    return f"the answers of the evaluator ({evaluator})"
