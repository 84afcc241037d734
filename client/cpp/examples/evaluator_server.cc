#include "client/cpp/examples/evaluator_server.h"

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <csignal>
#include <iostream>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "assay/v1/evaluator_service.grpc.pb.h"

namespace assay::examples {
namespace {

using AnswerFn = std::function<absl::StatusOr<v1::Answers>(const v1::EvaluateRequest&)>;

constexpr int kMaxMessageBytes = 64 << 20;  // a request holds an episode of up to 32 MiB

class Evaluator final : public v1::EvaluatorService::CallbackService {
 public:
  Evaluator(const EvaluatorServerOptions& options, AnswerFn answer)
      : options_(options), answer_(std::move(answer)) {}

  grpc::ServerUnaryReactor* Evaluate(grpc::CallbackServerContext* context,
                                     const v1::EvaluateRequest* request,
                                     v1::EvaluateResponse* response) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    if (options_.latency <= absl::ZeroDuration()) {
      reactor->Finish(Answer(*request, response));
      return reactor;
    }
    auto alarm = std::make_shared<grpc::Alarm>();
    alarm->Set(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(options_.latency),
               [this, alarm, request, response, reactor](bool /*fired*/) {
                 reactor->Finish(Answer(*request, response));
               });
    return reactor;
  }

  grpc::ServerUnaryReactor* GetEvaluatorInfo(grpc::CallbackServerContext* context,
                                             const v1::GetEvaluatorInfoRequest* /*request*/,
                                             v1::GetEvaluatorInfoResponse* response) override {
    response->add_supports(v1::QUESTION_KIND_COALITION);
    response->set_deterministic(options_.deterministic);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  grpc::Status Answer(const v1::EvaluateRequest& request, v1::EvaluateResponse* response) const {
    absl::StatusOr<v1::Answers> answers = answer_(request);
    if (!answers.ok()) {
      return grpc::Status(static_cast<grpc::StatusCode>(answers.status().code()),
                          std::string(answers.status().message()));
    }
    response->set_evaluation_id(request.evaluation_id());
    *response->mutable_answers() = *std::move(answers);
    return grpc::Status::OK;
  }

  const EvaluatorServerOptions options_;
  const AnswerFn answer_;
};

}  // namespace

absl::Status ServeEvaluator(const EvaluatorServerOptions& options, AnswerFn answer) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Evaluator evaluator(options, std::move(answer));
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&evaluator);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", options.listen));
  }
  std::cout << "listening on " << port << std::endl;
  int received = 0;
  sigwait(&signals, &received);
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  return absl::OkStatus();
}

}  // namespace assay::examples
