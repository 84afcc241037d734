"""The defaults that options.proto states are those that the verifier fills in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from assay_rl.v1 import episode_pb2, options_pb2
from assay_rl.verify.settings import resolve

PROTO = Path(__file__).resolve().parents[3] / "proto" / "assay" / "v1" / "options.proto"
SETTINGS = resolve(options_pb2.AttributionOptions(vote={}), episode_pb2.Episode())
# Of each field that the verifier has a use for, what it takes where nothing was sent.
TAKEN: dict[str, Any] = {
    "AttributionOptions.seed": SETTINGS.seed,
    "AttributionOptions.value_range": [SETTINGS.low, SETTINGS.high],
    "VoteReplay.ballots": options_pb2.Ballots.Name(SETTINGS.ballots),
    "VoteReplay.grader": options_pb2.Grader.Name(SETTINGS.grader),
    "VoteReplay.tolerance": SETTINGS.tolerance,
    "EstimatorOptions.method": options_pb2.Method.Name(SETTINGS.method),
    "EstimatorOptions.confidence": SETTINGS.interval_confidence,
    "MessageRewardOptions.evidence": options_pb2.Evidence.Name(SETTINGS.evidence),
    "MessageRewardOptions.kappa": SETTINGS.kappa,
    "MessageRewardOptions.redundancy_penalty": SETTINGS.eta,
    "FirstErrorOptions.confidence": SETTINGS.confidence,
    "FirstErrorOptions.propagated_share": SETTINGS.model.propagated,
    "FirstErrorOptions.definition": options_pb2.ErrorDefinition.Name(SETTINGS.definition),
    "AdvantageOptions.scale": options_pb2.OutcomeScale.Name(SETTINGS.scale),
    "AdvantageOptions.epsilon": SETTINGS.epsilon,
    "AdvantageOptions.outcome": options_pb2.OutcomePart.Name(SETTINGS.outcome_part),
    "AdvantageOptions.credit": options_pb2.CreditPart.Name(SETTINGS.credit_part),
    "Recombination.max_questions": SETTINGS.team_questions,
    "ErrorModel.start_high": SETTINGS.model.start_high,
    "ErrorModel.error_rate": SETTINGS.model.error_rate,
    "ErrorModel.repair_rate": SETTINGS.model.repair_rate,
    "ErrorModel.context_error_rate": SETTINGS.model.context_error_rate,
    "ErrorModel.context_repair_rate": SETTINGS.model.context_repair_rate,
    "ErrorModel.shared_level": SETTINGS.model.shared,
    "ErrorModel.judge_correlation": SETTINGS.model.judge_correlation,
    "ErrorModel.high_rates": [rate for rate, _ in SETTINGS.model.high],
    "ErrorModel.low_rates": [rate for rate, _ in SETTINGS.model.low],
    "MessageRewardOptions.redundancy": "REDUNDANCY_SHINGLES" if SETTINGS.shingles else "REDUNDANCY_OFF",
    "Recombination.mode": "RECOMBINATION_MODE_AUTO" if SETTINGS.recombines else "RECOMBINATION_MODE_OFF",
}
# What no signals depend on, and what the episode or the group decides.
OTHERS = {
    "AttributionOptions.audit",
    "AttributionOptions.episode_timeout",
    "AttributionOptions.group_timeout",
    "AttributionOptions.max_response_bytes",
    "CallerEvaluator.batch_size",
    "FirstErrorOptions.max_rollouts",
    "FirstErrorOptions.max_node_rollouts",
    "FirstErrorOptions.settled",
    "AdvantageOptions.blend",
}


def stated() -> dict[str, str]:
    """What a comment says behind "Default", by message and field."""
    found, message, comment = {}, "", ""
    for line in PROTO.read_text().splitlines():
        if match := re.match(r"message (\w+) \{", line):
            message, comment = match[1], ""
        elif match := re.match(r"\s+(?:optional |repeated )?[\w.]+ (\w+) = \d+;", line):
            default = re.search(r"\bDefault (?:\(0\) )?(.*?)(?:\. |\.$|[;:])", comment)
            if default:
                found[f"{message}.{match[1]}"] = default[1]
            comment = ""
        elif match := re.match(r"\s*// ?(.*)", line):
            comment += match[1] + " "
        else:
            comment = ""
    return found


def value(text: str) -> Any:
    """The name of a value, a number, or a list of numbers, at the end of what is stated."""
    if re.fullmatch(r"[A-Z][A-Z_]+", text):
        return text
    listed = re.search(r"\[?([-\d.e]+(?:, [-\d.e]+)*)\]?$", re.sub(r",(?=\d)|, which.*", "", text))
    assert listed, text
    numbers = [float(number) for number in listed[1].split(", ")]
    return numbers[0] if len(numbers) == 1 else numbers


def test_every_default_that_is_stated_is_looked_at() -> None:
    assert set(stated()) == set(TAKEN) | OTHERS


@pytest.mark.parametrize("field", TAKEN)
def test_the_verifier_takes_the_default_that_the_proto_states(field: str) -> None:
    assert value(stated()[field]) == TAKEN[field]
