"""Preference pairs and judged messages in the form that each trainer reads.

- trl: DPOTrainer and RewardTrainer; KTOTrainer.
- openrlhf: `--prompt_key prompt --chosen_key chosen --rejected_key rejected`. It trains on pairs only.
- axolotl: `rl: dpo` with `type: chat_template.default`, standard rows with `user_defined.default`; `rl: kto` with the
  latter.
- llamafactory: `ranking: true` or a column `kto_tag`; `dataset_info` gives the entry. Alpaca, or
  ShareGPT where it is conversational.

Standard rows are texts that end with the author's name; conversational rows are chats with the author as the assistant,
to which the trainer applies the policy's template. A row keeps `weight`, which none of these trainers reads by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from assay_rl.training.exports import Judged, Material, Preference, Row, judged, preferences
from assay_rl.training.rendering import Turn

TRAINERS = ("trl", "openrlhf", "axolotl", "llamafactory")


class LayoutError(ValueError):
    """The trainer does not read such rows."""


def pairs(material: Material, trainer: str = "trl", conversational: bool = False) -> Iterator[Row]:
    """Rows for training on pairs. Raises LayoutError for a trainer that is not known."""
    return _rows(preferences(material), _PAIRS, trainer, conversational)


def singles(material: Material, trainer: str = "trl", conversational: bool = False) -> Iterator[Row]:
    """Rows for training on messages that were judged one by one. Raises LayoutError."""
    return _rows(judged(material), _SINGLES, trainer, conversational)


def _rows(found: Iterable[Any], layouts: Any, trainer: str, conversational: bool) -> Iterator[Row]:
    layout = layouts.get((trainer, conversational))
    if layout is None:
        style = "conversational" if conversational else "standard"
        known = ", ".join(sorted({name for name, _ in layouts}))
        raise LayoutError(f"{trainer} reads no {style} rows of this kind; those that do: {known}")
    return map(layout, found)


def _chat(turns: Iterable[Turn]) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in turns]


def _answer(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text.strip()}


def _sharegpt(turns: Iterable[Turn]) -> list[dict[str, str]]:
    return [{"from": "gpt" if role == "assistant" else "human", "value": text} for role, text in turns]


def _pair(pair: Preference) -> Row:
    return {"prompt": pair.prompt, "chosen": pair.chosen, "rejected": pair.rejected, **_about(pair)}


def _pair_chat(pair: Preference) -> Row:
    sides = {"chosen": [_answer(pair.chosen)], "rejected": [_answer(pair.rejected)]}
    return {"prompt": _chat(pair.turns), **sides, **_about(pair)}


def _pair_axolotl(pair: Preference) -> Row:
    sides = {"chosen": _answer(pair.chosen), "rejected": _answer(pair.rejected)}
    return {"messages": _chat(pair.turns), **sides, **_about(pair)}


def _pair_alpaca(pair: Preference) -> Row:
    return {"instruction": pair.prompt, "input": "", "chosen": pair.chosen, "rejected": pair.rejected, **_about(pair)}


def _pair_sharegpt(pair: Preference) -> Row:
    chosen, rejected = ({"from": "gpt", "value": text.strip()} for text in (pair.chosen, pair.rejected))
    return {"conversations": _sharegpt(pair.turns), "chosen": chosen, "rejected": rejected, **_about(pair)}


def _about(pair: Preference) -> Row:
    return {"weight": pair.weight, "kind": pair.kind}


def _single(side: Judged) -> Row:
    return {"prompt": side.prompt, "completion": side.completion, "label": side.label, "weight": side.weight}


def _single_chat(side: Judged) -> Row:
    completion = [_answer(side.completion)]
    return {"prompt": _chat(side.turns), "completion": completion, "label": side.label, "weight": side.weight}


def _single_alpaca(side: Judged) -> Row:
    told = {"instruction": side.prompt, "input": "", "output": side.completion}
    return {**told, "kto_tag": side.label, "weight": side.weight}


def _single_sharegpt(side: Judged) -> Row:
    chat = _sharegpt([*side.turns, ("assistant", side.completion.strip())])
    return {"conversations": chat, "kto_tag": side.label, "weight": side.weight}


_PAIRS: dict[tuple[str, bool], Callable[[Preference], Row]] = {
    ("trl", False): _pair,
    ("trl", True): _pair_chat,
    ("openrlhf", False): _pair,
    ("openrlhf", True): _pair_chat,
    ("axolotl", False): _pair,
    ("axolotl", True): _pair_axolotl,
    ("llamafactory", False): _pair_alpaca,
    ("llamafactory", True): _pair_sharegpt,
}
_SINGLES: dict[tuple[str, bool], Callable[[Judged], Row]] = {
    ("trl", False): _single,
    ("trl", True): _single_chat,
    ("axolotl", False): _single,
    ("llamafactory", False): _single_alpaca,
    ("llamafactory", True): _single_sharegpt,
}


def dataset_info(name: str, file: str, kind: str, conversational: bool) -> Row:
    """The entry of LLaMA-Factory's dataset_info.json for a file of rows. kind: "pairs" or "singles"."""
    columns: dict[str, str] = {"messages": "conversations"} if conversational else {"prompt": "instruction"}
    if not conversational:
        columns["query"] = "input"
    if kind == "pairs":
        columns.update(chosen="chosen", rejected="rejected")
    else:
        columns.update(kto_tag="kto_tag", **({} if conversational else {"response": "output"}))
    style = {"formatting": "sharegpt" if conversational else "alpaca"}
    ranking = {"ranking": True} if kind == "pairs" else {}
    return {name: {"file_name": file, **style, **ranking, "columns": columns}}
