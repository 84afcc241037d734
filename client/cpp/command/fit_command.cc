#include "client/cpp/command/fit_command.h"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace assay::command {
namespace {

// Keeps the episodes that the texts are views of; a deque never moves them.
struct Labelled {
  std::deque<v1::Episode> episodes;
  std::vector<blame::LabelledText> texts;
  int without_label = 0;
};

absl::string_view View(const std::string& text) { return {text.data(), text.size()}; }

void Add(v1::Episode episode, Labelled* labelled) {
  const auto& messages = episode.messages();
  const auto first = std::find_if(messages.begin(), messages.end(),
                                  [](const v1::Message& m) { return m.first_error(); });
  if (first == messages.end()) {
    ++labelled->without_label;
    return;
  }
  blame::LabelledText text;
  text.first_error = static_cast<int>(first - messages.begin());
  const v1::Episode& kept = labelled->episodes.emplace_back(std::move(episode));
  text.episode.task = View(kept.task().prompt());
  for (const v1::Message& m : kept.messages()) {
    text.episode.messages.push_back({View(m.agent_id()), View(m.content()), m.agent_id().empty()});
  }
  labelled->texts.push_back(std::move(text));
}

absl::Status Read(int file, const EpisodeFormat& format, Labelled* labelled) {
  return ForEachEpisode(file, format,
                        [labelled](v1::Episode episode) { Add(std::move(episode), labelled); });
}

int Fail(const absl::Status& status) {
  absl::FPrintF(stderr, "assay: %s\n", status.message());
  return 1;
}

}  // namespace

std::string PriorToJson(const blame::TextPrior& prior) {
  const auto quoted = [](std::string* out, const std::string& name) {
    absl::StrAppend(out, "\"", name, "\"");
  };
  const auto exact = [](std::string* out, double x) { absl::StrAppendFormat(out, "%.17g", x); };
  return absl::StrFormat(
      "{\n  \"features\": [%s],\n  \"weights\": [%s],\n  \"uniform\": %.17g,\n"
      "  \"episodes\": %d\n}\n",
      absl::StrJoin(prior.features, ", ", quoted), absl::StrJoin(prior.weights, ", ", exact),
      prior.uniform, prior.episodes);
}

int RunFit(int labels, const EpisodeFormat& format, FILE* output) {
  Labelled labelled;
  if (absl::Status status = Read(labels, format, &labelled); !status.ok()) return Fail(status);
  absl::FPrintF(stderr, "%d episodes with an annotated first error, %d without\n",
                labelled.texts.size(), labelled.without_label);
  const absl::StatusOr<blame::TextPrior> prior = blame::FitTextPrior(labelled.texts);
  if (!prior.ok()) return Fail(prior.status());
  absl::FPrintF(output, "%s", PriorToJson(*prior));
  if (std::fflush(output) != 0) return Fail(absl::DataLossError("cannot write the prior"));
  return 0;
}

}  // namespace assay::command
