// Who&When, algorithm-generated part: where was the first error? From the texts alone, without the
// ground truth: five 10-fold cross-validations grouped by question. Prints one line a figure.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <string>

#include "server/blame/posterior.h"
#include "server/blame/text_prior.h"
#include "tests/simulation/blame/shared_data.h"
#include "tests/simulation/blame/splitmix.h"

namespace assay::blame {
namespace {

constexpr int kRepeats = 5;
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

struct Tally {
  double tries = 0, step = 0, agent = 0, covered = 0, set_size = 0, claims = 0, right_claims = 0;
};

Posterior Predict(const Record& record, const TextPrior& prior) {
  Evidence evidence;
  std::map<std::string, int> numbers;
  for (const std::string& agent : record.agents) {
    const auto [found, added] = numbers.try_emplace(agent, evidence.agents);
    evidence.agents += added;
    evidence.authors.push_back(found->second);
  }
  evidence.prior = ApplyTextPrior(prior, record.Text());
  evidence.prior_from_text = true;
  return ComputePosterior(evidence);
}

void Count(const Record& record, const Posterior& posterior, Tally& tally) {
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
                   Tally& tally) {
  const std::vector<int> folds = Folds(records, seed);
  for (int fold = 0; fold < kFolds; ++fold) {
    std::vector<LabelledText> train;
    for (size_t i = 0; i < records.size(); ++i) {
      if (folds[i] != fold) train.push_back({records[i].Text(), records[i].first_error});
    }
    const TextPrior prior = FitTextPrior(train, options).value();
    for (size_t i = 0; i < records.size(); ++i) {
      if (folds[i] == fold) Count(records[i], Predict(records[i], prior), tally);
    }
  }
}

// Half of a 95 % interval for a share over this many episodes (Wald): repeats add no episodes.
double HalfWidth(double share, double episodes) {
  return 1.96 * std::sqrt(share * (1 - share) / episodes);
}

int Main(double ridge, uint64_t seed) {
  const std::vector<Record> records = ReadRecords();
  if (records.empty()) {
    std::printf("skipped: no shared data\n");
    return 0;
  }
  Tally tally;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    CrossValidate(records, seed + repeat, {.ridge = ridge}, tally);
  }
  const auto n = static_cast<double>(records.size());
  const auto share = [&](const char* name, double count, double of) {
    std::printf("%s %.1f percent, 95%% interval +- %.1f\n", name, 100 * count / of,
                100 * HalfWidth(count / of, of / kRepeats));
  };
  std::printf("whowhen_episodes %.0f episodes\n", n);
  share("whowhen_step_accuracy", tally.step, tally.tries);
  share("whowhen_agent_accuracy", tally.agent, tally.tries);
  share("whowhen_credible_80_covers", tally.covered, tally.tries);
  std::printf("whowhen_credible_80_size %.2f messages\n", tally.set_size / tally.tries);
  std::printf("whowhen_claims %.1f a_cross_validation\n", tally.claims / kRepeats);
  if (tally.claims > 0) share("whowhen_claims_right", tally.right_claims, tally.claims);
  return 0;
}

}  // namespace
}  // namespace assay::blame

// Arguments: ridge (0: chosen within each training fold) and first seed of the folds.
int main(int argc, char** argv) {
  return assay::blame::Main(argc > 1 ? std::atof(argv[1]) : 0,
                            argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
}
