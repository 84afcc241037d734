#include "server/session/tenants.h"

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "server/base/peer.h"

namespace assay::service {
namespace {

uint64_t NewSpan() {
  thread_local std::mt19937_64 random{std::random_device()()};
  return std::max<uint64_t>(1, random());
}

}  // namespace

std::shared_ptr<CallerShare> Callers::Share(const std::string& caller) {
  MutexLock lock(&mutex_);
  std::weak_ptr<CallerShare>& known = shares_[caller];
  std::shared_ptr<CallerShare> share = known.lock();
  if (share == nullptr) known = share = std::make_shared<CallerShare>(max_each_, server_);
  // Callers that are gone are forgotten in time: there are never twice as many as there could be.
  if (shares_.size() > sweep_at_) {
    for (auto it = shares_.begin(); it != shares_.end();) {
      it = it->second.expired() ? shares_.erase(it) : std::next(it);
    }
    sweep_at_ = std::max<size_t>(64, 2 * shares_.size());
  }
  return share;
}

CallContext MakeCallContext(Callers* callers, const std::string& caller, absl::string_view peer,
                            absl::string_view traceparent) {
  const std::string name =
      caller.empty() ? absl::StrCat("network ", NetworkOf(peer)) : absl::StrCat("name ", caller);
  return {callers->Share(name), ContinueTrace(traceparent, NewSpan())};
}

}  // namespace assay::service
