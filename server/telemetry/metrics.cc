#include "server/telemetry/metrics.h"

#include <cmath>
#include <map>

#include "absl/strings/string_view.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "server/wire/errors.h"

namespace assay::telemetry {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;

Buckets LatencyBuckets() {
  return {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
          0.25,   0.5,     1,      2.5,   5,      10,    30,   60,    300,  600};
}

Buckets ErrorBuckets() {
  return {0, 1e-17, 1e-16, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-6, 1e-3};
}

Buckets GapBuckets() { return {0, 1e-12, 1e-9, 1e-6, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1}; }

constexpr absl::StatusCode kCodes[] = {
    absl::StatusCode::kOk,
    absl::StatusCode::kCancelled,
    absl::StatusCode::kUnknown,
    absl::StatusCode::kInvalidArgument,
    absl::StatusCode::kDeadlineExceeded,
    absl::StatusCode::kNotFound,
    absl::StatusCode::kAlreadyExists,
    absl::StatusCode::kPermissionDenied,
    absl::StatusCode::kResourceExhausted,
    absl::StatusCode::kFailedPrecondition,
    absl::StatusCode::kAborted,
    absl::StatusCode::kOutOfRange,
    absl::StatusCode::kUnimplemented,
    absl::StatusCode::kInternal,
    absl::StatusCode::kUnavailable,
    absl::StatusCode::kDataLoss,
    absl::StatusCode::kUnauthenticated,
};

// The names of go-grpc-middleware: OK, InvalidArgument, ...
std::string GoCodeName(absl::StatusCode code) {
  if (code == absl::StatusCode::kOk) return "OK";
  if (code == absl::StatusCode::kCancelled) return "Canceled";
  std::string name;
  bool upper = true;
  for (const char c : service::CodeLabel(code)) {
    if (c == '_') {
      upper = true;
    } else {
      name += upper ? static_cast<char>(c - 'a' + 'A') : c;
      upper = false;
    }
  }
  return name;
}

constexpr absl::string_view kQuestionOutcomes[] = {"answered", "failed",  "cancelled", "timeout",
                                                   "cached",   "retried", "dropped"};
constexpr absl::string_view kTiers[] = {"unspecified", "none",     "text",
                                        "scores",      "rollouts", "annotation"};
constexpr absl::string_view kPriors[] = {"unspecified", "flat",   "credit",
                                         "stated",      "fitted", "general"};
constexpr char kService[] = "assay.v1.SignalService";

struct Method {
  service::CallObserver::Type type;
  absl::string_view name;
};
constexpr Method kMethods[] = {
    {service::CallObserver::Type::kBidiStream, "StreamSignals"},
    {service::CallObserver::Type::kUnary, "ComputeSignals"},
    {service::CallObserver::Type::kUnary, "ComputeAdvantages"},
    {service::CallObserver::Type::kUnary, "GetServerInfo"},
};

struct MethodHandles {
  prometheus::Counter* started;
  prometheus::Counter* received;
  prometheus::Counter* sent;
  prometheus::Histogram* seconds;
  std::map<absl::StatusCode, prometheus::Counter*> handled;
};

struct EvaluatorHandles {
  std::map<std::string, prometheus::Counter*, std::less<>> outcomes;
  prometheus::Histogram* seconds;
};

template <class Map>
auto* Find(const Map& map, const auto& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

struct Metrics::Handles {
  explicit Handles(const MetricsConfig& config);
  void AddMethods();
  void AddQuestions(const std::vector<std::string>& configured);

  prometheus::Counter* Counter(const char* name, const char* help) {
    return &prometheus::BuildCounter().Name(name).Help(help).Register(*registry).Add({});
  }
  prometheus::Gauge* Gauge(const char* name, const char* help) {
    return &prometheus::BuildGauge().Name(name).Help(help).Register(*registry).Add({});
  }
  prometheus::Histogram* Histogram(const char* name, const char* help, const Buckets& buckets) {
    return &prometheus::BuildHistogram().Name(name).Help(help).Register(*registry).Add({}, buckets);
  }
  void Question(absl::string_view evaluator, absl::string_view outcome, int64_t count) {
    const EvaluatorHandles* handles = Find(evaluators, evaluator);
    if (handles == nullptr) return;
    if (auto* counter = Find(handles->outcomes, outcome)) {
      (*counter)->Increment(static_cast<double>(count));
    }
  }

  const std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  std::map<absl::StatusCode, prometheus::Counter*> episodes;
  prometheus::Counter* partial_episodes;
  prometheus::Histogram* episode_seconds;
  prometheus::Histogram* queue_seconds;
  prometheus::Histogram* conservation_error;
  prometheus::Histogram* estimator_gap;
  std::map<std::string, EvaluatorHandles, std::less<>> evaluators;
  prometheus::Gauge* questions_outstanding;
  std::vector<prometheus::Counter*> first_errors;  // by EvidenceTier
  std::vector<prometheus::Counter*> priors;        // by PriorUsed
  prometheus::Counter* mismatches;
  prometheus::Counter* unreadable_answers;
  std::vector<prometheus::Counter*> rejected;  // by RejectReason
  prometheus::Gauge* workers_busy;
  prometheus::Gauge* streams;
  std::map<std::string, MethodHandles, std::less<>> methods;
};

Metrics::Handles::Handles(const MetricsConfig& config) {
  auto& answered = prometheus::BuildCounter()
                       .Name("assay_episodes_total")
                       .Help("Episodes answered, by outcome: ok, partial, or the error's code.")
                       .Register(*registry);
  for (const absl::StatusCode code : kCodes) {
    episodes[code] = &answered.Add({{"outcome", std::string(service::CodeLabel(code))}});
  }
  partial_episodes = &answered.Add({{"outcome", "partial"}});
  episode_seconds = Histogram("assay_episode_seconds", "From reading an episode to its result.",
                              LatencyBuckets());
  queue_seconds = Histogram("assay_episode_queue_seconds",
                            "From starting an episode to the first work on it.", LatencyBuckets());
  conservation_error =
      Histogram("assay_conservation_error",
                "Measured conservation error of an episode's ledger, relative to the value range.",
                ErrorBuckets());
  estimator_gap = Histogram("assay_estimator_gap",
                            "Raw efficiency gap of the estimator before it was returned to the "
                            "agents, absolute, relative to the value range.",
                            GapBuckets());
  AddQuestions(config.evaluators);
  auto& errors = prometheus::BuildCounter()
                     .Name("assay_first_errors_total")
                     .Help("First errors claimed, by the strongest evidence behind them.")
                     .Register(*registry);
  for (const absl::string_view tier : kTiers) {
    first_errors.push_back(&errors.Add({{"tier", std::string(tier)}}));
  }
  auto& used = prometheus::BuildCounter()
                   .Name("assay_failure_priors_total")
                   .Help(
                       "Failed episodes, by the prior of their first error: flat where none was "
                       "asked for or the episode is foreign to all of them.")
                   .Register(*registry);
  for (const absl::string_view prior : kPriors) {
    priors.push_back(&used.Add({{"prior", std::string(prior)}}));
  }
  mismatches = Counter("assay_outcome_mismatch_total",
                       "Episodes whose score is not what the evaluator gives the whole team.");
  unreadable_answers =
      Counter("assay_unreadable_answers_total", "Answers of votes that the grader could not read.");
  auto& rejections = prometheus::BuildCounter()
                         .Name("assay_admission_rejected_total")
                         .Help("Streams, episodes and groups turned away, by reason.")
                         .Register(*registry);
  for (int r = 0; r < service::kRejectReasons; ++r) {
    const auto label = service::RejectReasonLabel(static_cast<service::RejectReason>(r));
    rejected.push_back(&rejections.Add({{"reason", std::string(label)}}));
  }
  Gauge("assay_workers", "Worker threads.")->Set(config.workers);
  workers_busy = Gauge("assay_workers_busy", "Worker threads that are working.");
  streams = Gauge("assay_streams", "Open streams.");
  prometheus::BuildGauge()
      .Name("assay_build_info")
      .Help("Always 1; the labels say what is running.")
      .Register(*registry)
      .Add({{"version", config.version}, {"revision", config.revision}})
      .Set(1);
  AddMethods();
}

void Metrics::Handles::AddQuestions(const std::vector<std::string>& configured) {
  auto& questions = prometheus::BuildCounter()
                        .Name("assay_questions_total")
                        .Help("Counterfactual questions, by who was asked and what became of them.")
                        .Register(*registry);
  auto& seconds = prometheus::BuildHistogram()
                      .Name("assay_question_seconds")
                      .Help("From asking a batch of questions to its answers.")
                      .Register(*registry);
  std::vector<std::string> names = {"vote", "given", "caller", "outcome"};
  names.insert(names.end(), configured.begin(), configured.end());
  for (const std::string& name : names) {
    EvaluatorHandles& handles = evaluators[name];
    for (const absl::string_view outcome : kQuestionOutcomes) {
      handles.outcomes[std::string(outcome)] =
          &questions.Add({{"evaluator", name}, {"outcome", std::string(outcome)}});
    }
    handles.seconds = &seconds.Add({{"evaluator", name}}, LatencyBuckets());
  }
  questions_outstanding =
      Gauge("assay_questions_outstanding", "Questions asked and not answered yet.");
}

void Metrics::Handles::AddMethods() {
  const auto counter = [this](const char* name, const char* help) {
    return &prometheus::BuildCounter().Name(name).Help(help).Register(*registry);
  };
  auto* started = counter("grpc_server_started_total", "RPCs started on the server.");
  auto* handled = counter("grpc_server_handled_total",
                          "RPCs completed on the server, by code, whatever the result.");
  auto* received = counter("grpc_server_msg_received_total", "Messages received by the server.");
  auto* sent = counter("grpc_server_msg_sent_total", "Messages sent by the server.");
  auto& seconds = prometheus::BuildHistogram()
                      .Name("grpc_server_handling_seconds")
                      .Help("Time the server took to handle an RPC.")
                      .Register(*registry);
  for (const Method& method : kMethods) {
    const bool unary = method.type == service::CallObserver::Type::kUnary;
    const prometheus::Labels labels = {{"grpc_type", unary ? "unary" : "bidi_stream"},
                                       {"grpc_service", kService},
                                       {"grpc_method", std::string(method.name)}};
    MethodHandles& handles = methods[std::string(method.name)];
    handles.started = &started->Add(labels);
    handles.received = &received->Add(labels);
    handles.sent = &sent->Add(labels);
    handles.seconds = &seconds.Add(labels, LatencyBuckets());
    for (const absl::StatusCode code : kCodes) {
      prometheus::Labels with_code = labels;
      with_code["grpc_code"] = GoCodeName(code);
      handles.handled[code] = &handled->Add(with_code);
    }
  }
}

Metrics::Metrics(const MetricsConfig& config) : handles_(std::make_unique<Handles>(config)) {}
Metrics::~Metrics() = default;

const std::shared_ptr<prometheus::Registry>& Metrics::registry() const {
  return handles_->registry;
}

void Metrics::OnQuestionsAsked(absl::string_view /*evaluator*/, int64_t count) {
  handles_->questions_outstanding->Increment(static_cast<double>(count));
}

void Metrics::OnQuestionsDone(absl::string_view evaluator, absl::string_view outcome, int64_t count,
                              absl::Duration elapsed) {
  handles_->questions_outstanding->Decrement(static_cast<double>(count));
  handles_->Question(evaluator, outcome, count);
  if (const EvaluatorHandles* handles = Find(handles_->evaluators, evaluator)) {
    handles->seconds->Observe(absl::ToDoubleSeconds(elapsed));
  }
}

void Metrics::OnQuestionsCached(absl::string_view evaluator, int64_t count) {
  handles_->Question(evaluator, "cached", count);
}
void Metrics::OnQuestionsRetried(absl::string_view evaluator, int64_t count) {
  handles_->Question(evaluator, "retried", count);
}
void Metrics::OnAnswersDropped(absl::string_view evaluator, int64_t count) {
  handles_->Question(evaluator, "dropped", count);
}

void Metrics::OnEpisodeQueued(absl::Duration waited) {
  handles_->queue_seconds->Observe(absl::ToDoubleSeconds(waited));
}

void Metrics::OnWorkerBusy(int delta) { handles_->workers_busy->Increment(delta); }

void Metrics::OnEpisode(const v1::EpisodeResult& result, double value_range, absl::Duration elapsed,
                        const service::Origin& /*origin*/) {
  handles_->episode_seconds->Observe(absl::ToDoubleSeconds(elapsed));
  if (!result.has_signals()) {
    const auto code = static_cast<absl::StatusCode>(result.error().code());
    if (auto* counter = Find(handles_->episodes, code)) (*counter)->Increment();
    return;
  }
  const v1::EpisodeSignals& signals = result.signals();
  (signals.partial() ? handles_->partial_episodes : handles_->episodes.at(absl::StatusCode::kOk))
      ->Increment();
  handles_->conservation_error->Observe(signals.conservation().error() / value_range);
  handles_->estimator_gap->Observe(std::abs(signals.conservation().estimator_gap()) / value_range);
  if (signals.outcome_mismatch()) handles_->mismatches->Increment();
  handles_->unreadable_answers->Increment(signals.effort().unreadable_answers());
  const auto prior = static_cast<size_t>(signals.first_error().prior_used());
  if (!signals.success() && prior < handles_->priors.size()) handles_->priors[prior]->Increment();
  if (signals.first_error().has_first_index()) {
    const auto tier = static_cast<size_t>(signals.first_error().tier());
    if (tier < handles_->first_errors.size()) handles_->first_errors[tier]->Increment();
  }
}

void Metrics::OnRejected(service::RejectReason reason) {
  handles_->rejected[static_cast<size_t>(reason)]->Increment();
}
void Metrics::OnStreamOpen() { handles_->streams->Increment(); }
void Metrics::OnStreamClosed(const service::StreamSummary& /*summary*/) {
  handles_->streams->Decrement();
}

void Metrics::OnCallStarted(Type /*type*/, absl::string_view method) {
  if (auto* m = Find(handles_->methods, method)) m->started->Increment();
}
void Metrics::OnMessageReceived(Type /*type*/, absl::string_view method) {
  if (auto* m = Find(handles_->methods, method)) m->received->Increment();
}
void Metrics::OnMessageSent(Type /*type*/, absl::string_view method) {
  if (auto* m = Find(handles_->methods, method)) m->sent->Increment();
}
void Metrics::OnCallHandled(Type /*type*/, absl::string_view method, absl::StatusCode code,
                            absl::Duration elapsed) {
  auto* m = Find(handles_->methods, method);
  if (m == nullptr) return;
  m->seconds->Observe(absl::ToDoubleSeconds(elapsed));
  if (auto* counter = Find(m->handled, code)) (*counter)->Increment();
}

}  // namespace assay::telemetry
