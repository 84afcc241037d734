"""An EvaluatorService on a free loopback port: `python -m production.slow_evaluator SECONDS`.

Each call takes SECONDS and hardly any CPU. v(S) is the share of the team that is in S, so that every answer is known.
"""

from __future__ import annotations

import asyncio
import sys

import grpc
from assay_rl.v1 import evaluator_service_pb2 as pb
from assay_rl.v1 import evaluator_service_pb2_grpc as stubs
from assay_rl.v1 import options_pb2


class SlowEvaluator(stubs.EvaluatorServiceServicer):
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def Evaluate(  # noqa: N802
        self, request: pb.EvaluateRequest, _: grpc.aio.ServicerContext[pb.EvaluateRequest, pb.EvaluateResponse]
    ) -> pb.EvaluateResponse:
        await asyncio.sleep(self._seconds)
        response = pb.EvaluateResponse(evaluation_id=request.evaluation_id)
        team = max(1, len(request.episode.agents))
        for question in request.questions:
            response.answers.answers.add(mean=len(question.counterfactual.coalition.agents) / team, samples=1)
        return response

    async def GetEvaluatorInfo(  # noqa: N802
        self,
        request: pb.GetEvaluatorInfoRequest,
        _: grpc.aio.ServicerContext[pb.GetEvaluatorInfoRequest, pb.GetEvaluatorInfoResponse],
    ) -> pb.GetEvaluatorInfoResponse:
        return pb.GetEvaluatorInfoResponse(supports=[options_pb2.QUESTION_KIND_COALITION], deterministic=True)


async def serve(seconds: float) -> None:
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 64 << 20), ("grpc.so_reuseport", 0)])
    stubs.add_EvaluatorServiceServicer_to_server(SlowEvaluator(seconds), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
