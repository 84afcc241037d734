"""ATIF, the trajectory format of Harbor, versions 1.0 to 1.7; sub-agents stand inside it or in files beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay_rl.convert._fields import ConversionError, as_dict, as_list, first, label, mapping, mappings
from assay_rl.convert.chat_messages import call_of
from assay_rl.convert.content import content_text, join, reasoning_line, tokens_of
from assay_rl.convert.outcome import grade_of
from assay_rl.convert.roles import Kind
from assay_rl.convert.run import Choices, Run, envelope, extend_run

DEEPEST = 16  # sub-agents inside sub-agents


def is_atif(record: Any) -> bool:
    held = mapping(record)
    if label(held.get("schema_version")).startswith("ATIF"):
        return True
    steps = mappings(held.get("steps"))
    return bool(steps) and isinstance(held.get("agent"), Mapping) and all("source" in step for step in steps)


def read(record: Any, choices: Choices, folder: Path | None = None) -> Run:
    """A trajectory. `folder`: where files of sub-agents and, in a trial of Harbor, of its verifier are looked for."""
    trajectory = as_dict(record, "trajectory")
    run = Run(record=trajectory, id=label(first(trajectory, "session_id", "trajectory_id")))
    reader = _Reader(run, trajectory, choices, folder)
    reader.read(trajectory, 0)
    reader.read_rest()
    run.prompt = next(
        (content_text(s.get("message")) for s in mappings(trajectory.get("steps")) if s.get("source") == "user"), ""
    )
    extra = mapping(trajectory.get("extra"))
    run.outcome.score = grade_of(first(extra, "reward", "score"), "extra.reward")
    if run.outcome.score is None and folder is not None:
        run.outcome.score = _trial_reward(folder)
    run = envelope(trajectory, run)
    extend_run(run, mapping(extra.get("assay")))
    return run


class _Reader:
    def __init__(self, run: Run, root: Mapping[str, Any], choices: Choices, folder: Path | None) -> None:
        self._run, self._choices, self._folder = run, choices, folder
        self._inside = {
            label(first(t, "trajectory_id", "session_id")) or f"sub-agent {k}": t for k, t in enumerate(_embedded(root))
        }
        self._read: set[str] = set()

    def read(self, trajectory: Mapping[str, Any], depth: int) -> None:
        if depth > DEEPEST:
            raise ConversionError(f"sub-agents stand more than {DEEPEST} deep")
        agent = label(mapping(trajectory.get("agent")).get("name")) or self._choices.agent or "agent"
        for i, raw in enumerate(as_list(trajectory.get("steps"), "steps")):
            step = as_dict(raw, f"steps[{i}]")
            if step.get("is_copied_context") is True:
                self._run.dropped["steps copied from another trajectory"] += 1
                continue
            self._step(step, agent, i, depth)

    def read_rest(self) -> None:
        """Sub-agents inside the trajectory to which no step refers."""
        for key, trajectory in self._inside.items():
            if key not in self._read:
                self._read.add(key)
                self._run.notes.append("sub-agents to which no step refers stand at the end")
                self.read(trajectory, 1)

    def _step(self, step: Mapping[str, Any], agent: str, place: int, depth: int) -> None:
        extension = mapping(mapping(step.get("extra")).get("assay"))
        source = label(step.get("source"))
        text = content_text(step.get("message"))
        if source == "agent":
            thought = reasoning_line(content_text(step.get("reasoning_content")))
            calls = [call_of(call).line() for call in mappings(step.get("tool_calls"))]
            self._run.say(agent, Kind.AGENT, join(thought, text, *calls), extension, tokens=tokens_of(step))
        elif source in ("user", "system"):
            kind = Kind.HUMAN if source == "user" else Kind.SYSTEM
            self._run.say(source, kind, text, extension)
        else:
            raise ConversionError(f"steps[{place}].source: user, system or agent expected, got {step.get('source')!r}")
        for result in self._run.objects(mapping(step.get("observation")).get("results"), "results"):
            for reference in mappings(result.get("subagent_trajectory_ref")):
                self._sub_agent(reference, depth)
            self._run.say("tool", Kind.ENVIRONMENT, content_text(result.get("content")))

    def _sub_agent(self, reference: Mapping[str, Any], depth: int) -> None:
        """A sub-agent's own steps, at the place where its work was handed in."""
        key = label(first(reference, "trajectory_id", "trajectory_path", "session_id"))
        if key in self._read:
            return
        self._read.add(key)
        found = self._inside.get(label(reference.get("trajectory_id")))
        path = reference.get("trajectory_path")
        if found is None and isinstance(path, str):
            found = self._file(path)
        if found is None:
            self._run.notes.append("sub-agents whose trajectories are neither inside nor beside the file")
            self._run.say("tool", Kind.ENVIRONMENT, f"[sub-agent {key}: its trajectory is not here]")
            return
        self.read(found, depth + 1)

    def _file(self, path: str) -> Mapping[str, Any] | None:
        """A sub-agent's file, inside the folder of the trajectory only."""
        if self._folder is None:
            return None
        folder = self._folder.resolve()
        target = (folder / path).resolve()
        if not target.is_relative_to(folder) or not target.is_file():
            return None
        try:
            held = json.loads(target.read_text(encoding="utf-8"))
        except (ValueError, OSError, RecursionError) as failure:
            raise ConversionError(f"trajectory of a sub-agent, {path}: {failure}") from failure
        return held if isinstance(held, Mapping) else None


def _embedded(trajectory: Mapping[str, Any], depth: int = 0) -> list[Mapping[str, Any]]:
    found = mappings(trajectory.get("subagent_trajectories"))
    return found + [t for f in found for t in _embedded(f, depth + 1)] if depth < DEEPEST else found


def _trial_reward(folder: Path) -> float | None:
    """In a trial of Harbor the trajectory is agent/trajectory.json, the verifier's reward verifier/reward.*"""
    verifier = folder.parent / "verifier"
    for name in ("reward.txt", "reward.json"):
        file = verifier / name
        if not file.is_file():
            continue
        text = file.read_text(encoding="utf-8").strip()
        try:
            held = json.loads(text)
        except ValueError:
            return None
        if isinstance(held, Mapping):
            held = held["reward"] if "reward" in held else next(iter(held.values()), None) if len(held) == 1 else None
        return grade_of(held, f"verifier/{name}")
    return None
