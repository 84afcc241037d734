// Vote replay against a count that follows the words of proto/signals.md#vote-replay, over random
// debates.
#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rapidcheck.h"
#include "rapidcheck/gtest.h"
#include "server/credit/owen_sets.h"
#include "server/evaluation/evaluators/vote_replay.h"
#include "server/signals/unions.h"

namespace assay::evaluation {
namespace {

using signals::Message;
using signals::QuestionKind;

const std::vector<std::string>& Texts() {
  static const std::vector<std::string> texts = {"A", "B", "C", "D"};
  return texts;
}

struct Debate {
  std::shared_ptr<EpisodeContext> context = std::make_shared<EpisodeContext>();
  VoteOptions options;
};

Debate AnyDebate() {
  Debate debate;
  signals::Episode& episode = debate.context->episode;
  episode.reference_answer = Texts()[0];
  const int agents = *rc::gen::inRange(1, 6);
  for (int i = 0; i < agents; ++i) {
    episode.agents.push_back({Texts()[i % 4], {}, Texts()[i % 4]});
  }
  const int messages = *rc::gen::inRange(0, 15);
  for (int t = 0; t < messages; ++t) {
    Message message;
    message.agent = *rc::gen::inRange(-1, agents);
    message.round = *rc::gen::inRange(0, 4);
    const int answer = *rc::gen::inRange(-1, 4);
    if (answer >= 0) message.answer = Texts()[answer];
    episode.messages.push_back(message);
  }
  debate.options.ballots = *rc::gen::element(Ballots::kFirst, Ballots::kLast, Ballots::kLastRound);
  debate.options.empty_ballots = *rc::gen::arbitrary<bool>();
  debate.context->range = {-2, 3};
  return debate;
}

// One member's ballot over the messages that are kept; "" is the vote for none.
std::optional<std::string> Ballot(const Debate& debate, const std::vector<Message>& kept, int agent,
                                  int last_round) {
  std::optional<std::string> ballot;
  for (const Message& message : kept) {
    if (message.agent != agent) continue;
    std::optional<std::string> vote;
    if (message.answer.has_value()) vote = std::string(*message.answer);
    if (!vote.has_value() && debate.options.empty_ballots) vote = "";
    if (debate.options.ballots == Ballots::kFirst) return vote;
    if (debate.options.ballots == Ballots::kLastRound && message.round != last_round) continue;
    if (vote.has_value()) ballot = vote;
  }
  return ballot;
}

double Expected(const Debate& debate, const std::vector<Message>& kept, Coalition members,
                int last_round) {
  std::map<std::string, int> votes;
  for (size_t i = 0; i < debate.context->episode.agents.size(); ++i) {
    if ((members >> i & 1) == 0) continue;
    if (const auto ballot = Ballot(debate, kept, static_cast<int>(i), last_round)) ++votes[*ballot];
  }
  int most = 0;
  for (const auto& [answer, count] : votes) most = std::max(most, count);
  int tied = 0;
  for (const auto& [answer, count] : votes) tied += count == most ? 1 : 0;
  const bool right = most > 0 && votes.contains("A") && votes["A"] == most;
  const signals::ValueRange& range = debate.context->range;
  return range.low + (right ? range.size() / tied : 0);
}

int LastRound(const std::vector<Message>& messages) {
  int last = 0;
  for (const Message& message : messages) {
    if (message.agent != signals::kContext) last = std::max(last, message.round);
  }
  return last;
}

double Answered(const Debate& debate, const signals::Question& question) {
  const auto replay = MakeVoteReplay(debate.options)->Prepare(debate.context);
  RC_ASSERT(replay.ok());
  signals::Answer answer;
  RC_ASSERT((*replay)->Answer({&question, 1}, {&answer, 1}).ok());
  return answer.mean;
}

void ExpectNear(double actual, double expected) { RC_ASSERT(std::abs(actual - expected) <= 1e-12); }

RC_GTEST_PROP(VoteReplay, CoalitionsAreCountedAsDefined, ()) {
  const Debate debate = AnyDebate();
  const auto& messages = debate.context->episode.messages;
  signals::Question question;
  question.players = PlayerSet::FromMask(
      *rc::gen::inRange<uint64_t>(0, uint64_t{1} << debate.context->episode.agents.size()));
  ExpectNear(Answered(debate, question),
             Expected(debate, messages, question.coalition(), LastRound(messages)));
}

RC_GTEST_PROP(VoteReplay, KeptMessagesAreCountedAsDefined, ()) {
  const Debate debate = AnyDebate();
  const auto& messages = debate.context->episode.messages;
  signals::Question question;
  question.kind = QuestionKind::kMessages;
  std::vector<Message> kept;
  int ordinal = 0;
  for (const Message& message : messages) {
    if (message.agent == signals::kContext) continue;
    if (*rc::gen::arbitrary<bool>()) {
      question.players.insert(ordinal);
      kept.push_back(message);
    }
    ++ordinal;
  }
  ExpectNear(Answered(debate, question),
             Expected(debate, kept, ~Coalition{0}, LastRound(messages)));
}

RC_GTEST_PROP(VoteReplay, ATableOfOwenSetsIsItsSetsAskedOneByOne, ()) {
  const Debate debate = AnyDebate();
  const signals::Unions unions = signals::MakeUnions(debate.context->episode);
  const auto replay = MakeVoteReplay(debate.options)->Prepare(debate.context);
  RC_ASSERT(replay.ok());
  signals::Question question;
  question.kind = QuestionKind::kOwenSets;
  signals::Answer answer;
  RC_ASSERT((*replay)->Answer({&question, 1}, {&answer, 1}).ok());
  std::vector<std::vector<int>> members(unions.sizes.size());
  for (size_t t = 0; t < unions.union_of.size(); ++t) {
    members[unions.union_of[t]].push_back(static_cast<int>(t));
  }
  std::vector<signals::Question> sets;
  credit::ForEachOwenSet(unions.sizes, [&](const credit::OwenSet& set) {
    signals::Question& kept = sets.emplace_back();
    kept.kind = QuestionKind::kMessages;
    for (size_t u = 0; u < members.size(); ++u) {
      const bool whole = (set.whole >> u & 1) != 0;
      const size_t part = static_cast<int>(u) == set.partial ? set.subset : 0;
      for (size_t k = 0; k < members[u].size(); ++k) {
        if (whole || (part >> k & 1) != 0) kept.players.insert(members[u][k]);
      }
    }
  });
  std::vector<signals::Answer> answers(sets.size());
  RC_ASSERT((*replay)->Answer(sets, absl::MakeSpan(answers)).ok());
  RC_ASSERT(answer.table.size() == answers.size());
  for (size_t k = 0; k < answers.size(); ++k) RC_ASSERT(answer.table[k] == answers[k].mean);
}

RC_GTEST_PROP(VoteReplay, PrefixesAreCountedAsDefined, ()) {
  const Debate debate = AnyDebate();
  const auto& messages = debate.context->episode.messages;
  signals::Question question;
  question.kind = QuestionKind::kPrefix;
  question.index = *rc::gen::inRange(0, static_cast<int>(messages.size()) + 1);
  const std::vector<Message> kept(messages.begin(), messages.begin() + question.index);
  ExpectNear(Answered(debate, question), Expected(debate, kept, ~Coalition{0}, LastRound(kept)));
}

}  // namespace
}  // namespace assay::evaluation
