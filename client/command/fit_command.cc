#include "client/command/fit_command.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/json.h"
#include "server/blame/em.h"
#include "server/blame/text/general_prior.h"
#include "server/wire/fitted_prior.h"
#include "server/wire/resolve_options.h"

namespace assay::command {
namespace {

// Labelled episodes with scores: fewer say nothing about a judge.
constexpr size_t kFewJudged = 10;

std::string FiguresOf(const blame::Validation& v) {
  return absl::StrFormat(
      "step %.1f %%, agent %.1f %%, 80 %% sets cover %.1f %%, %d of %d claims right, %+.3f +- %.3f "
      "nats an episode above uniform shares",
      100 * v.step_accuracy, 100 * v.agent_accuracy, 100 * v.covered, v.right_claims, v.claims,
      v.gain, v.gain_error);
}

void TellTexts(const blame::MixedPrior& texts) {
  for (const blame::CollectionPrior& c : texts.collections) {
    absl::FPrintF(stderr, "%s: %d labelled episodes, %d more with the label on context\n", c.source,
                  c.episodes, c.environment);
    if (c.by_question.episodes > 0) {
      absl::FPrintF(
          stderr, "  by question: %s%s\n", FiguresOf(c.by_question),
          c.prior.features.empty() ? ": not fitted, it does not beat uniform shares" : "");
    }
    if (c.left_out.episodes > 0) {
      absl::FPrintF(stderr, "  left out: %s\n", FiguresOf(c.left_out));
    }
  }
}

// Whether anything was learned from the texts that beats uniform shares where it was not fitted.
bool Learned(const blame::MixedPrior& texts) {
  return std::any_of(texts.collections.begin(), texts.collections.end(), [](const auto& c) {
    return !c.prior.features.empty() || c.left_out.episodes > 0;
  });
}

// Where no collection is at home, what is shipped has no part in what is claimed: even unusual
// episodes of one's own are told better by uniform shares, and nothing is lost on foreign ones. It
// only orders messages that nothing else tells apart.
absl::StatusOr<bool> FitTexts(const Lessons& lessons, v1::FittedPrior* wire) {
  if (lessons.labelled() + lessons.environment() == 0) return false;
  absl::StatusOr<blame::MixedPrior> texts =
      blame::FitMixedPrior(lessons.collections(), /*shipped=*/{});
  if (!texts.ok()) return texts.status();
  TellTexts(*texts);
  const bool learned = Learned(*texts);
  if (learned && texts->general.features.empty()) {
    texts->general = blame::ShippedPrior().general;
    texts->general_share = blame::kOrderingShare;
  }
  service::TextsToWire(*texts, wire);
  return learned;
}

absl::StatusOr<blame::JudgeFit> FitJudges(const Lessons& lessons, const blame::Parameters& start,
                                          v1::FittedPrior* wire) {
  blame::JudgeFit nothing;
  nothing.propagated_share = start.propagated_share;
  if (lessons.judged().size() < kFewJudged) return nothing;
  absl::StatusOr<blame::JudgeFit> fit = blame::FitJudges(lessons.judged(), start);
  if (!fit.ok()) return fit;
  for (const blame::JudgeReliability& judge : fit->judges) {
    absl::FPrintF(stderr, "judge %s: weight %.2f, base rate %.2f, %d labelled episodes%s\n",
                  judge.judge.empty() ? "(without a name)" : judge.judge, judge.weight,
                  judge.base_rate, judge.episodes,
                  judge.weight > 0 ? "" : ": says nothing about first errors, and is left out");
  }
  service::JudgesToWire(fit->judges, wire);
  return fit;
}

bool AnyRollouts(const std::vector<blame::Evidence>& episodes) {
  return std::any_of(episodes.begin(), episodes.end(), [](const blame::Evidence& evidence) {
    return std::any_of(evidence.nodes.begin(), evidence.nodes.end(),
                       [](const blame::Rollouts& rollouts) { return rollouts.trials > 0; });
  });
}

// A level that nodes share is worth its price only with rollouts to tell it, and is found only from
// above 0.
absl::StatusOr<bool> FitModel(const std::vector<blame::Evidence>& measured, bool level_is_given,
                              blame::Parameters start, v1::FittedPrior* wire) {
  if (measured.empty()) return false;
  if (AnyRollouts(measured) && !level_is_given) start.shared_level = 0.5;
  const absl::StatusOr<blame::ParameterFit> fit = blame::FitParameters(measured, start);
  if (!fit.ok()) return fit.status();
  service::ModelToWire(fit->parameters, static_cast<int>(measured.size()), wire);
  return true;
}

absl::StatusOr<v1::FittedPrior> Fit(const Lessons& lessons, const v1::FirstErrorOptions& sent,
                                    const blame::Parameters& start) {
  v1::FittedPrior wire;
  const absl::StatusOr<bool> by_text = FitTexts(lessons, &wire);
  if (!by_text.ok()) return by_text.status();
  const absl::StatusOr<blame::JudgeFit> judges = FitJudges(lessons, start, &wire);
  if (!judges.ok()) return judges.status();
  blame::Parameters model = start;
  model.propagated_share = judges->propagated_share;
  const std::vector<blame::Evidence> measured = lessons.Measured(judges->judges);
  absl::FPrintF(stderr,
                "%d episodes, %d with an annotated first error, %d with one on context, %d with "
                "rollouts or scores\n",
                lessons.episodes(), lessons.labelled(), lessons.environment(), measured.size());
  const absl::StatusOr<bool> by_model =
      FitModel(measured, sent.model().has_shared_level(), model, &wire);
  if (!by_model.ok()) return by_model.status();
  if (*by_text || *by_model) return wire;
  return absl::FailedPreconditionError(
      lessons.labelled() == 0
          ? "nothing to fit: no agent's message is annotated as a first error, and there are no "
            "rollouts or scores"
          : "nothing was fitted: no collection's texts beat uniform shares by more than the "
            "standard error on questions that were left out, and there are no rollouts or scores");
}

int Fail(const absl::Status& status, int code) {
  absl::FPrintF(stderr, "assay: %s\n", status.message());
  return code;
}

}  // namespace

int RunFit(absl::Span<const Collection> collections, const EpisodeFormat& format,
           const v1::AttributionOptions& options, FILE* output) {
  const absl::StatusOr<service::ResolvedOptions> resolved =
      service::ResolveOptions(options, service::Limits(), service::Catalog(), std::nullopt);
  if (!resolved.ok()) return Fail(resolved.status(), kUnreadableInput);
  Lessons lessons(&*resolved);
  for (size_t i = 0; i < collections.size(); ++i) {
    const auto same = [&](const Collection& c) { return c.name == collections[i].name; };
    if (std::any_of(collections.begin(), collections.begin() + i, same)) {
      return Fail(absl::InvalidArgumentError(absl::StrCat("two collections of the name ",
                                                          collections[i].name,
                                                          ": --labels=NAME=FILE gives another")),
                  kUnreadableInput);
    }
    const absl::Status read = lessons.Read(collections[i], format);
    if (!read.ok()) return Fail(read, kUnreadableInput);
  }
  const auto prior = Fit(lessons, options.first_error(), resolved->options->first_error.parameters);
  if (!prior.ok()) return Fail(prior.status(), 1);
  absl::FPrintF(output, "%s", ToJson(*prior, JsonStyle::kPretty));
  if (std::fflush(output) != 0) {
    return Fail(absl::DataLossError("cannot write the prior"), 1);
  }
  return 0;
}

}  // namespace assay::command
