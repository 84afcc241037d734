#include "client/command/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/str_replace.h"
#include "server/base/json.h"

namespace assay::command {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

template <typename Message>
Message Parse(const std::string& json) {
  Message message;
  const absl::Status status = FromJson(json, &message);
  EXPECT_TRUE(status.ok()) << status;
  return message;
}

TEST(TableTest, ShowsCreditRewardsLabelsAndTheLedger) {
  const auto result = Parse<v1::EpisodeResult>(R"({"episodeId": "e1", "signals": {
    "score": 0, "grandValue": 0, "baseline": 0,
    "agents": [{"agentId": "ann", "credit": 0.25, "rewardTotal": -0.0001},
               {"agentId": "zoë", "credit": -0.25, "rewardTotal": -1}],
    "messages": [{"index": 1, "agentId": "zoë", "reward": -1, "label": "LABEL_FIRST_ERROR"}],
    "firstError": {"firstIndex": 1, "decisiveIndex": 1, "probability": 0.75,
                   "tier": "EVIDENCE_TIER_ANNOTATION"},
    "evidence": "EVIDENCE_SCORES",
    "effort": {"questions": 4, "method": "METHOD_EXACT", "evaluator": "vote",
               "ballots": "BALLOTS_LAST_ROUND"},
    "conservation": {"target": -1, "allocated": -1}}})");
  const auto episode = Parse<v1::Episode>(
      R"({"messages": [{"content": "x"}, {"agentId": "zoë", "content": "two\n\nlines\u0007"}]})");
  const std::string table = EpisodeTable(result, &episode);
  EXPECT_THAT(table, HasSubstr("episode e1: failure"));
  EXPECT_THAT(table, HasSubstr("Shapley values, exact, from 4 questions; answered by vote"));
  EXPECT_THAT(table, HasSubstr("(ballots: last round)"));
  EXPECT_THAT(table, HasSubstr("the shortfall, by suspicion that rests on an annotation"));
  EXPECT_THAT(table, HasSubstr("  ann      +0.250     0.000\n"));
  EXPECT_THAT(table, HasSubstr("  zoë      -0.250    -1.000\n"));
  EXPECT_THAT(table, HasSubstr("first error      two lines \n"));
  EXPECT_THAT(table,
              HasSubstr("First error: message 1, probability 0.75. Decisive error: message 1.\n"));
  EXPECT_THAT(table, HasSubstr("-1.000 to share = -1.000 in rewards and 0.000 unallocated"));
}

TEST(TableTest, ClaimsNoErrorWhereNoneIsClaimed) {
  const auto result = Parse<v1::EpisodeResult>(
      R"({"episodeId": "e", "signals": {"firstError": {"probability": 0.3}}})");
  EXPECT_THAT(EpisodeTable(result, nullptr),
              AllOf(Not(HasSubstr("First error")), HasSubstr("No message is claimed")));
}

TEST(TableTest, SaysWhereItWasLuck) {
  const auto result = Parse<v1::EpisodeResult>(
      R"({"episodeId": "e", "signals": {"firstError": {
           "environmentProbability": 0.9, "tier": "EVIDENCE_TIER_ROLLOUTS"}}})");
  EXPECT_THAT(EpisodeTable(result, nullptr),
              HasSubstr("It was the environment, with probability 0.90. No message is claimed"));
  const auto nothing = Parse<v1::EpisodeResult>(
      R"({"episodeId": "e", "signals": {"firstError": {
           "environmentProbability": 0.9, "tier": "EVIDENCE_TIER_NONE"}}})");
  EXPECT_THAT(EpisodeTable(nothing, nullptr),
              AllOf(Not(HasSubstr("environment")), HasSubstr("rests on nothing, so that all")));
}

