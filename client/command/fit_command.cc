#include "client/command/fit_command.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/json.h"
#include "server/blame/em.h"
#include "server/signals/findings.h"
#include "server/wire/convert.h"
#include "server/wire/fitted_prior.h"
#include "server/wire/resolve_options.h"
#include "server/wire/validate.h"

namespace assay::command {
namespace {

// What the episodes of the file have to say.
struct Lessons {
  std::deque<v1::Episode> labelled;  // that the texts are views of; a deque never moves them
  std::vector<blame::LabelledText> texts;
  std::vector<blame::Evidence> evidence;  // with rollouts or scores
  int episodes = 0;
};

absl::string_view View(const std::string& text) { return {text.data(), text.size()}; }

void AddText(v1::Episode episode, Lessons* lessons) {
  const auto& messages = episode.messages();
  const auto first = std::find_if(messages.begin(), messages.end(),
                                  [](const v1::Message& m) { return m.first_error(); });
  if (first == messages.end()) return;
  blame::LabelledText text;
  text.first_error = static_cast<int>(first - messages.begin());
  const v1::Episode& kept = lessons->labelled.emplace_back(std::move(episode));
  text.episode.task = View(kept.task().prompt());
  for (const v1::Message& m : kept.messages()) {
    text.episode.messages.push_back({View(m.agent_id()), View(m.content()), m.agent_id().empty()});
  }
  lessons->texts.push_back(std::move(text));
}

bool RolledOut(const blame::Evidence& evidence) {
  return std::any_of(evidence.nodes.begin(), evidence.nodes.end(),
                     [](const blame::Rollouts& rollouts) { return rollouts.trials > 0; });
}

// An episode without rollouts and scores would only say how often episodes fail.
void AddEvidence(const v1::Episode& episode, const service::ResolvedOptions& options,
                 Lessons* lessons) {
  if (!episode.outcome().has_score()) return;
  blame::Evidence evidence = signals::BlameEvidence(
      service::EpisodeFromWire(episode), *options.options, {}, episode.outcome().score(), {});
  // In one file with the texts, the text prior is fitted on the very labels: it would be too sure.
  evidence.prior.clear();
  if (RolledOut(evidence) || !evidence.scores.empty())
    lessons->evidence.push_back(std::move(evidence));
}

absl::Status Read(const std::string& file, const EpisodeFormat& format,
                  const service::ResolvedOptions& options, Lessons* lessons) {
  absl::Status invalid;
  const absl::Status read = ForEachEpisode(file, format, [&](const auto& place, auto episode) {
    ++lessons->episodes;
    if (!invalid.ok()) return;
    const auto bytes = static_cast<int64_t>(episode.ByteSizeLong());
    invalid = service::ValidateEpisode(episode, bytes, options, service::Limits());
    if (!invalid.ok()) {
      invalid = {invalid.code(), absl::StrCat(place, ": ", invalid.message())};
      return;
    }
    AddEvidence(episode, options, lessons);
    AddText(std::move(episode), lessons);
  });
  return read.ok() ? invalid : read;
}

// Where the fit of the model starts. A level that nodes share is worth its price only with rollouts
// to tell it, and is found only from above 0.
blame::Parameters StartOf(const v1::AttributionOptions& options, blame::Parameters start,
                          const Lessons& lessons) {
  const bool rolled_out = std::any_of(lessons.evidence.begin(), lessons.evidence.end(), RolledOut);
  if (rolled_out && !options.first_error().model().has_shared_level()) start.shared_level = 0.5;
  return start;
}

absl::StatusOr<v1::FittedPrior> Fit(const Lessons& lessons, const blame::Parameters& start) {
  std::optional<blame::TextPrior> text;
  std::optional<blame::Parameters> parameters;
  // One label is too few, but no reason to throw the rollouts away.
  if (lessons.texts.size() > 1 || lessons.evidence.empty()) {
    absl::StatusOr<blame::TextPrior> fit = blame::FitTextPrior(lessons.texts);
    if (!fit.ok()) return fit.status();
    text = *std::move(fit);
  }
  if (!lessons.evidence.empty()) {
    absl::StatusOr<blame::ParameterFit> fit = blame::FitParameters(lessons.evidence, start);
    if (!fit.ok()) return fit.status();
    parameters = std::move(fit->parameters);
  }
  return service::FittedPriorToWire(text.has_value() ? &*text : nullptr,
                                    parameters.has_value() ? &*parameters : nullptr,
                                    static_cast<int>(lessons.evidence.size()));
}

int Fail(const absl::Status& status, int code) {
  absl::FPrintF(stderr, "assay: %s\n", status.message());
  return code;
}

}  // namespace

int RunFit(const std::string& labels, const EpisodeFormat& format,
           const v1::AttributionOptions& options, FILE* output) {
  const absl::StatusOr<service::ResolvedOptions> resolved =
      service::ResolveOptions(options, service::Limits(), service::Catalog(), std::nullopt);
  if (!resolved.ok()) return Fail(resolved.status(), 2);
  Lessons lessons;
  const absl::Status read = Read(labels, format, *resolved, &lessons);
  if (!read.ok()) return Fail(read, 2);
  absl::FPrintF(stderr,
                "%d episodes, %d with an annotated first error, %d with rollouts or scores\n",
                lessons.episodes, lessons.texts.size(), lessons.evidence.size());
  const auto prior =
      Fit(lessons, StartOf(options, resolved->options->first_error.parameters, lessons));
  if (!prior.ok()) return Fail(prior.status(), 1);
  absl::FPrintF(output, "%s", ToJson(*prior, JsonStyle::kPretty));
  if (std::fflush(output) != 0) {
    return Fail(absl::DataLossError("cannot write the prior"), 1);
  }
  return 0;
}

}  // namespace assay::command
