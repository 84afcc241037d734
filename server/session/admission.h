// Counts what is in flight in the whole server and for each tenant, over all streams and calls, and
// refuses what would go beyond the limits.
#ifndef ASSAY_SERVER_SESSION_ADMISSION_H_
#define ASSAY_SERVER_SESSION_ADMISSION_H_

#include <atomic>
#include <cstdint>

namespace assay::service {

// What somebody has in flight.
struct Load {
  int64_t episodes = 0;
  int64_t bytes = 0;
};

// Thread safe. Whoever entered must leave with the same load.
class Admission {
 public:
  enum class Entry : uint8_t { kEntered, kCallerIsFull, kServerIsFull };

  // `server` is the admission of which this one is a tenant's part; null where this is the server's
  // own.
  explicit Admission(const Load& max, Admission* server = nullptr) : max_(max), server_(server) {}
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // `held` is what the same stream has in the server already. The load enters where held + load is
  // at most what all streams together, this one included, leave free: a stream may have as much as
  // is left free, so that any number of greedy streams leaves room for one more.
  Entry Enter(const Load& load, const Load& held = {}) {
    if (!Take(load, server_ == nullptr ? held : Load())) {
      return server_ == nullptr ? Entry::kServerIsFull : Entry::kCallerIsFull;
    }
    if (server_ == nullptr) return Entry::kEntered;
    const Entry entry = server_->Enter(load, held);
    if (entry != Entry::kEntered) Give(load);
    return entry;
  }
  // What entered has grown by `load`, whatever the limits say; a negative load says it has shrunk.
  void Grow(const Load& load) {
    Give({-load.episodes, -load.bytes});
    if (server_ != nullptr) server_->Grow(load);
  }
  void Leave(const Load& load) { Grow({-load.episodes, -load.bytes}); }

  int64_t episodes() const { return episodes_.load(); }
  int64_t bytes() const { return bytes_.load(); }

 private:
  bool Take(const Load& load, const Load& held) {
    const int64_t episodes = episodes_.fetch_add(load.episodes);
    const int64_t bytes = bytes_.fetch_add(load.bytes);
    if (held.episodes + load.episodes <= max_.episodes - episodes &&
        held.bytes + load.bytes <= max_.bytes - bytes) {
      return true;
    }
    Give(load);
    return false;
  }
  void Give(const Load& load) {
    episodes_.fetch_sub(load.episodes);
    bytes_.fetch_sub(load.bytes);
  }

  const Load max_;
  Admission* const server_;
  std::atomic<int64_t> episodes_ = 0;
  std::atomic<int64_t> bytes_ = 0;
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_SESSION_ADMISSION_H_
