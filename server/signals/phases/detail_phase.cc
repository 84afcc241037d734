#include "server/signals/phases/detail_phase.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "server/base/status_macros.h"
#include "server/signals/phases/search_phase.h"
#include "server/signals/rewards/evidence_kinds.h"
#include "server/signals/unions.h"

namespace assay::signals {
namespace {

class NothingToAsk : public DetailPhase {
 public:
  explicit NothingToAsk(const Findings& findings) : DetailPhase(findings, {}) {}
  absl::Status Take(absl::Span<const Answer>) override { return absl::OkStatus(); }
};

// One phase after the other, each with what those before it left of the budget.
class InTurn : public DetailPhase {
 public:
  // Null: nothing to ask.
  using Make = absl::AnyInvocable<absl::StatusOr<std::unique_ptr<DetailPhase>>(const DetailInputs&,
                                                                               const Findings&)>;

  InTurn(const DetailInputs& inputs, std::vector<Make> phases, const Findings& findings)
      : DetailPhase(findings, {}), inputs_(inputs), phases_(std::move(phases)) {}

  // Goes to the next phase that has something to ask; before anything else once by whoever made it.
  absl::Status Advance() {
    while (next_ < phases_.size() && phase_ == nullptr) {
      ASSAY_ASSIGN_OR_RETURN(phase_, phases_[next_++](inputs_, findings_));
    }
    return absl::OkStatus();
  }

  const std::vector<Question>& ask() const override {
    return phase_ == nullptr ? batch_ : phase_->ask();
  }

  absl::Status Take(absl::Span<const Answer> answers) override {
    for (const Answer& answer : answers) {
      inputs_.questions_left -= std::max<int64_t>(1, static_cast<int64_t>(answer.table.size()));
    }
    ASSAY_RETURN_IF_ERROR(phase_->tell(answers));
    if (!phase_->done()) return absl::OkStatus();
    ASSAY_ASSIGN_OR_RETURN(findings_, phase_->finish());
    phase_ = nullptr;
    return Advance();
  }

  absl::StatusOr<Findings> finish() override {
    return phase_ == nullptr ? DetailPhase::finish() : phase_->finish();
  }

 private:
  DetailInputs inputs_;
  std::vector<Make> phases_;
  size_t next_ = 0;
  std::unique_ptr<DetailPhase> phase_;  // which is not done; null: none is left
};

// With one message an agent every kind of evidence yields the agent's credit.
bool NothingToShare(const DetailInputs& inputs, const std::vector<double>& credit) {
  const Unions unions = MakeUnions(inputs.episode);
  const bool one_each =
      std::all_of(unions.sizes.begin(), unions.sizes.end(), [](int size) { return size == 1; });
  const bool indifferent =
      one_each && inputs.options.message_rewards.evidence == EvidenceKind::kAuto;
  return unions.sizes.empty() || credit.empty() || indifferent;
}

bool IsAsked(const EvidenceRule& rule, EvidenceKind wanted, bool success) {
  if (rule.ask == nullptr) return false;
  if (wanted == rule.kind) return success || rule.asked_in_failure != AskedInFailure::kNever;
  return wanted == EvidenceKind::kAuto &&
         (success || rule.asked_in_failure == AskedInFailure::kAlways);
}

// The questions of the first kind of evidence that is wanted and has any here; null: none.
absl::StatusOr<std::unique_ptr<DetailPhase>> MakeEvidencePhase(const DetailInputs& inputs,
                                                               const std::vector<double>& credit,
                                                               const Findings& findings,
                                                               bool success) {
  if (NothingToShare(inputs, credit)) return nullptr;
  for (const EvidenceRule& rule : EvidenceRules()) {
    if (!IsAsked(rule, inputs.options.message_rewards.evidence, success)) continue;
    ASSAY_ASSIGN_OR_RETURN(std::unique_ptr<DetailPhase> phase, rule.ask(inputs, findings));
    if (phase != nullptr) return phase;
  }
  return nullptr;
}

absl::StatusOr<std::unique_ptr<DetailPhase>> MakeFailurePhase(const DetailInputs& inputs,
                                                              const std::vector<double>& credit,
                                                              const Findings& findings) {
  std::vector<InTurn::Make> phases;
  phases.emplace_back([credit](const DetailInputs& left, const Findings& found) {
    return MakeSearchPhase(left, credit, found);
  });
  phases.emplace_back([credit](const DetailInputs& left, const Findings& found) {
    return MakeEvidencePhase(left, credit, found, /*success=*/false);
  });
  if (inputs.options.message_rewards.evidence == EvidenceKind::kOwen) {
    std::reverse(phases.begin(), phases.end());
  }
  auto phase = std::make_unique<InTurn>(inputs, std::move(phases), findings);
  ASSAY_RETURN_IF_ERROR(phase->Advance());
  return phase;
}

}  // namespace

absl::Status DetailPhase::tell(absl::Span<const Answer> answers) {
  ASSAY_RETURN_IF_ERROR(CheckCount(answers.size(), ask().size()));
  return Take(answers);
}

absl::StatusOr<std::unique_ptr<DetailPhase>> MakeDetailPhase(const DetailInputs& inputs,
                                                             const std::vector<double>& credit,
                                                             const Findings& findings) {
  if (inputs.score < inputs.options.success_threshold) {
    return MakeFailurePhase(inputs, credit, findings);
  }
  ASSAY_ASSIGN_OR_RETURN(std::unique_ptr<DetailPhase> phase,
                         MakeEvidencePhase(inputs, credit, findings, /*success=*/true));
  if (phase == nullptr) phase = std::make_unique<NothingToAsk>(findings);
  return phase;
}

}  // namespace assay::signals
