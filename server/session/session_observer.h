// What happens to episodes and streams, as telemetry hears it.
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

// Why an episode or a stream was turned away.
enum class RejectReason : uint8_t {
  kCredits,            // the stream had no credit left
  kServer,             // the server had as much in flight as it takes
  kStreams,            // the server, or the caller, had as many streams as it may have
  kGroups,             // the stream had too many open groups, or too much to keep for them
  kClientDoesNotRead,  // rejections were left unread
  kCaller              // the caller had as much in flight as it may have
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

// Hears what happens to episodes and streams; telemetry implements it. It must be thread safe and
// must not block.
class SessionObserver {
 public:
  virtual ~SessionObserver() = default;
  // An episode has its result. `elapsed` is the time since it was read, `value_range` the size of
  // the range.
  virtual void OnEpisode(const v1::EpisodeResult& /*result*/, double /*value_range*/,
                         absl::Duration /*elapsed*/, const Origin& /*origin*/) {}
  // An episode or a stream was turned away. An episode or a stream was turned away.
  virtual void OnRejected(RejectReason /*reason*/) {}
  virtual void OnStreamOpen() {}
  virtual void OnStreamClosed(const StreamSummary& /*summary*/) {}
};

using SessionObservers = Observers<SessionObserver>;

}  // namespace assay::service

#endif  // ASSAY_SERVER_SESSION_SESSION_OBSERVER_H_
