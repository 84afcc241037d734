// Hears what happens to the calls of the service.
#ifndef ASSAY_SERVER_CALLS_CALL_OBSERVER_H_
#define ASSAY_SERVER_CALLS_CALL_OBSERVER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/observers.h"

namespace assay::service {

// Telemetry implements it with the metric names of go-grpc-middleware. Thread safe; must not block.
class CallObserver {
 public:
  enum class Type : uint8_t { kUnary, kBidiStream };
  virtual ~CallObserver() = default;
  virtual void OnCallStarted(Type /*type*/, absl::string_view /*method*/) {}
  virtual void OnMessageReceived(Type /*type*/, absl::string_view /*method*/) {}
  virtual void OnMessageSent(Type /*type*/, absl::string_view /*method*/) {}
  virtual void OnCallHandled(Type /*type*/, absl::string_view /*method*/, absl::StatusCode /*code*/,
                             absl::Duration /*elapsed*/) {}
};

using CallObservers = Observers<CallObserver>;

}  // namespace assay::service

#endif  // ASSAY_SERVER_CALLS_CALL_OBSERVER_H_
