#include "tests/chaos/faulty_evaluator.h"

#include <limits>
#include <utility>

namespace assay::chaos {

FaultyEvaluator::FaultyEvaluator(Game game, std::function<Fault(int64_t)> fault)
    : game_(std::move(game)), fault_(std::move(fault)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
}

FaultyEvaluator::~FaultyEvaluator() {
  server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
}

grpc::ServerUnaryReactor* FaultyEvaluator::Evaluate(grpc::CallbackServerContext* context,
                                                    const v1::EvaluateRequest* request,
                                                    v1::EvaluateResponse* response) {
  const int at_once = ++at_once_;
  int most = most_at_once_;
  while (at_once > most && !most_at_once_.compare_exchange_weak(most, at_once)) {
  }
  questions_ += request->questions_size();
  const Fault fault = fault_(calls_++);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  timers_.After(fault.latency, [this, fault, request, response, reactor] {
    Answer(fault, *request, response);
    --at_once_;
    reactor->Finish(grpc::Status(fault.code, fault.code == grpc::OK ? "" : "told to fail"));
  });
  return reactor;
}

void FaultyEvaluator::Answer(const Fault& fault, const v1::EvaluateRequest& request,
                             v1::EvaluateResponse* response) const {
  response->set_evaluation_id(fault.wrong_id ? "wrong" : request.evaluation_id());
  response->mutable_answers();
  for (int i = fault.too_few ? 1 : 0; i < request.questions_size(); ++i) {
    const auto& agents = request.questions(i).counterfactual().coalition().agents();
    double mean = game_({agents.begin(), agents.end()});
    if (fault.nan) mean = std::numeric_limits<double>::quiet_NaN();
    if (fault.out_of_range) mean = 17;
    response->mutable_answers()->add_answers()->set_mean(mean);
  }
}

grpc::ServerUnaryReactor* FaultyEvaluator::GetEvaluatorInfo(
    grpc::CallbackServerContext* context, const v1::GetEvaluatorInfoRequest* /*request*/,
    v1::GetEvaluatorInfoResponse* response) {
  response->add_supports(v1::QUESTION_KIND_COALITION);
  response->set_deterministic(true);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace assay::chaos
