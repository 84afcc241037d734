#include "tests/chaos/faulty_evaluator.h"

#include <atomic>
#include <limits>
#include <memory>
#include <utility>

namespace assay::chaos {

// A call ends by its answer or, at once, by being given up. The request lives until it has ended.
class FaultyEvaluator::Reply final : public grpc::ServerUnaryReactor {
 public:
  explicit Reply(FaultyEvaluator* owner) : owner_(owner) {}

  void Keep(std::shared_ptr<Reply> self) { self_ = std::move(self); }
  // True for the one who may end the call. It counts no more from here on: the client may send the
  // next one before gRPC lets go of this one.
  bool Claim() {
    if (claimed_.exchange(true)) return false;
    --owner_->at_once_;
    return true;
  }
  void OnCancel() override {
    if (!Claim()) return;
    ++owner_->cancelled_;
    Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override { self_.reset(); }

 private:
  FaultyEvaluator* const owner_;
  std::atomic<bool> claimed_{false};
  std::shared_ptr<Reply> self_;  // until gRPC lets go of it
};

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
  episode_bytes_ += static_cast<int64_t>(request->episode().ByteSizeLong());
  deadline_ = absl::ToUnixNanos(absl::FromChrono(context->deadline()));
  const Fault fault = fault_(calls_++);
  auto reply = std::make_shared<Reply>(this);
  reply->Keep(reply);
  timers_.After(fault.latency, [this, fault, request, response, reply] {
    if (!reply->Claim()) return;
    Answer(fault, *request, response);
    reply->Finish(grpc::Status(fault.code, fault.code == grpc::OK ? "" : "told to fail"));
  });
  return reply.get();
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
  for (const v1::QuestionKind kind : supports_) response->add_supports(kind);
  response->set_deterministic(true);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace assay::chaos
