#include "tests/simulation/blame/collections.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "tests/simulation/blame/shared_data.h"
#include "tests/simulation/blame/splitmix.h"

namespace assay::blame {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr int kFolds = 10;

const Value* Field(const Struct& record, const std::string& name) {
  const auto found = record.fields().find(name);
  return found == record.fields().end() ? nullptr : &found->second;
}

std::string Text(const Struct& record, const std::string& name) {
  const Value* value = Field(record, name);
  return value == nullptr ? "" : value->string_value();
}

absl::string_view Keep(StoredCollection& into, std::string text) {
  return into.texts->emplace_back(std::move(text));
}

bool IsTool(const std::string& agent) { return agent.rfind("tool:", 0) == 0; }

// An episode of a log, without its label.
LabelledText ReadEpisode(const Struct& record, StoredCollection& into) {
  LabelledText out;
  out.episode.task = Keep(into, Text(record, "task"));
  for (const Value& value : record.fields().at("messages").list_value().values()) {
    const Struct& message = value.struct_value();
    const std::string agent = Text(message, "agent");
    TextMessage read{Keep(into, agent), Keep(into, Text(message, "content"))};
    read.is_output = IsTool(agent);
    read.is_context = read.is_output || agent == "user";
    const Value* round = Field(message, "round");
    if (round != nullptr) read.round = static_cast<int>(round->number_value());
    out.episode.messages.push_back(read);
  }
  return out;
}

// The first message for which `wrong` holds.
template <class Wrong>
std::optional<int> FirstWrong(const Struct& record, const Wrong& wrong) {
  const auto& messages = record.fields().at("messages").list_value().values();
  for (int t = 0; t < messages.size(); ++t) {
    if (wrong(messages[t].struct_value())) return t;
  }
  return std::nullopt;
}

std::optional<int> LabelOf(const Struct& record) {
  if (const Value* label = Field(record, "label")) {
    return static_cast<int>(label->struct_value().fields().at("first_error_index").number_value());
  }
  const Struct& extra = record.fields().at("extra").struct_value();
  if (Field(extra, "player_messages") != nullptr) {
    std::optional<int> first;
    for (const auto& [message, shapley] : extra.fields().at("shapley").struct_value().fields()) {
      const int t = std::stoi(message);
      if (shapley.number_value() < 0 && t < first.value_or(t + 1)) first = t;
    }
    return first;
  }
  if (Field(extra, "hidden_pass_round1") != nullptr) {
    return FirstWrong(record, [](const Struct& message) {
      const Value* passed = Field(message, "hidden_pass");
      return passed != nullptr && passed->has_number_value() && passed->number_value() == 0;
    });
  }
  const std::string reference = Text(record, "reference_answer");
  return FirstWrong(record, [&](const Struct& message) {
    const Value* answer = Field(message, "answer");
    return answer != nullptr && answer->has_string_value() && answer->string_value() != reference;
  });
}

// Who&When groups its episodes by question, tau-bench its trials by task.
std::string QuestionOf(const Struct& record) {
  const Value* meta = Field(record, "meta");
  return meta != nullptr ? Text(meta->struct_value(), "question_id") : Text(record, "task");
}

StoredCollection Read(const std::string& name) {
  StoredCollection out;
  out.labelled.source = name;
  for (const Struct& record : ReadShared(name + ".jsonl.gz")) {
    if (record.fields().at("outcome").number_value() != 0) continue;
    const std::optional<int> label = LabelOf(record);
    if (!label.has_value()) continue;
    LabelledText episode = ReadEpisode(record, out);
    episode.first_error = *label;
    out.labelled.episodes.push_back(std::move(episode));
    out.labelled.questions.push_back(QuestionOf(record));
  }
  return out;
}

std::string Words(int count, SplitMix& random) {
  std::string out;
  for (int i = 0; i < count; ++i) absl::StrAppend(&out, "w", random.Below(400), "x ");
  return out;
}

// The agents' message that is the most frequent label, or author of one, among the others.
template <class Key>
Key MostFrequent(const std::map<Key, int>& counts, Key otherwise) {
  int most = 0;
  for (const auto& [key, count] : counts) {
    if (count > most) {
      most = count;
      otherwise = key;
    }
  }
  return otherwise;
}

std::vector<int> AgentsMessages(const TextEpisode& episode) {
  std::vector<int> out;
  for (size_t t = 0; t < episode.messages.size(); ++t) {
    if (!episode.messages[t].is_context) out.push_back(static_cast<int>(t));
  }
  return out;
}

// The last message of whoever did not speak the closing word.
int LastWorker(const TextEpisode& episode, const std::vector<int>& messages) {
  for (size_t i = messages.size(); i-- > 0;) {
    const TextMessage& message = episode.messages[messages[i]];
    if (message.agent != episode.messages[messages.back()].agent && !IsOutput(message)) {
      return messages[i];
    }
  }
  return messages.back();
}

}  // namespace

