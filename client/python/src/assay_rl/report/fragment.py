"""One episode as static HTML: for notebooks, where every text is escaped and nothing runs."""

from __future__ import annotations

from html import escape

from assay_rl.v1 import episode_pb2, signal_service_pb2, signals_pb2

from .model import Json, episode_json

SHOWN_TEXT = 400
SHOWN_MESSAGES = 60
_CELL = "padding:2px 8px;vertical-align:top;text-align:left"
_NUMBER = _CELL + ";text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap"


def html_for(
    result: signal_service_pb2.EpisodeResult | signals_pb2.EpisodeSignals, episode: episode_pb2.Episode | None = None
) -> str:
    """A table of agents and one of messages. No script, no style sheet, no link: safe to show anywhere."""
    if isinstance(result, signals_pb2.EpisodeSignals):
        wrapped = signal_service_pb2.EpisodeResult(episode_id=result.episode_id)
        wrapped.signals.CopyFrom(result)
        result = wrapped
    data = episode_json(result, episode)
    head = f"<strong>{_text(data['id'])}</strong>"
    if "error" in data:
        error = data["error"]
        return f"<div>{head}: no signals, code {error['code']}: {_text(error['message'])}</div>"
    verdict = "success" if data["success"] else "failure"
    return (
        f"<div>{head}: {verdict}, score {data['score']:.3f}. {_where(data)}"
        f"{_agents(data)}{_messages(data)}<p>{_ledger(data)}</p></div>"
    )


_HIDDEN = frozenset(map(chr, (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF)))


def _text(value: str) -> str:
    """Escaped, with control characters and direction marks made visible."""
    out = []
    for char in value:
        code = ord(char)
        if (code < 32 and char not in "\n\t") or code == 127:
            out.append(chr(0x2421 if code == 127 else 0x2400 + code))
        elif char in _HIDDEN or 128 <= code < 160:
            out.append(f"[U+{code:04X}]")
        else:
            out.append(char)
    return escape("".join(out), quote=True)


def _where(data: Json) -> str:
    first = data["first"]
    if first["index"] is None:
        return "No first error is claimed." if not data["success"] else ""
    return f"First error: message {first['index']} ({first['probability']:.0%})."


def _agents(data: Json) -> str:
    """Credit with its interval; where nobody was asked about other teams, shares of the outcome and no credit."""
    shared = data["effort"]["evaluator"] == "outcome"
    head = ("agent", "share of the outcome") if shared else ("agent", "credit", "interval", "sum of rewards")
    rows = []
    for a in data["agents"]:
        cells = [f"{a['total']:+.4f}"]
        if not shared:
            cells = [f"{a['credit']:+.4f}", f"[{a['low']:+.4f}, {a['high']:+.4f}]", *cells]
        numbers = "".join(f'<td style="{_NUMBER}">{cell}</td>' for cell in cells)
        rows.append(f'<tr><td style="{_CELL}"><bdi>{_text(a["id"])}</bdi></td>{numbers}</tr>')
    names = "".join(f'<th style="{_CELL}">{name}</th>' for name in head)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _messages(data: Json) -> str:
    most = max((abs(m.get("reward", 0)) for m in data["messages"]), default=0) or 1
    rows = []
    for m in data["messages"][:SHOWN_MESSAGES]:
        text = m.get("text", "")
        shown = _text(text[:SHOWN_TEXT]) + (" …" if len(text) > SHOWN_TEXT else "")
        reward, bar = "", ""
        if "reward" in m:
            color = "#1a7f5a" if m["reward"] >= 0 else "#b3401f"
            width = abs(m["reward"]) / most * 80
            reward = f"{m['reward']:+.4f}"
            bar = f'<div style="background:{color};height:8px;width:{width:.0f}px"></div>'
        rows.append(
            f'<tr><td style="{_NUMBER}">{m["index"]}</td><td style="{_CELL}"><bdi>{_text(m["agent"])}</bdi></td>'
            f'<td style="{_NUMBER}">{reward}{bar}</td><td style="{_CELL}">{_text(m.get("label", ""))}</td>'
            f'<td style="{_CELL};white-space:pre-wrap;overflow-wrap:anywhere" dir="auto">{shown}</td></tr>'
        )
    rest = len(data["messages"]) - SHOWN_MESSAGES
    more = f"<p>{rest} more messages.</p>" if rest > 0 else ""
    head = "".join(f'<th style="{_CELL}">{name}</th>' for name in ("#", "author", "reward", "label", "message"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>{more}"


def _ledger(data: Json) -> str:
    ledger = data["ledger"]
    return (
        f"Rewards {ledger['allocated']:+.4f} + unallocated {ledger['unallocated']:+.4f} "
        f"= {ledger['target']:+.4f} (off by {ledger['error']:.1e})."
    )
