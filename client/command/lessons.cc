#include "client/command/lessons.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/signals/findings.h"
#include "server/wire/convert.h"
#include "server/wire/validate.h"

namespace assay::command {
namespace {

// A failure as it happened, but for its label.
blame::Evidence EvidenceOf(const v1::Episode& episode, const signals::Options& options) {
  return signals::BlameEvidence(service::EpisodeFromWire(episode), options, {},
                                episode.outcome().score(), {});
}

bool RolledOut(const v1::Message& message) {
  return message.prefix_rollouts().trials() > 0 || message.has_prefix_value();
}

bool Scored(const v1::Message& message) {
  return message.has_process_score() || message.judge_scores_size() > 0;
}

std::vector<blame::Opinion> Opinions(const signals::Episode& episode) {
  std::vector<blame::Opinion> opinions;
  for (size_t t = 0; t < episode.messages.size(); ++t) {
    const signals::Message& message = episode.messages[t];
    if (message.agent == signals::kContext) continue;
    const auto index = static_cast<int>(t);
    if (message.process_score.has_value()) opinions.push_back({"", index, *message.process_score});
    for (const signals::JudgeScore& judged : message.judge_scores) {
      opinions.push_back({{judged.judge.data(), judged.judge.size()}, index, judged.score});
    }
  }
  return opinions;
}

// Episodes of one question are never fitted on and predicted at once.
const std::string& QuestionOf(const v1::Episode& episode) {
  if (!episode.task().id().empty()) return episode.task().id();
  return episode.task().prompt().empty() ? episode.id() : episode.task().prompt();
}

}  // namespace

Collection CollectionOf(const std::string& text) {
  const size_t equals = text.find_first_of("=/");
  if (equals != std::string::npos && equals > 0 && text[equals] == '=') {
    return {text.substr(0, equals), text.substr(equals + 1)};
  }
  const std::string base = text.substr(text.find_last_of('/') + 1);
  const std::string name = base.substr(0, base.find('.'));
  return {name.empty() || name == "-" ? "labels" : name, text};
}

Lessons::Lessons(const service::ResolvedOptions* options)
    : options_(*options), bare_(*options->options) {
  bare_.first_error.prior = nullptr;
  bare_.first_error.judges.clear();
}

int Lessons::labelled() const {
  size_t sum = 0;
  for (const auto& collection : collections_) sum += collection.episodes.size();
  return static_cast<int>(sum);
}

int Lessons::environment() const {
  int sum = 0;
  for (const auto& collection : collections_) sum += collection.environment;
  return sum;
}

absl::Status Lessons::Read(const Collection& collection, const EpisodeFormat& format) {
  collections_.emplace_back().source = collection.name;
  absl::Status invalid;
  const auto add = [&](const std::string& place, v1::Episode episode) {
    ++episodes_;
    if (!invalid.ok()) return;
    const auto bytes = static_cast<int64_t>(episode.ByteSizeLong());
    invalid = service::ValidateEpisode(episode, bytes, options_, service::Limits());
    if (!invalid.ok()) {
      invalid = {invalid.code(), absl::StrCat(place, ": ", invalid.message())};
      return;
    }
    Add(std::move(episode), &collections_.back());
  };
  const absl::Status read = ForEachEpisode(collection.file, format, add);
  return read.ok() ? invalid : read;
}

void Lessons::Add(v1::Episode episode, blame::LabelledCollection* collection) {
  const auto& messages = episode.messages();
  const auto first = std::find_if(messages.begin(), messages.end(),
                                  [](const v1::Message& m) { return m.first_error(); });
  // An episode without rollouts and scores would only say how often episodes fail.
  const bool measured = episode.outcome().has_score() &&
                        std::any_of(messages.begin(), messages.end(),
                                    [](const v1::Message& m) { return RolledOut(m) || Scored(m); });
  if (first == messages.end() && !measured) return;
  const auto label = static_cast<int>(first - messages.begin());
  const v1::Episode& kept = kept_.emplace_back(std::move(episode));
  if (measured) measured_.push_back(&kept);
  if (label < kept.messages_size()) AddLabel(kept, label, collection);
}

void Lessons::AddLabel(const v1::Episode& episode, int first_error,
                       blame::LabelledCollection* collection) {
  const signals::Episode domain = service::EpisodeFromWire(episode);
  if (domain.messages[first_error].agent == signals::kContext) {
    ++collection->environment;
    return;
  }
  blame::LabelledText text;
  text.episode = signals::TextOf(domain);
  text.first_error = first_error;
  collection->episodes.push_back(std::move(text));
  collection->questions.push_back(QuestionOf(episode));
  std::vector<blame::Opinion> opinions = Opinions(domain);
  if (opinions.empty()) return;
  judged_.push_back({EvidenceOf(episode, bare_), std::move(opinions), first_error});
}

std::vector<blame::Evidence> Lessons::Measured(
    const std::vector<blame::JudgeReliability>& judges) const {
  signals::Options options = bare_;
  options.first_error.judges = judges;
  std::vector<blame::Evidence> measured;
  for (const v1::Episode* episode : measured_) measured.push_back(EvidenceOf(*episode, options));
  return measured;
}

}  // namespace assay::command
