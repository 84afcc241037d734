"""Compares preference pairs as sets: their order says nothing."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf import json_format
from google.protobuf.message import Message

from assay_rl.v1 import signals_pb2

from .findings import Report

PairKey = tuple[int, str, int, str, str]


def _pair_key(pair: signals_pb2.PreferencePair) -> PairKey:
    chosen = text_of(pair.chosen) if pair.HasField("chosen") else ""
    rejected = text_of(pair.rejected) if pair.HasField("rejected") else ""
    return pair.kind, pair.context_episode_id, pair.context_length, chosen, rejected


def check_pairs(
    report: Report,
    expected: Sequence[signals_pb2.PreferencePair],
    found: Sequence[signals_pb2.PreferencePair],
) -> None:
    path = "signals.pairs"
    wanted = {_pair_key(pair): pair for pair in expected}
    for k, pair in enumerate(found):
        own = wanted.pop(_pair_key(pair), None)
        if own is None:
            report.wrong(f"{path}[{k}]", "no such pair", text_of(pair))
        else:
            report.close(f"{path}[{k}].weight", own.weight, pair.weight)
    for pair in wanted.values():
        report.wrong(path, text_of(pair), "missing")


def text_of(message: Message) -> str:
    return json_format.MessageToJson(message, indent=None)
