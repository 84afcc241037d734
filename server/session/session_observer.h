// What the service sees happen. Telemetry implements it.
#ifndef ASSAY_SERVER_SESSION_SESSION_OBSERVER_H_
#define ASSAY_SERVER_SESSION_SESSION_OBSERVER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "assay/v1/signal_service.pb.h"
#include "server/base/observers.h"

namespace assay::service {

enum class RejectReason : uint8_t {
  kCredits,
  kServer,
  kStreams,
  kGroups,
  kClientDoesNotRead,
  kCaller
};
inline constexpr int kRejectReasons = 6;
absl::string_view RejectReasonLabel(RejectReason reason);

// The call that an episode came with.
struct Origin {
  uint64_t stream = 0;         // 0: a unary call
  absl::string_view trace_id;  // empty: none was sent
};

// One stream, when it has ended.
struct StreamSummary {
  uint64_t stream = 0;
  std::string peer;
  std::string trace_id;  // empty: none was sent
  absl::Status status;
  absl::Duration elapsed;
  int64_t episodes = 0;
  int64_t answered = 0;  // with signals
  int64_t failed = 0;    // with an error
  int64_t groups = 0;
  int64_t questions = 0;
};

// Thread safe; must not block.
class SessionObserver {
 public:
  virtual ~SessionObserver() = default;
  virtual void OnEpisode(const v1::EpisodeResult& /*result*/, double /*value_range*/,
                         absl::Duration /*elapsed*/, const Origin& /*origin*/) {}
  virtual void OnRejected(RejectReason /*reason*/) {}
  virtual void OnStreamOpen() {}
  virtual void OnStreamClosed(const StreamSummary& /*summary*/) {}
};

using SessionObservers = Observers<SessionObserver>;

}  // namespace assay::service

#endif  // ASSAY_SERVER_SESSION_SESSION_OBSERVER_H_