TEST(TableTest, SaysWhatWouldTellAndWhatItCosts) {
  auto result = Parse<v1::EpisodeResult>(
      R"({"episodeId": "e", "signals": {
           "messages": [{"index": 0}, {"index": 2}, {"index": 3}],
           "firstError": {"tier": "EVIDENCE_TIER_NONE"}}})");
  v1::Episode episode;
  for (int t = 0; t < 5; ++t) episode.add_messages();
  const std::string told = EpisodeTable(result, &episode);
  EXPECT_THAT(told, HasSubstr("Nothing tells the messages apart. To find out, cheapest first:"));
  EXPECT_THAT(told, HasSubstr("calls, 3 messages to read"));
  EXPECT_THAT(told, HasSubstr("1 call for all, or 3 one by"));
  EXPECT_THAT(told, HasSubstr("at most 24"));  // 8 ceil(log2 5)
  episode.mutable_outcome()->set_truncated(true);
  EXPECT_THAT(EpisodeTable(result, &episode), Not(HasSubstr("To find out")));
  episode.clear_outcome();
  result.mutable_signals()->mutable_first_error()->set_tier(v1::EVIDENCE_TIER_SCORES);
  EXPECT_THAT(EpisodeTable(result, &episode), Not(HasSubstr("To find out")));
}

TEST(TableTest, SaysWhichPriorReadTheTexts) {
  const auto said = [](const std::string& prior) {
    return EpisodeTable(Parse<v1::EpisodeResult>(
                            R"({"episodeId": "e", "signals": {"firstError": {
                                 "tier": "EVIDENCE_TIER_TEXT", )" +
                            prior + "}}}"),
                        nullptr);
  };
  EXPECT_THAT(said(R"("priorUsed": "PRIOR_USED_FITTED", "priorSource": "x", "priorWeight": 0.75)"),
              HasSubstr("the text alone (prior fitted on x, weight 0.75)."));
  EXPECT_THAT(said(R"("priorUsed": "PRIOR_USED_GENERAL", "priorSource": "x")"),
              HasSubstr("(prior of what carries over between teams)"));
  EXPECT_THAT(said(R"("priorUsed": "PRIOR_USED_FLAT", "priorSource": "x")"),
              HasSubstr("foreign to the fitted prior: its weight is 0.00"));
}

TEST(TableTest, CutsLongTextBetweenCharacters) {
  std::string words;
  for (int i = 0; i < 100; ++i) words += "é";
  v1::Episode episode;
  episode.add_messages()->set_content(words);
  v1::EpisodeResult result;
  result.mutable_signals()->add_messages();
  std::string cut;
  for (int i = 0; i < 56; ++i) cut += "é";
  EXPECT_THAT(EpisodeTable(result, &episode), HasSubstr("  " + cut + "…\n"));
}

TEST(TableTest, ShowsWhyThereAreNoSignals) {
  const auto result = Parse<v1::EpisodeResult>(R"({"episodeId": "e", "error": {"code": 3,
    "message": "bad", "violations": [{"field": "messages[3].process_score", "description": "NaN"}]}})");
  EXPECT_EQ(EpisodeTable(result, nullptr),
            "episode e: no signals: INVALID_ARGUMENT, bad\n  messages[3].process_score: NaN\n\n");
}

TEST(TableTest, ShowsAdvantagesOfAGroup) {
  const auto result = Parse<v1::GroupResult>(R"({"groupId": "g", "signals": {"used": 2,
    "meanScore": 0.5, "stdScore": 0.5, "missingEpisodeIds": ["lost"], "neverSent": 1,
    "outcomePart": "OUTCOME_PART_CONTROL", "creditPart": "CREDIT_PART_CREDIT", "weight": 0.5,
    "parallel": true,
    "episodes": [{"episodeId": "e1", "outcomeAdvantage": 1,
                  "messages": [{"index": 0, "advantage": 0.75}, {"index": 2, "advantage": -1}]}]}})");
  const std::string table = GroupTable(result);
  EXPECT_THAT(table, HasSubstr("group g: 2 episodes, score 0.500, standard deviation 0.500"));
  EXPECT_THAT(table, HasSubstr("without signals: lost"));
  EXPECT_THAT(table, HasSubstr("never sent: 1"));
  EXPECT_THAT(
      table,
      HasSubstr(
          "  The advantage is 0.50 X + 0.50 K: X says how much better the episode went than its "
          "siblings, less\n  what the team without the agent explains of it, and K how far the "
          "message's counterfactual credit\n  lies above the mean of its agent's.\n"));
  EXPECT_THAT(table, HasSubstr("e1       #0 +0.750  #2 -1.000"));
}