std::vector<StoredCollection> SharedCollections() {
  std::vector<StoredCollection> out;
  for (const char* name :
       {"whowhen_ag", "taubench_airline_gpt4o", "dylan_humaneval_gpt_35_turbo_0301",
        "dylan_math_complex", "dylan_mmlu_3agents", "dylan_mmlu_7agents"}) {
    out.push_back(Read(name));
    if (out.back().labelled.episodes.empty()) return {};
  }
  return out;
}

StoredCollection DrawnCollection(int kind, int episodes, uint64_t seed) {
  StoredCollection out;
  out.labelled.source = absl::StrCat("drawn_", kind);
  SplitMix random(seed);
  for (int e = 0; e < episodes; ++e) {
    LabelledText& drawn = out.labelled.episodes.emplace_back();
    out.labelled.questions.push_back(absl::StrCat(e));
    drawn.episode.task = Keep(out, Words(12, random));
    const int count = (kind == 2 ? 20 : 6) + static_cast<int>(random.Below(kind == 0 ? 5 : 14));
    const bool tools = kind != 1;
    const int step = tools ? 2 : 1;  // every other message is a tool's
    const int slots = (count + step - 1) / step;
    const int slot = kind == 2 ? slots / 2 + static_cast<int>(random.Below(slots - slots / 2))
                               : static_cast<int>(random.Below(slots));
    drawn.first_error = slot * step;
    for (int t = 0; t < count; ++t) {
      TextMessage message;
      message.is_context = message.is_output = tools && t % 2 == 1;
      message.agent = kind == 2 ? "solo" : Keep(out, absl::StrCat("m", random.Below(3)));
      std::string text = Words(8 + static_cast<int>(random.Below(60)), random);
      const bool echo = kind == 0 && t == drawn.first_error + 1 && random.Below(3) > 0;
      if (message.is_context) message.agent = "";
      message.content = Keep(out, echo ? "Error: failed " + text : std::move(text));
      drawn.episode.messages.push_back(message);
    }
  }
  return out;
}

const char* NameOf(Trivial predictor) {
  switch (predictor) {
    case Trivial::kUniform:
      return "uniform";
    case Trivial::kFirst:
      return "first_message";
    case Trivial::kLastWorker:
      return "last_worker";
    case Trivial::kMostFrequentAgent:
      return "most_frequent_agent";
    case Trivial::kMostFrequentPosition:
      return "most_frequent_position";
  }
  return "";
}

TrivialAccuracy Accuracy(Trivial predictor, const LabelledCollection& collection) {
  const std::vector<int> folds = FoldsByQuestion(collection.questions, kFolds);
  TrivialAccuracy out;
  const auto episodes = static_cast<double>(collection.episodes.size());
  for (size_t e = 0; e < collection.episodes.size(); ++e) {
    const LabelledText& text = collection.episodes[e];
    const TextEpisode& episode = text.episode;
    const std::vector<int> messages = AgentsMessages(episode);
    std::map<int, int> positions;
    std::map<absl::string_view, int> authors;
    for (size_t other = 0; other < collection.episodes.size(); ++other) {
      if (folds[other] == folds[e]) continue;
      const LabelledText& label = collection.episodes[other];
      const std::vector<int> all = AgentsMessages(label.episode);
      const auto place = std::find(all.begin(), all.end(), label.first_error) - all.begin();
      ++positions[static_cast<int>(place)];
      ++authors[label.episode.messages[label.first_error].agent];
    }
    const absl::string_view author = episode.messages[text.first_error].agent;
    if (predictor == Trivial::kUniform) {
      out.step += 1 / (episodes * static_cast<double>(messages.size()));
      for (const int t : messages) {
        out.agent += (episode.messages[t].agent == author) /
                     (episodes * static_cast<double>(messages.size()));
      }
      continue;
    }
    int guess = messages.front();
    if (predictor == Trivial::kLastWorker) guess = LastWorker(episode, messages);
    if (predictor == Trivial::kMostFrequentPosition) {
      const int place = MostFrequent(positions, 0);
      guess = messages[std::min<size_t>(place, messages.size() - 1)];
    }
    if (predictor == Trivial::kMostFrequentAgent) {
      // Of the agents of this episode the one that was most often at fault; its first message.
      int most = -1;
      for (const int t : messages) {
        const auto found = authors.find(episode.messages[t].agent);
        const int count = found == authors.end() ? 0 : found->second;
        if (count > most) {
          most = count;
          guess = t;
        }
      }
    }
    out.step += (guess == text.first_error) / episodes;
    out.agent += (episode.messages[guess].agent == author) / episodes;
  }
  return out;
}

}  // namespace assay::blame
