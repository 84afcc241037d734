"""A research team and a process reward model: where did the failed run go wrong?

A process reward model has judged every message; where its scores turn, the first error is located, the later repair is
paid, and what came after an error is not blamed twice. Run it with `python research_team.py`.
"""

from __future__ import annotations

from assay_rl import Client, Episode, Message

# What was said, and how right the process reward model found it, in [-1, 1].
RUN = [
    ("planner", "Find out in which year the lighthouse on Gull Rock was first lit.", 0.9),
    ("searcher", "Construction began in 1859, so it was first lit in 1859.", -0.8),
    ("planner", "Then compute its age in 2000 from that.", 0.1),
    ("checker", "The notice to mariners says that it was first lit in 1862.", 0.9),
    ("writer", "The lighthouse was first lit in 1826; in 2000 it was 174 years old.", -0.9),
]


def main() -> None:
    episode = Episode(
        "lighthouse", [Message(agent, text, process_score=score) for agent, text, score in RUN], score=0.0
    )
    # b: this model finds one message in five wrong; its scores are calibrated to that.
    with Client() as client:
        (outcome,) = client.score_batch([episode], options={"firstError": {"baseRate": 0.2}}).outcomes
    signals = outcome.signals
    for message in signals.messages:
        print(f"  {RUN[message.index][0]:<9} {message.label:<16} reward {message.reward:+.3f}")
    first = signals.first_error
    print(f"  first error: message {first.first_index}, decisive error: message {first.decisive_index}")


if __name__ == "__main__":
    main()