TEST(TableTest, SaysWhatTheAdvantagesOfThisGroupAre) {
  const auto table = [](const std::string& fields) {
    return GroupTable(Parse<v1::GroupResult>(R"({"groupId": "g", "signals": {)" + fields + "}}"));
  };
  EXPECT_THAT(
      table(R"("outcomePart": "OUTCOME_PART_OUTCOME", "creditPart": "CREDIT_PART_NONE")"),
      HasSubstr(
          "  The advantage is X: X says how much better the episode went than its siblings.\n"));
  EXPECT_THAT(
      table(R"("creditPart": "CREDIT_PART_VALUES", "weight": 1)"),
      HasSubstr(
          "  The advantage is K: K says how much the expected score changed with the message.\n"));
  EXPECT_THAT(table(R"("outcomePart": "OUTCOME_PART_CONTROL", "weight": 0)"),
              HasSubstr("though they may have\n  read it).\n"));
}

// What a table says of an advantage that is half X and half K, made of these parts.
std::string WordsOfParts(int outcome, int credit) {
  v1::GroupResult result;
  v1::GroupSignals* signals = result.mutable_signals();
  signals->set_weight(0.5);
  signals->set_parallel(true);
  signals->set_outcome_part(static_cast<v1::OutcomePart>(outcome));
  signals->set_credit_part(static_cast<v1::CreditPart>(credit));
  std::string table = absl::StrReplaceAll(GroupTable(result), {{"\n  ", " "}});
  const size_t begin = table.find("X says");
  return table.substr(begin, table.find(".\n", begin) - begin);
}

// Every part that a result can name, which excludes UNSPECIFIED and AUTO.
TEST(TableTest, EveryPartOfAnAdvantageHasWordsOfItsOwn) {
  std::set<std::string> told;
  const auto* outcomes = v1::OutcomePart_descriptor();
  const auto* credits = v1::CreditPart_descriptor();
  for (int x = 2; x < outcomes->value_count(); ++x) {
    for (int k = 2; k < credits->value_count(); ++k) {
      const std::string words =
          WordsOfParts(outcomes->value(x)->number(), credits->value(k)->number());
      EXPECT_THAT(words, Not(HasSubstr("_PART_")));
      EXPECT_TRUE(told.insert(words).second) << words;
    }
  }
  EXPECT_THAT(WordsOfParts(77, 78), AllOf(HasSubstr("X says what part 77 stands for"),
                                          HasSubstr("K what part 78 stands for")));
}

// The number that is trained on comes first.
TEST(TableTest, ShowsAnEpisodesAdvantagesBeforeCreditAndRewards) {
  const auto result = Parse<v1::EpisodeResult>(R"({"episodeId": "e1", "signals": {
    "agents": [{"agentId": "ann"}], "messages": [
      {"index": 1, "agentId": "ann", "reward": -0.5, "credit": 0.25, "label": "LABEL_SOUND"}]}})");
  const auto advantages = Parse<v1::EpisodeAdvantages>(R"({"episodeId": "e1", "messages": [
    {"index": 1, "advantage": 0.75, "outcomeAdvantage": -1, "localAdvantage": 2}]})");
  const std::string with = EpisodeTable(result, nullptr, &advantages);
  EXPECT_THAT(with,
              HasSubstr("    #  agent  advantage         X         K    credit    reward  label"));
  EXPECT_THAT(with,
              HasSubstr("    1  ann       +0.750    -1.000    +2.000    +0.250    -0.500  sound"));
  EXPECT_THAT(EpisodeTable(result, nullptr), HasSubstr("    #  agent    credit    reward  label"));
}

}  // namespace
}  // namespace assay::command
