// How far a run is, and what the server hints at, on stderr.
#ifndef ASSAY_CLIENT_COMMAND_PROGRESS_H_
#define ASSAY_CLIENT_COMMAND_PROGRESS_H_

#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "assay/v1/signal_service.pb.h"

namespace assay::command {

// Thread safe. On a terminal one line is rewritten as the run goes on; elsewhere a line is added
// every ten seconds.
class Progress {
 public:
  Progress();

  void OnRead();
  void OnResult(const v1::EpisodeResult& result);
  void OnGroup(const v1::GroupResult& result);

  // Writes the last line.
  void Finish();

  // Whether every episode that was read has been answered with signals, and so has every group.
  bool AllAnswered() const;

 private:
  void OnFailure(const std::string& subject, const v1::Error& error)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void MaybeShow() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string Line() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const bool terminal_;
  const absl::Time start_;
  mutable absl::Mutex mu_;
  absl::Time shown_ ABSL_GUARDED_BY(mu_);
  int64_t read_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t answered_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t failed_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t groups_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t failed_groups_ ABSL_GUARDED_BY(mu_) = 0;
  std::string first_failure_ ABSL_GUARDED_BY(mu_);
  int64_t mismatches_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t unreadable_ ABSL_GUARDED_BY(mu_) = 0;
  double conservation_error_ ABSL_GUARDED_BY(mu_) = 0;
};

// Writes a hint of the server, and the episode that gave rise to it.
void PrintNotice(const v1::Notice& notice);

}  // namespace assay::command

#endif  // ASSAY_CLIENT_COMMAND_PROGRESS_H_
