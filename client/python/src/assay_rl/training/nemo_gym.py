"""NeMo Gym (0.7): `verify` of a resources server.

    class Riddles(AssayVerify, SimpleResourcesServer):
        credit: ClassVar = TeamCredit(evaluator=...)   # a server is a pydantic model: no field of it
        def build(self, body): ...                 # BaseVerifyRequest -> the episode

An episode without signals answers with `mask_sample`, by which NeMo Gym leaves a sample out: its reward of 0 is no
measurement, and `failure_reason` says why.
"""

from __future__ import annotations

from typing import Any, ClassVar

from assay_rl.client.episodes import Episode
from assay_rl.training.team import TeamCredit, difference_reward


class AssayVerify:
    """For a resources server. agent: whose policy is trained; "": the team's score.

    response: the class of the answer; BaseVerifyResponse of NeMo Gym where it is not given.
    """

    credit: ClassVar[TeamCredit]
    agent: ClassVar[str] = ""
    response: ClassVar[type[Any] | None] = None

    def build(self, body: Any) -> Episode:
        """The episode of a request: its outcome is in it, or the evaluator tells it."""
        raise NotImplementedError

    async def verify(self, body: Any) -> Any:
        answer = self.response or _response()
        ((credited,),) = await self.credit.credit([[self.build(body)]])
        held = body.model_dump()
        if credited.signals is None:
            return answer(**held, reward=0.0, mask_sample=True, failure_kind="assay:no_signals",
                          failure_reason=str(credited.error))  # fmt: skip
        return answer(**held, reward=difference_reward(credited.signals, self.agent))


def _response() -> Any:
    from nemo_gym.base_resources_server import BaseVerifyResponse

    return BaseVerifyResponse
