// The options and answers of a record, as whoever computes its result again needs them.
#ifndef ASSAY_SERVER_AUDIT_RECORDED_H_
#define ASSAY_SERVER_AUDIT_RECORDED_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "assay/v1/signals.pb.h"
#include "server/evaluation/evaluator.h"
#include "server/wire/resolve_options.h"

namespace assay::service {

// The options of a record. An evaluator that does not answer from the episode itself is replaced by
// one that has the recorded traits and is never asked. FAILED_PRECONDITION: this build does not
// know the options.
absl::StatusOr<ResolvedOptions> ResolveRecorded(const v1::AuditRecord& record);

// Answers from the record, in the order asked. DATA_LOSS: it holds other questions than are asked.
class RecordedAnswers {
 public:
  // `record` must outlive it.
  RecordedAnswers(const v1::AuditRecord& record,
                  std::shared_ptr<const evaluation::EpisodeContext> context,
                  std::shared_ptr<const evaluation::Evaluator> evaluator)
      : record_(record), context_(std::move(context)), evaluator_(std::move(evaluator)) {}

  bool exhausted() const { return next_ == static_cast<size_t>(record_.questions_size()); }

  // The answer to the next question. Answers that follow from the episodes are computed and not
  // taken from the record. A table in an answer lives as long as this object.
  absl::StatusOr<signals::Answer> Next(const signals::Question& question);
  absl::StatusOr<std::vector<signals::Answer>> Next(
      const std::vector<signals::Question>& questions);

 private:
  absl::Status Table(const signals::Question& question, const v1::AskedQuestion& recorded,
                     signals::Answer* answer);
  absl::StatusOr<signals::Answer> Compute(const signals::Question& question);

  const v1::AuditRecord& record_;
  const std::shared_ptr<const evaluation::EpisodeContext> context_;
  const std::shared_ptr<const evaluation::Evaluator> evaluator_;
  size_t next_ = 0;
  // Keep the tables handed out.
  std::vector<std::shared_ptr<const evaluation::EpisodeReplay>> replays_;
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_AUDIT_RECORDED_H_
