#include "server/wire/notices/notices.h"

#include <cstddef>

#include "server/blame/rates.h"
#include "server/signals/episode.h"
#include "server/wire/authors.h"

namespace assay::service {
namespace {

// At least two process scores of models' messages, none of them negative and not all 0.
bool ScoresAreNeverNegative(const v1::Episode& episode, const signals::Options&) {
  int scores = 0;
  bool positive = false;
  const std::vector<int> authors = Authors(episode);
  for (int t = 0; t < episode.messages_size(); ++t) {
    const v1::Message& message = episode.messages(t);
    if (authors[t] == signals::kContext) continue;
    if (message.process_score() < 0) return false;
    positive |= message.process_score() > 0;
    scores += message.has_process_score() ? 1 : 0;
    for (const v1::JudgeScore& judged : message.judge_scores()) {
      if (judged.score() < 0) return false;
      positive |= judged.score() > 0;
      ++scores;
    }
  }
  return scores >= 2 && positive;
}

bool TokensAreMissing(const v1::Episode& episode, const signals::Options& options) {
  if (!options.message_rewards.weigh_by_tokens) return false;
  const std::vector<int> authors = Authors(episode);
  for (int t = 0; t < episode.messages_size(); ++t) {
    if (authors[t] != signals::kContext && episode.messages(t).token_count() > 0) return false;
  }
  return true;
}

bool LevelsAreNotShared(const v1::Episode& episode, const signals::Options& options) {
  const signals::FirstErrorOptions& first_error = options.first_error;
  const auto messages = static_cast<size_t>(episode.messages_size());
  // Soft rewards go through the rates once for each message.
  return first_error.parameters.shared_level > 0 &&
         !blame::CanShareLevels(messages, first_error.parameters,
                                first_error.soft_rewards ? messages : 1);
}

bool ScoresAreOnContext(const v1::Episode& episode, const signals::Options&) {
  const std::vector<int> authors = Authors(episode);
  for (int t = 0; t < episode.messages_size(); ++t) {
    const v1::Message& message = episode.messages(t);
    const bool scored = message.has_process_score() || message.judge_scores_size() > 0;
    if (authors[t] == signals::kContext && scored) return true;
  }
  return false;
}

struct Hint {
  v1::Notice::Kind kind;
  bool (*is_in)(const v1::Episode& episode, const signals::Options& options);
  bool in_successes;  // else failures alone are a reason
  const char* message;
};

constexpr Hint kHints[] = {
    {v1::Notice::KIND_SCORES_NEVER_NEGATIVE, ScoresAreNeverNegative, false,
     "a failed episode has process scores, all of them >= 0: they are read on the scale [-1, 1], "
     "where 0 is no evidence. Is your scale [0, 1]? Then send 2 q - 1"},
    {v1::Notice::KIND_TOKENS_MISSING, TokensAreMissing, true,
     "message_rewards.weigh_by_tokens has no effect: no message of an agent has a token_count"},
    {v1::Notice::KIND_LEVELS_NOT_SHARED, LevelsAreNotShared, false,
     "first_error.model.shared_level was taken for 0: the episode has too many messages for it"},
    {v1::Notice::KIND_SCORES_ON_CONTEXT, ScoresAreOnContext, true,
     "process scores of messages that are context (a tool, a user, the environment) are ignored. "
     "Is "
     "their author an agent? Then name it in agent_id, with the kind of a model"},
};

uint32_t Bit(v1::Notice::Kind kind) { return uint32_t{1} << static_cast<uint32_t>(kind); }

}  // namespace

uint32_t Notices::ReasonsIn(const v1::Episode& episode, const signals::Options& options) const {
  uint32_t reasons = 0;
  for (const Hint& hint : kHints) {
    if ((said_ & Bit(hint.kind)) == 0 && hint.is_in(episode, options)) reasons |= Bit(hint.kind);
  }
  return reasons;
}

std::vector<v1::Notice> Notices::Take(uint32_t reasons, const v1::EpisodeResult& result) {
  std::vector<v1::Notice> notices;
  if (!result.has_signals()) return notices;
  for (const Hint& hint : kHints) {
    if ((reasons & ~said_ & Bit(hint.kind)) == 0) continue;
    if (result.signals().success() && !hint.in_successes) continue;
    said_ |= Bit(hint.kind);
    v1::Notice& notice = notices.emplace_back();
    notice.set_kind(hint.kind);
    notice.set_message(hint.message);
    notice.set_episode_id(result.episode_id());
  }
  return notices;
}

}  // namespace assay::service
