#include "server/blame/text/text_features.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "server/blame/text/text_reader.h"

namespace assay::blame {
namespace {

constexpr int kPositions = 9;  // the first messages each have a feature of their own

class Features {
 public:
  explicit Features(const TextEpisode& episode)
      : messages_(episode.messages), count_(static_cast<int>(episode.messages.size())) {
    const ScannedText task = reader_.Read(episode.task);
    for (const TextMessage& message : messages_) texts_.push_back(reader_.Read(message.content));
    const std::vector<int> answer = Answer(task);
    Measure(task, answer);
  }

  std::vector<double> Rows() {
    std::vector<double> rows;
    rows.reserve(count_ * FeatureNames().size());
    for (int t = 0; t < count_; ++t) {
      Position(t, rows);
      Shape(t, rows);
      Origin(t, rows);
      Markers(t, rows);
      Neighbours(t, rows);
    }
    return rows;
  }

 private:
  struct Novelty {
    double share = 0;    // of the message's words that were new
    double numbers = 0;  // new numbers
    double answer = 0;   // share of the answer's weight that appears here first
    double closing = 0;  // the same for the whole closing message
    bool new_agent = false;
    double agent_share = 0;  // of the episode's messages that are its author's
  };

  // The last message that says anything.
  int Closing() const {
    int last = count_ - 1;
    while (last > 0 && !SaysAnything(texts_[last])) --last;
    return last;
  }

  std::vector<int> Answer(const ScannedText& task) {
    if (count_ == 0) return {};
    const auto without_task = [&](const std::vector<int>& words, bool numbers_only) {
      std::vector<bool> in_task(reader_.words(), false);
      for (const int word : task.words) in_task[word] = true;
      std::vector<int> out;
      for (const int word : words) {
        if (!in_task[word] && (!numbers_only || reader_.is_number(word))) out.push_back(word);
      }
      return out;
    };
    const int closing = Closing();
    const absl::string_view text = messages_[closing].content.substr(0, kReadBytes);
    const std::vector<int> parts = without_task(reader_.Read(AnswerParts(text)).words, false);
    return parts.empty() ? without_task(texts_[closing].words, true) : parts;
  }

  void Measure(const ScannedText& task, const std::vector<int>& answer) {
    if (count_ == 0) return;
    std::vector<int> documents(reader_.words(), 0);
    for (const ScannedText& text : texts_) {
      for (const int word : text.words) ++documents[word];
    }
    std::vector<bool> seen(reader_.words(), false);
    for (const int word : task.words) seen[word] = true;
    const auto weigh = [&](const std::vector<int>& words, std::vector<double>& weight) {
      weight.assign(reader_.words(), 0.0);
      double sum = 0;
      for (const int word : words) {
        if (seen[word]) continue;
        weight[word] = std::log((1.0 + count_) / std::max(1, documents[word])) + 0.1;
        sum += weight[word];
      }
      for (const int word : words) weight[word] /= sum + 1e-6;
    };
    std::vector<double> answer_weight, closing_weight;
    weigh(answer, answer_weight);
    weigh(texts_[Closing()].words, closing_weight);

    std::map<absl::string_view, int> by_agent;
    for (const TextMessage& message : messages_) ++by_agent[message.agent];
    std::map<absl::string_view, bool> met;
    for (int t = 0; t < count_; ++t) {
      Novelty novelty;
      int fresh = 0;
      for (const int word : texts_[t].words) {
        if (seen[word]) continue;
        seen[word] = true;
        ++fresh;
        novelty.numbers += reader_.is_number(word);
        novelty.answer += answer_weight[word];
        novelty.closing += closing_weight[word];
      }
      novelty.share = fresh / (texts_[t].words.size() + 1.0);
      novelty.new_agent = met.try_emplace(messages_[t].agent, true).second;
      novelty.agent_share = static_cast<double>(by_agent[messages_[t].agent]) / count_;
      novelty_.push_back(novelty);
    }
    MeasureLengths();
  }

  void MeasureLengths() {
    double sum = 0, squares = 0;
    for (const TextMessage& message : messages_) {
      const double length = std::log1p(static_cast<double>(message.content.size()));
      sum += length;
      squares += length * length;
    }
    mean_length_ = sum / count_;
    std_length_ = std::sqrt(std::fmax(0.0, squares / count_ - mean_length_ * mean_length_));
  }

  void Position(int t, std::vector<double>& row) const {
    row.push_back(t / 10.0);
    row.push_back(static_cast<double>(t) / std::max(1, count_ - 1));
    row.push_back(std::log1p(t));
    row.push_back(std::log1p(count_ - 1 - t));
    for (int position = 0; position < kPositions; ++position) row.push_back(t == position);
    row.push_back(t == count_ - 1);
    row.push_back(t == count_ - 2);
  }

  void Shape(int t, std::vector<double>& row) const {
    const double length = std::log1p(static_cast<double>(messages_[t].content.size()));
    row.push_back((length - mean_length_) / (std_length_ + 1e-6));
    row.push_back(length / 5);
    row.push_back(novelty_[t].new_agent);
    row.push_back(novelty_[t].agent_share);
    row.push_back(messages_[t].is_context || IsTerminal(messages_[t]));
  }

  void Origin(int t, std::vector<double>& row) const {
    row.push_back(novelty_[t].share);
    row.push_back(std::log1p(novelty_[t].numbers));
    row.push_back(novelty_[t].answer);
    row.push_back(novelty_[t].closing);
  }

  void Markers(int t, std::vector<double>& row) const {
    for (const int count : texts_[t].counts) row.push_back(std::log1p(count));
  }

  void Neighbours(int t, std::vector<double>& row) const {
    const auto says = [&](int message, Marker marker) {
      return message >= 0 && message < count_ && texts_[message].counts[marker] > 0;
    };
    for (const Marker m : {kFailed, kExitBad, kExitGood, kNegation, kAmends}) {
      row.push_back(says(t + 1, m));
    }
    for (const Marker m : {kFailed, kExitBad, kExitGood}) row.push_back(says(t - 1, m));
  }

  const std::vector<TextMessage>& messages_;
  const int count_;
  TextReader reader_;
  std::vector<ScannedText> texts_;
  std::vector<Novelty> novelty_;
  double mean_length_ = 0, std_length_ = 0;
};

std::vector<std::string> MakeNames() {
  std::vector<std::string> names = {"position", "relative_position", "log_position",
                                    "log_remaining"};
  for (int position = 0; position < kPositions; ++position) {
    names.push_back("position_" + std::to_string(position));
  }
  names.insert(names.end(), {"last",
                             "last_but_one",
                             "length_in_episode",
                             "length",
                             "first_of_agent",
                             "share_of_agent",
                             "tool",
                             "novelty",
                             "new_numbers",
                             "origin_of_answer",
                             "origin_of_closing",
                             "failed",
                             "exit_bad",
                             "exit_good",
                             "negation",
                             "amends",
                             "assumes",
                             "verifies",
                             "concludes",
                             "terminates",
                             "code",
                             "link",
                             "clicks",
                             "next_failed",
                             "next_exit_bad",
                             "next_exit_good",
                             "next_negation",
                             "next_amends",
                             "previous_failed",
                             "previous_exit_bad",
                             "previous_exit_good"});
  return names;
}

}  // namespace

const std::vector<std::string>& FeatureNames() {
  static const auto* const names = new std::vector<std::string>(MakeNames());
  return *names;
}

std::vector<double> TextFeatures(const TextEpisode& episode) { return Features(episode).Rows(); }

}  // namespace assay::blame
