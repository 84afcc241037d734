"""Values of a cooperative game from its table. A coalition is a bit mask; bit i stands for agents[i]."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from math import comb, sqrt


@lru_cache(maxsize=64)
def _weights(n: int) -> tuple[float, ...]:
    """w(s) = s! (n-1-s)! / n! = 1 / (n C(n-1, s)), the weight of a marginal contribution to s others."""
    return tuple(1 / (n * comb(n - 1, s)) for s in range(n))


@lru_cache(maxsize=16)
def _sizes(n: int) -> tuple[int, ...]:
    return tuple(mask.bit_count() for mask in range(1 << n))


def shapley(table: Sequence[float], n: int) -> list[float]:
    """All n Shapley values of a table of 2^n values, O(n 2^n)."""
    if n == 0:
        return []
    w, sizes = _weights(n), _sizes(n)
    inside = [(w[s - 1] if s else 0.0) + (w[s] if s < n else 0.0) for s in range(n + 1)]
    outside = sum(v * w[s] for v, s in zip(table, sizes, strict=True) if s < n)
    weighted = [v * inside[s] for v, s in zip(table, sizes, strict=True)]
    return [sum(weighted[m] for m in range(1 << n) if m >> i & 1) - outside for i in range(n)]


def shapley_errors(variances: Sequence[float], n: int) -> list[float]:
    """Standard errors of exact sums over noisy answers: Var phi_i = sum c_S^2 sigma_S^2 / r_S (server/credit).

    `variances` holds sigma_S^2 / r_S of every coalition.
    """
    w, sizes = _weights(n), _sizes(n)
    return [
        sqrt(sum(v * (w[s - 1] if m >> i & 1 else w[s]) ** 2 for m, (v, s) in enumerate(zip(variances, sizes))))  # noqa: B905
        for i in range(n)
    ]


def interactions(table: Sequence[float], n: int) -> dict[tuple[int, int], float]:
    """Pairwise Shapley interaction indices: mean over S without i, j of v(S+i+j) - v(S+i) - v(S+j) + v(S).

    The weight of S is s! (n-s-2)! / (n-1)! = 1 / ((n-1) C(n-2, s)).
    """
    out: dict[tuple[int, int], float] = {}
    sizes = _sizes(n)
    for i in range(n):
        for j in range(i + 1, n):
            both = 1 << i | 1 << j
            out[i, j] = sum(
                (table[m | both] - table[m | 1 << i] - table[m | 1 << j] + table[m]) / ((n - 1) * comb(n - 2, sizes[m]))
                for m in range(1 << n)
                if not m & both
            )
    return out


def owen_cost(n: int, counts: Sequence[int]) -> int:
    """Questions of the exact Owen value: 2^n + sum_i 2^(n-1) (2^T_i - 2) (proto/signals.md, "Credit of messages")."""
    return (1 << n) + sum((1 << n - 1) * ((1 << t) - 2) for t in counts if t)


def owen_sets(members: Sequence[Sequence[int]]) -> Iterator[int]:
    """Masks of messages in the order of an OwenSets table (evaluator_service.proto).

    `members`: the message indices of each author that has any, authors by their first messages.
    """
    every = (1 << len(members)) - 1
    whole = [0]
    for own in members:
        whole += [mask | sum(1 << t for t in own) for mask in whole]
    yield from reversed(whole)
    for i, own in enumerate(members):
        kept = [0]
        for t in own:
            kept += [part | 1 << t for part in kept]
        for others in range(every + 1):
            if not others >> i & 1:
                yield from (whole[others] | part for part in kept[1:-1])


def owen(value: Callable[[int, int, int], float], n: int, counts: Sequence[int]) -> list[list[float]]:
    """Owen values of every agent's messages, agents as a-priori unions.

    `value(others, i, kept)`: the agents of mask `others` (without i) in full and, of agent i, the messages of mask
    `kept` (bit k: the agent's k-th message). Averaged over the other unions, agent i's messages play a game of their
    own; its Shapley values are the Owen values (phi_t with weights [m C(m-1,|H|)]^-1 [b C(b-1,|S|)]^-1).
    The mean over H of a marginal needs sum_H m^-1 C(m-1,|H|)^-1 = 1, which the union weights are.
    """
    w = _weights(n)
    result: list[list[float]] = []
    for i, count in enumerate(counts):
        if not count:
            result.append([])
            continue
        others = [m for m in range(1 << n) if not m >> i & 1]
        weights = [w[m.bit_count()] for m in others]
        inner = [sum(c * value(m, i, kept) for c, m in zip(weights, others, strict=True)) for kept in range(1 << count)]
        result.append(shapley(inner, count))
    return result
