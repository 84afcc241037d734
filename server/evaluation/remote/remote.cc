#include "server/evaluation/remote/remote.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "assay/v1/evaluator_service.grpc.pb.h"
#include "server/base/read_file.h"
#include "server/base/safe_text.h"
#include "server/base/status_macros.h"
#include "server/wire/questions/questions.h"

namespace assay::evaluation {
namespace {

// Above the 32 MiB of an episode: the request holds one.
constexpr int kMaxMessageBytes = 64 << 20;

using Stub = v1::EvaluatorService::Stub;

absl::Status ToAbsl(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      SafeText(status.error_message()));
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> Credentials(
    const std::optional<RemoteTls>& tls) {
  if (!tls.has_value()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions ssl;
  const std::pair<const std::string*, std::string*> files[] = {
      {&tls->ca_file, &ssl.pem_root_certs},
      {&tls->cert_file, &ssl.pem_cert_chain},
      {&tls->key_file, &ssl.pem_private_key}};
  for (const auto& [path, content] : files) {
    if (path->empty()) continue;
    ASSAY_ASSIGN_OR_RETURN(*content, ReadFile(*path));
    if (content->empty()) return absl::InvalidArgumentError(absl::StrCat(*path, " is empty"));
  }
  return grpc::SslCredentials(ssl);
}

grpc::ChannelArguments Arguments(const RemoteOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  // A host name may stand for several addresses.
  arguments.SetLoadBalancingPolicyName("round_robin");
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 10'000);  // in truth: time to connect
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5000);
  // Retries are ours: gRPC's own would not be counted.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  if (options.tls.has_value() && !options.tls->server_name.empty()) {
    arguments.SetSslTargetNameOverride(options.tls->server_name);
  }
  return arguments;
}

signals::QuestionKind ToKind(int kind) {
  switch (kind) {
    case v1::QUESTION_KIND_MESSAGES:
      return signals::QuestionKind::kMessages;
    case v1::QUESTION_KIND_PREFIX:
      return signals::QuestionKind::kPrefix;
    case v1::QUESTION_KIND_CORRECTION:
      return signals::QuestionKind::kCorrection;
    case v1::QUESTION_KIND_MESSAGE_SCORES:
      return signals::QuestionKind::kMessageScores;
    case v1::QUESTION_KIND_TEAM:
      return signals::QuestionKind::kTeam;
    default:
      return signals::QuestionKind::kCoalition;
  }
}

struct Endpoint {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<Stub> stub;
};

using Endpoints = std::vector<Endpoint>;

signals::EvaluatorTraits AskTraits(const Endpoints& endpoints, absl::Duration timeout) {
  signals::EvaluatorTraits traits;
  traits.kind = signals::EvaluatorKind::kNamed;
  traits.supports = Bit(signals::QuestionKind::kCoalition);
  traits.free = false;
  traits.deterministic = false;
  const auto deadline = std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout);
  for (const Endpoint& endpoint : endpoints) {
    grpc::ClientContext context;
    context.set_deadline(deadline);
    v1::GetEvaluatorInfoResponse info;
    if (!endpoint.stub->GetEvaluatorInfo(&context, {}, &info).ok()) continue;
    if (info.supports_size() > 0) traits.supports = 0;
    for (const int kind : info.supports()) traits.supports |= Bit(ToKind(kind));
    traits.free = info.free();
    traits.deterministic = info.deterministic();
    break;
  }
  return traits;
}

// True on a thread of gRPC while it tells the end of a call.
thread_local bool on_callback_thread = false;

// The last channel to go takes gRPC's callback threads with it, and waits for them: on one of them
// it would wait for itself.
std::shared_ptr<const Endpoints> Share(Endpoints endpoints) {
  return std::shared_ptr<const Endpoints>(new Endpoints(std::move(endpoints)),
                                          [](const Endpoints* last) {
                                            std::unique_ptr<const Endpoints> owner(last);
                                            if (on_callback_thread)
                                              std::thread([owner = std::move(owner)] {}).detach();
                                          });
}

// One call on its way. The episodes belong to the context: they are lent to the request, not
// copied.
struct Call {
  ~Call() {
    if (lent) request.unsafe_arena_release_episode();
    while (request.group_episodes_size() > 0) {
      request.mutable_group_episodes()->UnsafeArenaReleaseLast();
    }
  }
  Batch batch;
  BatchDone done;
  std::shared_ptr<const Endpoints> endpoints;
  grpc::ClientContext context;
  v1::EvaluateRequest request;
  v1::EvaluateResponse response;
  bool lent = false;
};

