// The metrics of the service, in one Prometheus registry. Every family and every label value that
// is known beforehand exists from the start, so that a rate never misses its first increment.
#ifndef ASSAY_SERVER_TELEMETRY_METRICS_H_
#define ASSAY_SERVER_TELEMETRY_METRICS_H_

#include <memory>
#include <string>
#include <vector>

#include "server/calls/call_observer.h"
#include "server/engine/engine.h"
#include "server/session/session_observer.h"

namespace prometheus {
class Registry;
}

namespace assay::telemetry {

struct MetricsConfig {
  int workers = 1;
  std::vector<std::string> evaluators;  // configured names, beside vote, given, caller and outcome
  std::string version;
  std::string revision;
};

// Thread safe. The handles of all label values are made at the start, and a count finds its handle
// by one search in a small map. No label carries an agent, episode, task or peer.
class Metrics final : public engine::EngineObserver,
                      public service::SessionObserver,
                      public service::CallObserver {
 public:
  explicit Metrics(const MetricsConfig& config);
  ~Metrics() override;

  const std::shared_ptr<prometheus::Registry>& registry() const;

  void OnQuestionsAsked(absl::string_view evaluator, int64_t count) override;
  void OnQuestionsDone(absl::string_view evaluator, absl::string_view outcome, int64_t count,
                       absl::Duration elapsed) override;
  void OnQuestionsCached(absl::string_view evaluator, int64_t count) override;
  void OnQuestionsRetried(absl::string_view evaluator, int64_t count) override;
  void OnAnswersDropped(absl::string_view evaluator, int64_t count) override;
  void OnEpisodeQueued(absl::Duration waited) override;
  void OnWorkerBusy(int delta) override;

  void OnEpisode(const v1::EpisodeResult& result, double value_range, absl::Duration elapsed,
                 const service::Origin& origin) override;
  void OnRejected(service::RejectReason reason) override;
  void OnStreamOpen() override;
  void OnStreamClosed(const service::StreamSummary& summary) override;

  void OnCallStarted(Type type, absl::string_view method) override;
  void OnMessageReceived(Type type, absl::string_view method) override;
  void OnMessageSent(Type type, absl::string_view method) override;
  void OnCallHandled(Type type, absl::string_view method, absl::StatusCode code,
                     absl::Duration elapsed) override;

 private:
  struct Handles;
  const std::unique_ptr<Handles> handles_;
};

}  // namespace assay::telemetry

#endif  // ASSAY_SERVER_TELEMETRY_METRICS_H_
