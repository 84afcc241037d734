// Tenants: each caller's part of the server, for as long as it has a call open.
#ifndef ASSAY_SERVER_SESSION_TENANTS_H_
#define ASSAY_SERVER_SESSION_TENANTS_H_

#include <atomic>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "server/base/mutex.h"
#include "server/session/admission.h"
#include "server/session/trace_context.h"

namespace assay::service {

// What one caller has in flight.
struct CallerShare {
  CallerShare(const Load& max, Admission* server) : admission(max, server) {}
  Admission admission;
  std::atomic<int> streams = 0;
};

// Thread safe.
class Callers {
 public:
  // `max_each`: what one caller may have in flight. `server` outlives all shares.
  Callers(const Load& max_each, Admission* server) : max_each_(max_each), server_(server) {}

  // The share of a caller, which is the same for all of its calls that are open at once; never
  // null.
  std::shared_ptr<CallerShare> Share(const std::string& caller);

  // How many callers are remembered, including those that have no call any more.
  size_t known() {
    MutexLock lock(&mutex_);
    return shares_.size();
  }

 private:
  const Load max_each_;
  Admission* const server_;
  Mutex mutex_;
  std::map<std::string, std::weak_ptr<CallerShare>> shares_ ABSL_GUARDED_BY(mutex_);
  size_t sweep_at_ ABSL_GUARDED_BY(mutex_) = 64;
};

// What a call brings beside its messages.
struct CallContext {
  std::shared_ptr<CallerShare> share;
  TraceContext trace;
};
// `caller` as CallGate names it; where that is empty it is known by the network (NetworkOf)
// of `peer`, its address and port, alone.
CallContext MakeCallContext(Callers* callers, const std::string& caller, absl::string_view peer,
                            absl::string_view traceparent);

}  // namespace assay::service

#endif  // ASSAY_SERVER_SESSION_TENANTS_H_
