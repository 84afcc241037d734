#include "client/command/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace assay::command {

Progress::Progress() : terminal_(isatty(STDERR_FILENO) == 1), start_(absl::Now()), shown_(start_) {}

void Progress::OnRead() {
  const absl::MutexLock lock(&mu_);
  ++read_;
  MaybeShow();
}

void Progress::OnResult(const v1::EpisodeResult& result) {
  const absl::MutexLock lock(&mu_);
  if (result.has_signals()) {
    ++answered_;
    const v1::EpisodeSignals& signals = result.signals();
    const bool asked = signals.effort().method() != v1::METHOD_UNSPECIFIED;
    if (asked && signals.outcome_mismatch()) ++mismatches_;
    unreadable_ += signals.effort().unreadable_answers();
    conservation_error_ = std::max(conservation_error_, result.signals().conservation().error());
  } else {
    ++failed_;
    OnFailure(result.episode_id().empty() ? "" : absl::StrCat("episode ", result.episode_id()),
              result.error());
  }
  MaybeShow();
}

void Progress::OnGroup(const v1::GroupResult& result) {
  const absl::MutexLock lock(&mu_);
  ++groups_;
  if (result.has_signals()) return;
  ++failed_groups_;
  OnFailure(absl::StrCat("group ", result.group_id()), result.error());
}

void Progress::OnFailure(const std::string& subject, const v1::Error& error) {
  if (!first_failure_.empty()) return;
  first_failure_ = absl::StrCat(subject, subject.empty() ? "" : ": ", error.message());
  for (const v1::FieldViolation& violation : error.violations()) {
    absl::StrAppend(&first_failure_, "; ", violation.field(), ": ", violation.description());
  }
}

void Progress::Finish() {
  const absl::MutexLock lock(&mu_);
  absl::FPrintF(stderr, "%s%s\n", terminal_ ? "\r\x1b[K" : "", Line());
  if (mismatches_ > 0) {
    absl::FPrintF(stderr, "%d of them: the score is not what the evaluator gives the whole team\n",
                  mismatches_);
  }
  if (unreadable_ > 0) {
    absl::FPrintF(stderr, "%d answers could not be read by the grader\n", unreadable_);
  }
  if (!first_failure_.empty()) absl::FPrintF(stderr, "first failure: %s\n", first_failure_);
}

bool Progress::AllAnswered() const {
  const absl::MutexLock lock(&mu_);
  return answered_ == read_ && failed_groups_ == 0;
}

void Progress::MaybeShow() {
  const absl::Time now = absl::Now();
  if (now - shown_ < (terminal_ ? absl::Milliseconds(200) : absl::Seconds(10))) return;
  shown_ = now;
  if (terminal_) {
    absl::FPrintF(stderr, "\r\x1b[K%s", Line());
  } else {
    absl::FPrintF(stderr, "%s\n", Line());
  }
}

std::string Progress::Line() const {
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start_);
  std::string line =
      absl::StrFormat("%d episodes read, %d answered, %d failed", read_, answered_, failed_);
  if (groups_ > 0) absl::StrAppend(&line, ", ", groups_, groups_ == 1 ? " group" : " groups");
  if (failed_groups_ > 0) absl::StrAppend(&line, " (", failed_groups_, " failed)");
  absl::StrAppendFormat(&line, "; %.1f s, %.0f/s; largest conservation error %.1e", seconds,
                        static_cast<double>(answered_ + failed_) / std::max(seconds, 1e-3),
                        conservation_error_);
  return line;
}

void PrintNotice(const v1::Notice& notice) {
  absl::FPrintF(stderr, "assay: note: %s (episode %s)\n", notice.message(), notice.episode_id());
}

}  // namespace assay::command
