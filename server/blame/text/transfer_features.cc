#include "server/blame/text/transfer_features.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace assay::blame {
namespace {

constexpr double kMaxBefore = 8;

class TransferReader {
 public:
  explicit TransferReader(const TextEpisode& episode)
      : messages_(episode.messages), count_(static_cast<int>(episode.messages.size())) {
    for (const TextMessage& message : messages_) texts_.push_back(reader_.Read(message.content));
    marked_.assign(reader_.words(), -1);
    Link();
    LineUp();
  }

  std::vector<double> Rows() {
    std::vector<double> rows;
    rows.reserve(count_ * TransferFeatureNames().size());
    for (int t = 0; t < count_; ++t) {
      if (Spoke(t)) {
        AddRow(t, rows);
      } else {
        rows.resize(rows.size() + TransferFeatureNames().size());
        rows[rows.size() - 1] = IsOutput(messages_[t]) && !messages_[t].is_context;
      }
    }
    return rows;
  }

 private:
  bool Spoke(int t) const { return !messages_[t].is_context && !IsOutput(messages_[t]); }

  // Each author's messages in order, and the last words of all.
  void Link() {
    next_.assign(count_, -1);
    previous_.assign(count_, -1);
    std::map<absl::string_view, int> last_of;
    for (int t = 0; t < count_; ++t) {
      if (!Spoke(t)) continue;
      const auto [found, is_first] = last_of.try_emplace(messages_[t].agent, t);
      if (!is_first) {
        previous_[t] = found->second;
        next_[found->second] = t;
        found->second = t;
      }
      final_ = t;
      if (SaysAnything(texts_[t])) closing_ = t;
    }
  }

  // Where agents wrote side by side: how many others stand before a message in its round, and
  // whether its author had read such a round.
  void LineUp() {
    before_.assign(count_, 0);
    answers_round_.assign(count_, false);
    std::map<int, std::set<absl::string_view>> spoke;
    for (int t = 0; t < count_; ++t) {
      if (!Spoke(t) || messages_[t].round <= 0) continue;
      std::set<absl::string_view>& others = spoke[messages_[t].round];
      before_[t] = static_cast<int>(others.size() - others.count(messages_[t].agent));
      others.insert(messages_[t].agent);
    }
    const auto shared = std::find_if(spoke.begin(), spoke.end(),
                                     [](const auto& round) { return round.second.size() > 1; });
    for (int t = 0; t < count_ && shared != spoke.end(); ++t) {
      answers_round_[t] = Spoke(t) && messages_[t].round > shared->first;
    }
  }

  // Jaccard similarity of the words of two messages; 0 where one is missing.
  double Alike(int a, int b) {
    if (a < 0 || b < 0) return 0;
    for (const int word : texts_[a].words) marked_[word] = a;
    double both = 0;
    for (const int word : texts_[b].words) both += marked_[word] == a;
    const double either =
        static_cast<double>(texts_[a].words.size() + texts_[b].words.size()) - both;
    return both / (either + 1);
  }

  bool Says(int t, Marker marker) const {
    return t >= 0 && t < count_ && texts_[t].counts[marker] > 0;
  }

  void AddRow(int t, std::vector<double>& rows) {
    const bool followed = t + 1 < count_;
    const double row[] = {
        static_cast<double>(followed && IsOutput(messages_[t + 1])),  // acts
        static_cast<double>(t > 0 && IsOutput(messages_[t - 1])),     // reads_result
        static_cast<double>(Says(t + 1, kFailed)),                    // error_follows
        Alike(next_[t], t),                                           // tried_again
        Alike(previous_[t], t),                                       // retry
        static_cast<double>(Says(t + 1, kAmends)),                    // amended
        static_cast<double>(t == closing_),                           // answer
        static_cast<double>(t == final_),                             // last_word
        static_cast<double>(followed &&
                            messages_[t + 1].agent != messages_[t].agent),  // hands_over
        static_cast<double>(!SaysAnything(texts_[t])),                      // empty
        std::fmin(before_[t], kMaxBefore),                                  // stands_behind
        static_cast<double>(answers_round_[t]),                             // answers_round
        0.0,                                                                // prints
    };
    rows.insert(rows.end(), std::begin(row), std::end(row));
  }

  const std::vector<TextMessage>& messages_;
  const int count_;
  TextReader reader_;
  std::vector<ScannedText> texts_;
  std::vector<int> marked_;           // by word: the message that last marked it
  std::vector<int> next_, previous_;  // messages of the same author; -1: none
  std::vector<int> before_;           // messages of the same round
  std::vector<bool> answers_round_;
  int closing_ = -1, final_ = -1;  // last message of an agent that says anything, and last of all
};

}  // namespace

const std::vector<std::string>& TransferFeatureNames() {
  static const auto* const names = new std::vector<std::string>{
      "acts",          "reads_result",  "error_follows", "tried_again", "retry",
      "amended",       "answer",        "last_word",     "hands_over",  "empty",
      "stands_behind", "answers_round", "prints"};
  return *names;
}

std::vector<double> TransferFeatures(const TextEpisode& episode) {
  return TransferReader(episode).Rows();
}

}  // namespace assay::blame
