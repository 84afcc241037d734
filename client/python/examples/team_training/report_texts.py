"""The sentences of the report; what stands in braces is filled in by `report`."""

from __future__ import annotations

CLAIM = (
    "The goals were: rollouts to 90 % of the optimum, as a multiple of the best baseline's, of at most {goals}; at the "
    "two smallest steps of at most {small}; of at most 1 everywhere when 10 % of the evaluator's answers are wrong; "
    "and DPO on PEER pairs at most {peers} of trajectory DPO's."
)

SETTING = """Softmax policies over messages of two tokens, one an agent, trained from scratch; groups of 16 episodes of
one task. Every method gets {budget:,} rollouts, counterfactual ones included, so a method that needs none gets that
many more episodes. Every method is trained with every step size of one grid ({steps}) on the same {seeds} seeds; "best
step" is the one that got there soonest on average, picked with hindsight for every method alike, and so is the best
baseline. The environments were fixed before the first run.

Assay's advantages are made by the server's formulas in process (`in_process.py`), some thirty times as fast as asking
one. {agreement} Preference pairs come from a running server, whose questions are answered by replaying the environment.

Three things are counted. A *rollout* is an episode that policies play, from the start or on from a prefix. *Tokens* are
those that policies generate, in either. A *re-grading* scores recorded messages with some left out: it needs neither
policy nor environment, so it is no rollout. That makes agents' credit an account of what was said, not a forecast of
what the others would have said instead; where all write in parallel (`specialists`, `saboteur`) the others would have
said the same, and teams put together from the messages of a whole group are graded too. Leave-one-out is given its
re-gradings on the same terms. Ratios are geometric means seed by seed; where a seed did not get there, its whole budget
counts. Ranges in brackets are 95 % t intervals over seeds."""

AGREEMENT = """In {groups} groups, exact and with wrong answers, a running server's advantages differed from them by at
most {largest:.0e}, and {same} of {both} trainings with the defaults that a server made as well took the same rollouts,
seed by seed."""

STEPS = """## At every step size

Mean rollouts to 90 %; the budget counts where a seed did not get there, and the number of seeds that did follows where
it is not all. The large steps suit these tabular policies; the small ones are closer to what a trainer of large models
can afford.

"""

RATIOS = """## Over the best baseline

At each method's best step, and with everybody at one of the two smallest. "Wrong": so many of the re-gradings are wrong
(score instead of 1 - score, the same question always alike), for leave-one-out as for Assay, which is told how often.

"""

COSTS = """## What it cost to get there

Means over seeds. The last column charges every re-grading as if it were a rollout: what would be spent in a system
where leaving a message out means playing the rest again.

"""

RATES = """## Sabotage and redundancy

Sabotage: share of messages that do harm by what they say. Redundancy: share of the messages of solved episodes without
which they would have been solved as well; where nothing is charged for a message, a reliable team is a redundant one.
"A quarter on" is a quarter of the budget.

"""

GRADIENTS = """## Variance of the gradient

At fixed policies, for one group of 16 episodes: total variance of the estimate over the squared length of its
expectation (small is good), and the cosine between that expectation and the gradient of the expected score (1: on
average it climbs straight up). Groups in which all episodes score the same teach an outcome method nothing and count.

"""

ELSEWHERE = """## Ablations and gradients

One thing changed at a time, what the misses are made of, and the variance and direction of the gradient:
[ABLATIONS.md](ABLATIONS.md)."""

ABLATIONS = """# What each part of an advantage does to learning

One thing changed at a time: in {everything} at every step on all {seeds} seeds, elsewhere at steps {steps} and at the
step that is best for the defaults on the first {fewer} seeds, and what stands beside them is of the same seeds. The
setting is that of [REPORT.md](REPORT.md). X is what a message is told of the outcome, K what tells an agent's messages
apart. By default X is RECOMBINED in `specialists` and `saboteur`, in which all write in parallel, and CONTROL
elsewhere, and K is CREDIT with blend 1/2. X: OUTCOME with blend 0 is the broadcast outcome (GRPO).

What got there soonest, and its ratio to the defaults, seed by seed with a 95 % t interval. It was picked with
hindsight among many and on few seeds: it says where to look, not what is best."""

AGREED = """No one blend suits all. Where X is RECOMBINED it is worth more than K already: less K is better at small
steps. Where X is CONTROL, more of K is better in `debate`, in which votes are equal and credit says who was right, and
worse in `repair`, in which blend 1 loses seeds for good and the defaults are the best there is: its miss is not one of
these choices. VALUES of a learnt value function alone are poor everywhere but in `pipeline`: it is a ridge regression
of the score on what was said before the node, fitted to earlier iterations, it costs no rollout, and its blend is 1 by
default.

All this was trained in process (`in_process.py`). In {groups} groups, exact and with wrong answers, a running server's
advantages differed from those by at most {largest:.0e}. In the tables: mean rollouts to 90 % (the best step that was
tried is bold; in brackets the number of seeds that got there where it is not all), then the ratio to the defaults: each
at its best step, and both at one of the two smallest. What was not run is left out or empty."""

NOISE_ABLATIONS = """## Where the evaluator is often wrong

K is weighted by its reliability, which is told from the spread of the credits in the group and the known noise of the
answers: w = blend * max(0, 1 - noise / spread). Where there is nothing for credit to find (`pipeline`) the spread of
the credits of 16 episodes is above its noise by chance in about half of the groups, and K, which is standardised,
pushes at random in groups that otherwise teach nothing; the larger the step, the more. That is what the miss is made
of: without K (blend 0) little of it is left, with another X most of it.

"Reliability less 2 standard errors" takes noise * (1 + 2 sqrt(2 / m)) for the noise, m the number of the group's
credits: what is within two standard errors of chance is held to be chance. It was tried here, in process. It takes
most of the miss away, and `repair`, in which nothing is learnt soon without K, pays for it: so the server has no such
rule, and whoever knows that there is nothing for credit to find says so with blend 0."""

PREFERENCES = """## Preferences

Online DPO on groups of 16; the reference is reset every iteration; each method at the best of the steps, all of which
were tried where no others are named. PEER pairs hold two messages of one author that followed the same text, which is
the task alone where all write in parallel; they cost no rollout.

"""

OTHER_PAIRS = """SIBLING pairs cost none either. STEP and REPAIR pairs need the place of the error: up to 8 rollouts a
failed episode to find it, and one for each of up to 2 alternatives tried there, all charged. Both at the best of the
steps {steps}.

"""

LIMITS = """## Limits

- Tabular policies, and tasks with one right message an agent: large steps are safe here, and a single success teaches
  much. Where steps must be small, variance weighs more.
- Steps and the best baseline are picked with hindsight on the seeds that are compared: four baselines share the luck of
  being picked, Assay has its own step alone.
- The evaluator is a program that grades a transcript with messages left out. Where that has to be played again, the
  re-gradings are rollouts ("all as rollouts" above), and leaving out is no longer free.
- The environments never changed. The plan did, with the second form of the signals: all steps on all seeds.
- Agent-wise normalisation equals the broadcast outcome wherever every agent sends the same number of messages in every
  episode: everywhere but in `specialists`.
{run}"""

RUN = "- This run took {minutes:.1f} minutes with {processes} processes."
INTERRUPTED = "- The run was made in pieces (`--resume`). What it had not come to is empty in the tables or left out."