class RemoteEvaluator final : public Evaluator {
 public:
  RemoteEvaluator(std::string name, const signals::EvaluatorTraits& traits, Endpoints endpoints,
                  Timers* timers)
      : name_(std::move(name)),
        traits_(traits),
        endpoints_(Share(std::move(endpoints))),
        timers_(timers) {}

  absl::string_view name() const override { return name_; }
  const signals::EvaluatorTraits& traits() const override { return traits_; }

  CancelFn Evaluate(Batch batch, BatchDone done) override {
    auto call = std::make_shared<Call>();
    const uint64_t number = calls_.fetch_add(1, std::memory_order_relaxed);
    const absl::Time now = timers_->Now();
    BatchToWire(batch, now, &call->request);
    call->request.set_evaluation_id(absl::StrCat(number));
    const std::string& traceparent = batch.context->traceparent;
    if (!traceparent.empty()) call->context.AddMetadata("traceparent", traceparent);
    if (batch.context->message != nullptr) {
      call->request.unsafe_arena_set_allocated_episode(
          const_cast<v1::Episode*>(batch.context->message));
      call->lent = true;
    }
    for (const int member : NamedMembers(batch)) {
      call->request.mutable_group_episodes()->UnsafeArenaAddAllocated(
          const_cast<v1::Episode*>(batch.context->members[member]->message));
    }
    if (batch.deadline != absl::InfiniteFuture()) {
      call->context.set_deadline(std::chrono::system_clock::now() +
                                 absl::ToChronoNanoseconds(batch.deadline - now));
    }
    call->batch = std::move(batch);
    call->done = std::move(done);
    call->endpoints = endpoints_;
    Pick(number).stub->async()->Evaluate(
        &call->context, &call->request, &call->response,
        [call](const grpc::Status& status) mutable { Finish(std::move(call), status); });
    return [call] { call->context.TryCancel(); };
  }

 private:
  static void Finish(std::shared_ptr<Call> call, const grpc::Status& status) {
    on_callback_thread = true;
    BatchDone done = std::move(call->done);
    if (!status.ok()) {
      done(ToAbsl(status));
    } else if (call->response.evaluation_id() != call->request.evaluation_id()) {
      done(absl::InternalError("evaluation_id: not that of the request"));
    } else if (call->response.outcome_case() == v1::EvaluateResponse::OUTCOME_NOT_SET) {
      done(absl::InternalError("outcome: neither answers nor an error"));
    } else {
      done(AnswersFromWire(call->response));
    }
    done = nullptr;
    call.reset();
    on_callback_thread = false;
  }

  const Endpoint& Pick(uint64_t number) const {
    const Endpoints& all = *endpoints_;
    for (size_t i = 0; i < all.size(); ++i) {
      const Endpoint& endpoint = all[(number + i) % all.size()];
      if (endpoint.channel->GetState(/*try_to_connect=*/true) != GRPC_CHANNEL_TRANSIENT_FAILURE) {
        return endpoint;
      }
    }
    return all[number % all.size()];
  }

  const std::string name_;
  const signals::EvaluatorTraits traits_;
  const std::shared_ptr<const Endpoints> endpoints_;
  Timers* const timers_;
  std::atomic<uint64_t> calls_{0};
};

}  // namespace

absl::StatusOr<std::shared_ptr<Evaluator>> MakeRemote(const RemoteOptions& options, Timers* timers,
                                                      QuestionObservers observers) {
  const std::string where = absl::StrCat("evaluator \"", options.name, "\": ");
  if (options.endpoints.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(where, "no endpoints"));
  }
  const auto credentials = Credentials(options.tls);
  if (!credentials.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(where, credentials.status().message()));
  }
  Endpoints endpoints;
  for (const std::string& address : options.endpoints) {
    Endpoint endpoint;
    endpoint.channel = grpc::CreateCustomChannel(address, *credentials, Arguments(options));
    endpoint.stub = v1::EvaluatorService::NewStub(endpoint.channel);
    endpoints.push_back(std::move(endpoint));
  }
  signals::EvaluatorTraits traits =
      options.traits.has_value() ? *options.traits : AskTraits(endpoints, options.info_timeout);
  traits.kind = signals::EvaluatorKind::kNamed;
  auto remote =
      std::make_shared<RemoteEvaluator>(options.name, traits, std::move(endpoints), timers);
  return WithPolicy(std::move(remote), options.policy, timers, observers);
}

NamedEvaluator NamedRemote(const RemoteOptions& options) {
  return {options.name, options.policy.cache_bytes,
          [options](Timers* timers, QuestionObservers observers) {
            return MakeRemote(options, timers, std::move(observers));
          }};
}

}  // namespace assay::evaluation
