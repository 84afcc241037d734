"""A debate that was lost, and who was right in it.

Three agents debate four rollouts of one question and vote; in two of them the majority is wrong. No model is called:
what your agents would say is written down here. Run it with `python debate.py`; it starts a server of its own.
"""

from __future__ import annotations

from assay_rl import Agent, Client, Episode, Group, Message, Task

AGENTS = ("optimist", "sceptic", "clerk")
TASK = Task(id="months", prompt="How many months have 28 days?", reference_answer="12")
# What each agent answered in the first and in the second round of each rollout.
BALLOTS = [
    [("1", "12", "1"), ("1", "12", "1")],
    [("12", "12", "1"), ("12", "12", "12")],
    [("1", "12", "12"), ("12", "12", "12")],
    [("1", "1", "1"), ("1", "12", "1")],
]


def rollout(number: int) -> Episode:
    messages = [
        Message(agent, f"I say {answer}.", answer=answer, round=round_number)
        for round_number, answers in enumerate(BALLOTS[number], start=1)
        for agent, answer in zip(AGENTS, answers, strict=True)
    ]
    votes = list(BALLOTS[number][-1])
    won = max(set(votes), key=votes.count) == TASK.reference_answer
    return Episode(
        f"months/{number}",
        messages,
        agents=[Agent(name) for name in AGENTS],
        task=TASK,
        score=float(won),
        group=Group("months", size=len(BALLOTS)),
    )


def main() -> None:
    episodes = [rollout(number) for number in range(len(BALLOTS))]
    with Client() as client:
        batch = client.score_batch(episodes)
    group = batch.groups["months"]
    for episode, outcome in zip(episodes, batch.outcomes, strict=True):
        print(f"{episode.id}: score {outcome.signals.score:.0f}")
        advantages = group.advantages[episode.id].messages
        for index, message in enumerate(episode.messages):
            right = "right" if message.answer == TASK.reference_answer else "wrong"
            print(f"  {message.agent:<9} {right}  advantage {advantages[index]:+.2f}")


if __name__ == "__main__":
    main()
