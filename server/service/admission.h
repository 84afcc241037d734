// What the whole server takes at once, over all streams and calls.
#ifndef ASSAY_SERVER_SERVICE_ADMISSION_H_
#define ASSAY_SERVER_SERVICE_ADMISSION_H_

#include <atomic>
#include <cstdint>

namespace assay::service {

// Thread safe. Whoever entered must leave with the same bytes.
class Admission {
 public:
  Admission(int64_t max_episodes, int64_t max_bytes)
      : max_episodes_(max_episodes), max_bytes_(max_bytes) {}

  // False where the server is full.
  bool Enter(int64_t bytes) {
    if (episodes_.fetch_add(1) >= max_episodes_) {
      episodes_.fetch_sub(1);
      return false;
    }
    if (bytes_.fetch_add(bytes) + bytes > max_bytes_) {
      Leave(bytes);
      return false;
    }
    return true;
  }
  void Leave(int64_t bytes) {
    bytes_.fetch_sub(bytes);
    episodes_.fetch_sub(1);
  }
  int64_t episodes() const { return episodes_.load(); }
  int64_t bytes() const { return bytes_.load(); }

 private:
  const int64_t max_episodes_;
  const int64_t max_bytes_;
  std::atomic<int64_t> episodes_ = 0;
  std::atomic<int64_t> bytes_ = 0;
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_SERVICE_ADMISSION_H_
