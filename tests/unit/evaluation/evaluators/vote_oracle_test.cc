// Vote replay against exact rational Shapley values of every real debate.
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "server/credit/exact.h"
#include "server/evaluation/evaluators/vote_replay.h"
#include "tests/paths.h"
#include "tests/unit/evaluation/evaluators/log_reader.h"

namespace assay::evaluation {
namespace {

using testing_data::Record;

struct Mode {
  const char* name;
  Ballots ballots;
};
constexpr Mode kModes[] = {
    {"first", Ballots::kFirst}, {"last", Ballots::kLast}, {"lastround", Ballots::kLastRound}};

double Rational(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return std::stod(text);
  return std::stod(text.substr(0, slash)) / std::stod(text.substr(slash + 1));
}

const google::protobuf::Value& At(const Record& record, absl::string_view key) {
  return record.fields().at(std::string(key));
}

std::shared_ptr<const EpisodeContext> ToContext(const std::shared_ptr<const Record>& record) {
  auto context = std::make_shared<EpisodeContext>();
  context->storage = record;
  context->episode.reference_answer = At(*record, "reference_answer").string_value();
  std::map<std::string, int> index;
  for (const auto& agent : At(*record, "agents").list_value().values()) {
    index.emplace(agent.string_value(), static_cast<int>(index.size()));
    context->episode.agents.push_back({agent.string_value(), {}, agent.string_value()});
  }
  for (const auto& value : At(*record, "messages").list_value().values()) {
    const Record& from = value.struct_value();
    signals::Message message;
    message.agent = index.at(At(from, "agent").string_value());
    message.round = static_cast<int>(At(from, "round").number_value());
    if (At(from, "answer").has_string_value()) message.answer = At(from, "answer").string_value();
    context->episode.messages.push_back(message);
  }
  return context;
}

class VoteOracle : public ::testing::TestWithParam<std::pair<const char*, bool>> {};

TEST_P(VoteOracle, EveryCreditOfEveryMode) {
  if (!std::filesystem::exists(testing::SharedFolder() / "data")) {
    GTEST_SKIP() << "skipped: no ../shared/data";
  }
  const auto [file, empty_ballots] = GetParam();
  std::map<std::string, std::shared_ptr<const EpisodeContext>> episodes;
  ASSERT_TRUE(testing_data::ForEachRecord(std::string(file) + ".jsonl.gz", [&](const Record& r) {
    auto record = std::make_shared<const Record>(r);
    episodes.emplace(At(*record, "id").string_value(), ToContext(record));
  }));
  int64_t compared = 0;
  double worst = 0;
  ASSERT_TRUE(testing_data::ForEachRecord(
      "oracle_" + std::string(file) + ".jsonl.gz",
      [&, empty = empty_ballots](const Record& oracle) {
        const auto context = episodes.at(At(oracle, "id").string_value());
        for (const Mode& mode : kModes) {
          VoteOptions options;
          options.ballots = mode.ballots;
          options.empty_ballots = empty;
          const auto replay = MakeVoteReplay(options)->Prepare(context);
          ASSERT_TRUE(replay.ok());
          signals::Question question;
          question.kind = signals::QuestionKind::kAllCoalitions;
          signals::Answer answer;
          ASSERT_TRUE((*replay)->Answer({&question, 1}, {&answer, 1}).ok());
          EXPECT_EQ(answer.table[0], 0);
          EXPECT_NEAR(answer.table.back(),
                      Rational(At(oracle, std::string("v_N_") + mode.name).string_value()), 1e-15)
              << At(oracle, "id").string_value() << " " << mode.name;
          const int n = static_cast<int>(context->episode.agents.size());
          const std::vector<double> credit = credit::ExactShapley(answer.table, n);
          const auto& exact = At(oracle, std::string("shapley_") + mode.name).list_value().values();
          ASSERT_EQ(exact.size(), n);
          for (int i = 0; i < n; ++i) {
            worst = std::max(worst, std::abs(credit[i] - Rational(exact[i].string_value())));
          }
          ++compared;
        }
      }));
  EXPECT_LE(worst, 1e-12);
  EXPECT_EQ(compared, 3 * static_cast<int64_t>(episodes.size()));
  EXPECT_GT(compared, 0);
}

INSTANTIATE_TEST_SUITE_P(Logs, VoteOracle,
                         ::testing::Values(std::pair{"dylan_mmlu_7agents", true},
                                           std::pair{"dylan_mmlu_3agents", true},
                                           std::pair{"dylan_math_complex", false}),
                         [](const auto& info) { return std::string(info.param.first); });

}  // namespace
}  // namespace assay::evaluation
