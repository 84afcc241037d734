// A scripted client of one stream, and the transport between it and the server's StreamCall.
#ifndef ASSAY_TESTS_SIMULATION_CLIENT_H_
#define ASSAY_TESTS_SIMULATION_CLIENT_H_

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/calls/stream_call.h"
#include "tests/simulation/episodes.h"
#include "tests/simulation/virtual_executor.h"

namespace assay::simulation {

// Faults of the server that the transport plays, to prove that the checks would see them.
enum class Bug {
  kNone,
  kLostResult,
  kDoubleResult,
  kWrongConservation,
  kCreditDeadlock,  // a write that never completes: its credit never comes back
  kDrainRace,       // what is in flight when the drain begins is forgotten
  kLostGroup,
  kWrongTeam,  // a recombined value, and nothing else, is another than its teams are worth
  kLateGroup,  // a group does without its teams although they were answered
};

struct Behaviour {
  bool faulty_answers = false;   // late, twice, out of order, NaN, too few, errors, none
  bool floods = false;           // ignores the credits
  int stops_reading_after = -1;  // responses; -1: never
  bool half_closes_early = false;
  bool violates = false;  // breaks the protocol somewhere
  absl::Duration disconnects_after = absl::InfiniteDuration();
};

class Client final : public service::StreamTransport {
 public:
  Client(VirtualExecutor* executor, Random random, Behaviour behaviour,
         std::shared_ptr<service::StreamCall> call, Bug bug);

  // Everything that is to be sent, in order; starts sending.
  void Run(v1::AttributionOptions options, std::vector<v1::Episode> episodes);
  // The server begins to drain.
  void OnDrainBegins() { drained_ = true; }

  // What came of it.
  bool ended() const { return ended_; }
  const absl::Status& status() const { return status_; }
  const std::vector<v1::StreamSignalsResponse>& received() const { return received_; }
  const std::map<std::string, int>& delivered() const { return delivered_; }
  bool ready() const { return credits_ > 0; }
  const std::string& violation() const { return violation_; }

  // StreamTransport
  void Write(const v1::StreamSignalsResponse* response, bool more) override;
  void Finish(const absl::Status& status) override;
  void Abort() override;

 private:
  void SendMore();
  void Uplink(v1::StreamSignalsRequest request);
  void DeliverOne();
  void Receive(const v1::StreamSignalsResponse& response);
  void AnswerQuestions(const v1::EvaluateRequest& request);
  // A group whose episodes are all answered, which may still be asked about.
  bool OwesGroup() const;
  void Disconnect();
  void End();
  bool Plays(Bug bug, const v1::StreamSignalsResponse& response);
  absl::Duration Latency() { return absl::Milliseconds(Below(random_, 20)); }

  VirtualExecutor* const executor_;
  Random random_;
  const Behaviour behaviour_;
  const std::shared_ptr<service::StreamCall> call_;
  const Bug bug_;

  std::deque<v1::Episode> to_send_;
  std::deque<std::optional<v1::StreamSignalsRequest>> uplink_;  // nullopt: half-close
  absl::Time uplink_free_at_;
  bool half_closed_ = false;
  int credits_ = 0;
  int unanswered_ = 0;

  bool writing_ = false;
  bool bug_played_ = false;
  bool drained_ = false;
  std::optional<absl::Status> finishing_;
  bool disconnected_ = false;
  bool ended_ = false;
  absl::Status status_;
  std::vector<v1::StreamSignalsResponse> received_;
  std::map<std::string, int> delivered_;  // by id: how often the server read it
  struct Members {
    int size = 0;
    int answered = 0;
    bool closed = false;
  };
  std::map<std::string, Members> groups_;
  std::string violation_;
};

}  // namespace assay::simulation

#endif  // ASSAY_TESTS_SIMULATION_CLIENT_H_
