"""Softmax policies over short messages, one table an agent, for several training runs at once.

A message of LENGTH tokens is written token by token; each token is drawn from a softmax whose logits depend on the
agent's observation and on the tokens of the message so far. Table: logits [R, A, O, P, V] for R runs in lockstep,
agents, observations, prefixes within a message (the empty one first) and the vocabulary.
"""

from __future__ import annotations

import numpy as np

from team_training.environments import LENGTH, MESSAGES, VOCABULARY, Environment, Floats, Ints

PREFIXES = sum(VOCABULARY**position for position in range(LENGTH))
_SPREAD = 0.3  # standard deviation of the initial logits: no two agents start alike

# tokens [MESSAGES, LENGTH] of a message, and the prefix row in which each of them is drawn.
TOKENS: Ints = np.array(
    [[message // VOCABULARY ** (LENGTH - 1 - p) % VOCABULARY for p in range(LENGTH)] for message in range(MESSAGES)]
)
_ROWS: Ints = np.array(
    [
        [
            sum(VOCABULARY**q for q in range(p)) + message // VOCABULARY ** (LENGTH - p) % VOCABULARY**p
            for p in range(LENGTH)
        ]
        for message in range(MESSAGES)
    ]
)
_WORDS = ("amber", "cobalt")


# What each message says.
TEXTS = [" ".join(_WORDS[token] for token in tokens) for tokens in TOKENS]


def initial_logits(environment: Environment, seed: int) -> Floats:
    """[A, O, P, V] of one run; the same for every method that is trained with this seed."""
    rng = np.random.default_rng([seed, 0])
    shape = (len(environment.agents), environment.observations, PREFIXES, VOCABULARY)
    logits = rng.normal(0.0, _SPREAD, shape)
    for bias in environment.biases():
        for task, message in enumerate(bias.keys):
            logits[bias.agent, task, _ROWS[message], TOKENS[message]] += bias.strength
    return logits


class Policies:
    """The policies of R runs. `logits` may be replaced or changed in place followed by refresh()."""

    def __init__(self, logits: Floats) -> None:
        self.logits = logits
        self.refresh()

    @classmethod
    def initial(cls, environment: Environment, seeds: list[int]) -> Policies:
        return cls(np.stack([initial_logits(environment, seed) for seed in seeds]))

    def refresh(self) -> None:
        """Brings the message distribution up to date with the logits."""
        exp = np.exp(self.logits - self.logits.max(axis=-1, keepdims=True))
        self.probabilities: Floats = exp / exp.sum(axis=-1, keepdims=True)
        by_message: Floats = self.probabilities[..., _ROWS, TOKENS].prod(axis=-1)  # [R, A, O, MESSAGES]
        self._cumulative = by_message.cumsum(axis=-1)

    def sample(self, run: Ints, agent: int, observation: Ints, luck: Floats) -> Ints:
        """Messages [B] by inversion of the uniform numbers luck [B]: same luck, same policy, same message."""
        bounds = self._cumulative[run, agent, observation, :-1]
        return (luck[:, None] >= bounds).sum(axis=1)

    def log_probabilities(self, run: Ints, agents: Ints, observations: Ints, messages: Ints) -> Floats:
        """log pi of each message, in the shape of the broadcast arguments."""
        rows, tokens = _ROWS[messages], TOKENS[messages]
        index = (run[..., None], agents[..., None], observations[..., None], rows, tokens)
        return np.log(self.probabilities[index]).sum(axis=-1)

    def score_gradient(self, run: Ints, agents: Ints, observations: Ints, messages: Ints, weight: Floats) -> Floats:
        """sum over entries of weight * grad log pi, in the shape of the logits; all arguments of one shape."""
        gradient = np.zeros_like(self.logits)
        for position in range(LENGTH):
            index = (run, agents, observations, _ROWS[messages, position])
            np.add.at(gradient, (*index, TOKENS[messages, position]), weight)
            np.add.at(gradient, index, -weight[..., None] * self.probabilities[index])
        return gradient

    def ascend(self, gradient: Floats, step: Floats | float) -> None:
        self.logits += np.asarray(step).reshape(-1, 1, 1, 1, 1) * gradient
        self.refresh()
