"""An environment as a remote evaluator: slow and noisy, on the generated stubs alone.

    python simulated_environment.py 127.0.0.1:50062 0.05 0.1      # address, seconds a call, noise of one sample

Agent k solves the task alone with probability 1/(k + 2), independently of the others. A sample is the team's
probability of success plus Gaussian noise, clipped to [0, 1]; seed, coalition and the sample's number decide the noise.
"""

from __future__ import annotations

import asyncio
import math
import random
import statistics
import sys
from typing import TypeAlias

import grpc.aio

from assay_rl.v1 import evaluator_service_pb2 as pb
from assay_rl.v1 import evaluator_service_pb2_grpc as stubs
from assay_rl.v1 import options_pb2

EvaluateContext: TypeAlias = "grpc.aio.ServicerContext[pb.EvaluateRequest, pb.EvaluateResponse]"
InfoContext: TypeAlias = "grpc.aio.ServicerContext[pb.GetEvaluatorInfoRequest, pb.GetEvaluatorInfoResponse]"


class SimulatedEnvironment(stubs.EvaluatorServiceServicer):
    def __init__(self, latency: float, noise: float) -> None:
        self._latency = latency
        self._noise = noise

    def _answer(self, question: pb.Question, seed: int) -> pb.Answer:
        agents = tuple(question.counterfactual.coalition.agents)
        success = 1 - math.prod(1 - 1 / (agent + 2) for agent in agents)
        samples = []
        for number in range(max(1, question.samples)):
            draw = random.Random(f"{seed}/{agents}/{number}")
            samples.append(min(1.0, max(0.0, success + draw.gauss(0, self._noise))))
        # One sample does not tell its spread; whoever knows it should say so.
        variance = statistics.variance(samples) if len(samples) > 1 else self._noise**2
        return pb.Answer(mean=statistics.fmean(samples), samples=len(samples), variance=variance)

    async def Evaluate(  # noqa: N802
        self, request: pb.EvaluateRequest, context: EvaluateContext
    ) -> pb.EvaluateResponse:
        await asyncio.sleep(self._latency)
        answers = pb.Answers(answers=[self._answer(question, request.seed) for question in request.questions])
        return pb.EvaluateResponse(evaluation_id=request.evaluation_id, answers=answers)

    async def GetEvaluatorInfo(  # noqa: N802
        self, request: pb.GetEvaluatorInfoRequest, context: InfoContext
    ) -> pb.GetEvaluatorInfoResponse:
        return pb.GetEvaluatorInfoResponse(
            supports=[options_pb2.QUESTION_KIND_COALITION], deterministic=self._noise == 0
        )


async def main() -> None:
    address, latency, noise = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    server = grpc.aio.server()
    stubs.add_EvaluatorServiceServicer_to_server(  # type: ignore[no-untyped-call]
        SimulatedEnvironment(latency, noise), server
    )
    print(f"listening on {server.add_insecure_port(address)}", flush=True)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
