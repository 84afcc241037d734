#include "tests/simulation/blame/whowhen.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "server/blame/posterior.h"
#include "server/blame/stated_prior.h"
#include "server/blame/text/mixed_prior.h"
#include "tests/simulation/blame/shared_data.h"
#include "tests/simulation/blame/splitmix.h"

namespace assay::blame {
namespace {

constexpr int kFolds = 10;

struct Record {
  std::string task, question, mistake_agent;
  std::vector<std::string> agents, contents;  // one a message
  int first_error = 0;

  TextEpisode Text() const {
    TextEpisode episode{.task = task, .messages = {}};
    for (size_t t = 0; t < agents.size(); ++t) {
      episode.messages.push_back({agents[t], contents[t], false});
    }
    return episode;
  }
};

std::vector<Record> ReadRecords() {
  std::vector<Record> records;
  for (const auto& json : ReadShared("whowhen_ag.jsonl.gz")) {
    const auto& label = json.fields().at("label").struct_value().fields();
    Record record;
    record.task = json.fields().at("task").string_value();
    record.question =
        json.fields().at("meta").struct_value().fields().at("question_id").string_value();
    record.mistake_agent = label.at("mistake_agent").string_value();
    record.first_error = static_cast<int>(label.at("first_error_index").number_value());
    for (const auto& message : json.fields().at("messages").list_value().values()) {
      record.agents.push_back(message.struct_value().fields().at("agent").string_value());
      record.contents.push_back(message.struct_value().fields().at("content").string_value());
    }
    records.push_back(std::move(record));
  }
  return records;
}

// Fold of each record; all records of a question share theirs.
std::vector<int> Folds(const std::vector<Record>& records, uint64_t seed) {
  std::set<std::string> distinct;
  for (const Record& record : records) distinct.insert(record.question);
  std::vector<std::string> questions(distinct.begin(), distinct.end());
  SplitMix random(seed);
  for (size_t i = questions.size(); i > 1; --i) {
    std::swap(questions[i - 1], questions[random.Below(i)]);
  }
  std::map<std::string, int> fold;
  for (size_t i = 0; i < questions.size(); ++i) fold[questions[i]] = static_cast<int>(i % kFolds);
  std::vector<int> folds;
  for (const Record& record : records) folds.push_back(fold[record.question]);
  return folds;
}

Posterior Predict(const Record& record, const MixedPrior& prior) {
  Evidence evidence;
  std::map<std::string, int> numbers;
  for (const std::string& agent : record.agents) {
    const auto [found, added] = numbers.try_emplace(agent, evidence.agents);
    evidence.agents += added;
    evidence.authors.push_back(found->second);
  }
  const AppliedPrior applied = Apply(prior, record.Text());
  evidence.prior = BlendedPrior(evidence, applied.fitted, applied.fitted_share, applied.rest, {},
                                ErrorDefinition::kStaysUnlikely);
  evidence.prior_used = applied.used;
  return ComputePosterior(evidence);
}

void Count(const Record& record, const Posterior& posterior, WhoWhenTally& tally) {
  std::map<std::string, double> mass;
  for (size_t t = 0; t < record.agents.size(); ++t) mass[record.agents[t]] += posterior.first[t];
  const auto top = std::max_element(
      mass.begin(), mass.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  ++tally.tries;
  tally.step += posterior.likeliest_first == record.first_error;
  tally.agent += top->first == record.mistake_agent;
  const auto& set = posterior.credible_set;
  tally.covered += std::find(set.begin(), set.end(), record.first_error) != set.end();
  tally.set_size += static_cast<double>(set.size());
  tally.claims += posterior.claimed_first.has_value();
  tally.right_claims += posterior.claimed_first == record.first_error;
}

void CrossValidate(const std::vector<Record>& records, uint64_t seed, const FitOptions& options,
                   WhoWhenTally& tally) {
  const std::vector<int> folds = Folds(records, seed);
  for (int fold = 0; fold < kFolds; ++fold) {
    std::vector<LabelledText> train;
    for (size_t i = 0; i < records.size(); ++i) {
      if (folds[i] != fold) train.push_back({records[i].Text(), records[i].first_error});
    }
    // As `assay fit` makes it of one collection, but without what transfers: it was fitted on these
    // logs too.
    MixedPrior prior;
    CollectionPrior& own = prior.collections.emplace_back();
    own.prior = FitTextPrior(train, options).value();
    std::vector<std::vector<double>> descriptions;
    for (const LabelledText& text : train) descriptions.push_back(DescribeEpisode(text.episode));
    own.domain = FitDomain(descriptions).value();
    for (size_t i = 0; i < records.size(); ++i) {
      if (folds[i] == fold) Count(records[i], Predict(records[i], prior), tally);
    }
  }
}

}  // namespace

WhoWhenTally CrossValidateWhoWhen(int repeats, uint64_t seed, const FitOptions& options) {
  const std::vector<Record> records = ReadRecords();
  WhoWhenTally tally;
  for (int repeat = 0; repeat < repeats && !records.empty(); ++repeat) {
    CrossValidate(records, seed + static_cast<uint64_t>(repeat), options, tally);
  }
  return tally;
}

}  // namespace assay::blame
