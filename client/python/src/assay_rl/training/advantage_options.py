"""What trainers say of advantages, as the service's options."""

from __future__ import annotations

from typing import cast

from assay_rl.v1 import options_pb2


def advantage_options(
    blend: float | None = None,
    outcome_part: str | None = None,
    credit_part: str | None = None,
    base: options_pb2.AdvantageOptions | None = None,
) -> options_pb2.AdvantageOptions:
    """`base` with what is given here in its place; None leaves a value to `base`, and there to the service's default.

    blend: share of the credit part, in [0, 1]. outcome_part: AUTO, OUTCOME, CONTROL or RECOMBINED. credit_part: AUTO,
    VALUES, CREDIT, SCORES or NONE. Raises ValueError for anything else.
    """
    options = options_pb2.AdvantageOptions()
    if base is not None:
        options.CopyFrom(base)
    if blend is not None:
        if not 0.0 <= blend <= 1.0:
            raise ValueError(f"blend must be in [0, 1], not {blend}")
        options.blend = blend
    if outcome_part is not None:
        options.outcome = cast("options_pb2.OutcomePart", options_pb2.OutcomePart.Value(f"OUTCOME_PART_{outcome_part}"))
    if credit_part is not None:
        options.credit = cast("options_pb2.CreditPart", options_pb2.CreditPart.Value(f"CREDIT_PART_{credit_part}"))
    return options
