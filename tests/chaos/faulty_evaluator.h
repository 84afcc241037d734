// An EvaluatorService on a loopback port that knows every answer and fails as told.
#ifndef ASSAY_TESTS_CHAOS_FAULTY_EVALUATOR_H_
#define ASSAY_TESTS_CHAOS_FAULTY_EVALUATOR_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "assay/v1/evaluator_service.grpc.pb.h"
#include "server/engine/asio_executor.h"

namespace assay::chaos {

// What becomes of a call.
struct Fault {
  grpc::StatusCode code = grpc::StatusCode::OK;
  absl::Duration latency;
  bool nan = false;
  bool out_of_range = false;
  bool too_few = false;
  bool wrong_id = false;
};

class FaultyEvaluator final : public v1::EvaluatorService::CallbackService {
 public:
  // v of an episode's agents; the same for every episode.
  using Game = std::function<double(const std::vector<int>& agents)>;
  // `fault(k)` is the fate of the k-th call; called from any thread.
  FaultyEvaluator(Game game, std::function<Fault(int64_t)> fault);
  ~FaultyEvaluator() override;

  // What it says it can answer; nothing: it does not say. Before anybody asks.
  void set_supports(std::vector<v1::QuestionKind> kinds) { supports_ = std::move(kinds); }

  int port() const { return port_; }
  int64_t calls() const { return calls_; }
  int64_t questions() const { return questions_; }
  // Bytes of the episodes that came with the questions.
  int64_t episode_bytes() const { return episode_bytes_; }
  int most_at_once() const { return most_at_once_; }
  // Calls that the client gave up before they were answered.
  int64_t cancelled() const { return cancelled_; }
  // What the last call was told to be done by.
  absl::Time deadline() const { return absl::FromUnixNanos(deadline_); }

  grpc::ServerUnaryReactor* Evaluate(grpc::CallbackServerContext* context,
                                     const v1::EvaluateRequest* request,
                                     v1::EvaluateResponse* response) override;
  grpc::ServerUnaryReactor* GetEvaluatorInfo(grpc::CallbackServerContext* context,
                                             const v1::GetEvaluatorInfoRequest* request,
                                             v1::GetEvaluatorInfoResponse* response) override;

 private:
  class Reply;

  void Answer(const Fault& fault, const v1::EvaluateRequest& request,
              v1::EvaluateResponse* response) const;

  const Game game_;
  const std::function<Fault(int64_t)> fault_;
  std::vector<v1::QuestionKind> supports_ = {v1::QUESTION_KIND_COALITION};
  std::atomic<int64_t> calls_{0};
  std::atomic<int64_t> questions_{0};
  std::atomic<int64_t> episode_bytes_{0};
  std::atomic<int64_t> cancelled_{0};
  std::atomic<int64_t> deadline_{0};  // nanoseconds since 1970
  std::atomic<int> at_once_{0};
  std::atomic<int> most_at_once_{0};
  engine::AsioExecutor timers_{1, nullptr};
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace assay::chaos

#endif  // ASSAY_TESTS_CHAOS_FAULTY_EVALUATOR_H_
