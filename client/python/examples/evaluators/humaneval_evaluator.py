"""HumanEval replay as a remote evaluator, on the generated stubs alone.

    python humaneval_evaluator.py dylan_humaneval.jsonl.gz 127.0.0.1:50061

A record of the log is one episode: each message with a program carries `unit_passed`, how many of the tester's unit
tests it passed, and `hidden_pass`, whether it passed the hidden ones. v(S) is the mean hidden_pass over the programs by
members of S; where the tester is a member, only over those of them that passed most unit tests; without a program, 0.
"""

from __future__ import annotations

import gzip
import json
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from assay_rl.v1 import evaluator_service_pb2 as pb
from assay_rl.v1 import evaluator_service_pb2_grpc as stubs
from assay_rl.v1 import options_pb2

MAX_MESSAGE_BYTES = 64 << 20


@dataclass
class Programs:
    """What the programs of one episode scored: (author, unit_passed, hidden_pass)."""

    tester: int
    scores: list[tuple[int, float, float]] = field(default_factory=list)

    def value(self, members: set[int]) -> float:
        scores = [score for score in self.scores if score[0] in members]
        if self.tester in members and scores:
            most = max(unit for _, unit, _ in scores)
            scores = [score for score in scores if score[1] == most]
        return sum(hidden for _, _, hidden in scores) / len(scores) if scores else 0.0


def read_log(path: Path) -> dict[str, Programs]:
    episodes: dict[str, Programs] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            agents: list[str] = record["agents"]
            programs = Programs(agents.index("Tester") if "Tester" in agents else -1)
            for message in record["messages"]:
                if message.get("hidden_pass") is not None:
                    author = agents.index(message["agent"])
                    programs.scores.append((author, message["unit_passed"], message["hidden_pass"]))
            episodes[record["id"]] = programs
    return episodes


class HumanEvalEvaluator(stubs.EvaluatorServiceServicer):
    def __init__(self, episodes: dict[str, Programs]) -> None:
        self._episodes = episodes

    def Evaluate(  # noqa: N802
        self, request: pb.EvaluateRequest, context: grpc.ServicerContext
    ) -> pb.EvaluateResponse:
        programs = self._episodes.get(request.episode_id)
        if programs is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no episode {request.episode_id}")
            raise AssertionError  # abort has raised
        response = pb.EvaluateResponse(evaluation_id=request.evaluation_id)
        for question in request.questions:
            members = set(question.counterfactual.coalition.agents)
            response.answers.answers.add(mean=programs.value(members))
        return response

    def GetEvaluatorInfo(  # noqa: N802
        self, request: pb.GetEvaluatorInfoRequest, context: grpc.ServicerContext
    ) -> pb.GetEvaluatorInfoResponse:
        return pb.GetEvaluatorInfoResponse(supports=[options_pb2.QUESTION_KIND_COALITION], deterministic=True)


def main() -> None:
    path, address = Path(sys.argv[1]), sys.argv[2]
    server = grpc.server(
        ThreadPoolExecutor(max_workers=8), options=[("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)]
    )
    stubs.add_EvaluatorServiceServicer_to_server(  # type: ignore[no-untyped-call]
        HumanEvalEvaluator(read_log(path)), server
    )
    print(f"listening on {server.add_insecure_port(address)}", flush=True)
    server.start()
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    server.stop(grace=1).wait()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    main()
