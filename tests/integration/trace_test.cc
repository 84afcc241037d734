// A caller's trace goes on to those whom we ask.
#include <gtest/gtest.h>

#include <mutex>

#include "absl/strings/str_cat.h"
#include "assay/v1/evaluator_service.grpc.pb.h"
#include "server/evaluation/remote/remote.h"
#include "tests/integration/harness.h"

namespace assay::testing {
namespace {

constexpr char kTrace[] = "0af7651916cd43dd8448eb211c80319c";
constexpr char kSpan[] = "b7ad6b7169203331";

// Answers 0 and remembers the traceparent of each call.
class TracedEvaluator final : public v1::EvaluatorService::Service {
 public:
  TracedEvaluator() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~TracedEvaluator() override { server_->Shutdown(); }

  int port() const { return port_; }
  std::vector<std::string> headers() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return headers_;
  }

  grpc::Status Evaluate(grpc::ServerContext* context, const v1::EvaluateRequest* request,
                        v1::EvaluateResponse* response) override {
    const auto header = context->client_metadata().find("traceparent");
    const std::lock_guard<std::mutex> lock(mutex_);
    headers_.push_back(header == context->client_metadata().end()
                           ? ""
                           : std::string(header->second.data(), header->second.size()));
    response->set_evaluation_id(request->evaluation_id());
    for (int i = 0; i < request->questions_size(); ++i) {
      response->mutable_answers()->add_answers()->set_mean(0);
    }
    return grpc::Status::OK;
  }

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::mutex mutex_;
  std::vector<std::string> headers_;
};

TEST(Trace, GoesOnToRemoteEvaluatorsUnderASpanOfOurOwn) {
  TracedEvaluator evaluator;
  runtime::Config config = LocalConfig();
  evaluation::RemoteOptions remote;
  remote.name = "traced";
  remote.endpoints = {absl::StrCat("127.0.0.1:", evaluator.port())};
  remote.traits.emplace().supports = Bit(signals::QuestionKind::kCoalition);
  ASSERT_TRUE(config.evaluators.Add(evaluation::NamedRemote(remote)).ok());
  TestServer server(config);
  auto stub = server.Stub();
  v1::ComputeSignalsRequest request;
  request.mutable_options()->mutable_named()->set_name("traced");
  for (const std::string& traceparent :
       {absl::StrCat("00-", kTrace, "-", kSpan, "-01"), std::string("nonsense")}) {
    *request.add_episodes() = Debate(absl::StrCat("e", request.episodes_size()), 3, 1);
    grpc::ClientContext context;
    context.AddMetadata("traceparent", traceparent);
    v1::ComputeSignalsResponse response;
    ASSERT_TRUE(stub->ComputeSignals(&context, request, &response).ok());
    EXPECT_TRUE(response.results(0).has_signals()) << response.results(0).error().message();
    request.clear_episodes();
    request.mutable_options()->set_seed(7);  // asked afresh
  }
  const std::vector<std::string> headers = evaluator.headers();
  ASSERT_GE(headers.size(), 2u);
  EXPECT_EQ(headers.front().substr(0, 36), absl::StrCat("00-", kTrace, "-"));
  EXPECT_NE(headers.front().substr(36, 16), kSpan);
  EXPECT_EQ(headers.front().substr(52), "-01");
  EXPECT_EQ(headers.back(), "");
}

}  // namespace
}  // namespace assay::testing
