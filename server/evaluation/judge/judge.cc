#include "server/evaluation/judge/judge.h"

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/protobuf/struct.pb.h"
#include "server/base/json.h"
#include "server/base/read_file.h"
#include "server/base/retry_after.h"
#include "server/base/status_macros.h"
#include "server/evaluation/judge/http_client.h"
#include "server/evaluation/judge/judge_prompt.h"
#include "server/evaluation/judge/judge_verdict.h"
#include "server/evaluation/wrappers/batch_join.h"
#include "server/signals/findings.h"

namespace assay::evaluation {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using signals::QuestionKind;

constexpr int kVerdictTokens = 4;
constexpr int kJsonTokens = 32;
constexpr int kJsonTokensPerGrade = 8;

Value Text(const std::string& text) {
  Value value;
  value.set_string_value(text);
  return value;
}
Value Number(double number) {
  Value value;
  value.set_number_value(number);
  return value;
}
Value Flag(bool flag) {
  Value value;
  value.set_bool_value(flag);
  return value;
}
Value Object(std::vector<std::pair<std::string, Value>> fields) {
  Value value;
  auto& map = *value.mutable_struct_value()->mutable_fields();
  for (std::pair<std::string, Value>& field : fields) map[field.first] = std::move(field.second);
  return value;
}
Value List(std::vector<Value> items) {
  Value value;
  for (Value& item : items) *value.mutable_list_value()->add_values() = std::move(item);
  return value;
}

Value GradeSchema() {
  return Object({{"type", Text("integer")}, {"minimum", Number(0)}, {"maximum", Number(9)}});
}

// A schema for {"name": type}, as response_format takes it.
Value ResponseFormat(const std::string& name, Value type) {
  Value schema = Object({{"type", Text("object")},
                         {"properties", Object({{name, std::move(type)}})},
                         {"required", List({Text(name)})},
                         {"additionalProperties", Flag(false)}});
  return Object({{"type", Text("json_schema")},
                 {"json_schema", Object({{"name", Text("verdict")},
                                         {"strict", Flag(true)},
                                         {"schema", std::move(schema)}})}});
}

// One request to the judge.
struct Ask {
  std::string prompt;
  uint64_t seed = 0;
  int grades = 0;  // 0: a single grade; else how many in one JSON list
};

class JudgeEvaluator final : public Evaluator, public std::enable_shared_from_this<JudgeEvaluator> {
 public:
  JudgeEvaluator(const JudgeOptions& options, JudgePrompts prompts, const std::string& key,
                 Timers* timers)
      : options_(options),
        prompts_(std::move(prompts)),
        url_(absl::StrCat(absl::StripSuffix(options.url, "/"), "/chat/completions")),
        timers_(timers),
        json_only_(options.verdict == JudgeOptions::Verdict::kJson) {
    traits_.kind = signals::EvaluatorKind::kNamed;
    traits_.supports = Bit(QuestionKind::kCoalition) | Bit(QuestionKind::kMessages) |
                       Bit(QuestionKind::kPrefix) | Bit(QuestionKind::kMessageScores);
    traits_.free = false;
    traits_.deterministic = options.temperature == 0;
    headers_.push_back("Content-Type: application/json");
    if (!key.empty()) headers_.push_back(absl::StrCat("Authorization: Bearer ", key));
    HttpClientOptions http;
    http.ca_file = options.ca_file;
    http.max_connections = options.max_connections;
    http_ = std::make_shared<HttpClient>(http);
  }

  absl::string_view name() const override { return options_.name; }
  const signals::EvaluatorTraits& traits() const override { return traits_; }

  CancelFn Evaluate(Batch batch, BatchDone done) override {
    absl::StatusOr<std::vector<Ask>> asks = AsksOf(batch);
    if (!asks.ok()) {
      done(asks.status());
      return [] {};
    }
    // One part for each request: the join counts them in, then they are folded into answers.
    Batch requests;
    requests.context = batch.context;
    requests.deadline = batch.deadline;
    requests.questions.resize(asks->size());
    auto join = std::make_shared<BatchJoin>(
        std::move(requests), [self = shared_from_this(), batch = std::move(batch),
                              done = std::move(done)](absl::StatusOr<Answers> parts) mutable {
          done(parts.ok() ? absl::StatusOr<Answers>(self->Fold(batch, *parts))
                          : absl::StatusOr<Answers>(parts.status()));
        });
    if (asks->empty()) join->Deliver({}, Answers());
    for (size_t i = 0; i < asks->size(); ++i) {
      Send(join, i, std::make_shared<const Ask>(std::move((*asks)[i])));
    }
    return [join] { join->Stop(absl::CancelledError("cancelled")); };
  }

 private:
  // Requests in the order in which Fold takes their answers.
  absl::StatusOr<std::vector<Ask>> AsksOf(const Batch& batch) const {
    std::vector<Ask> asks;
    for (const signals::Question& question : batch.questions) {
      if (!traits_.Supports(question.kind)) {
        return absl::UnimplementedError("a judge cannot answer this kind of question");
      }
      const signals::Episode& episode = batch.context->episode;
      for (const int step : StepsOf(question, episode)) {
        for (int sample = 0; sample < SamplesOf(question); ++sample) {
          Ask ask;
          ask.prompt = RenderPrompt(prompts_, episode, question, step);
          ask.seed = batch.context->seed + static_cast<uint64_t>(sample);
          if (question.kind == QuestionKind::kMessageScores && step < 0) {
            ask.grades = CountGraded(episode);
          }
          if (static_cast<int64_t>(ask.prompt.size()) > options_.max_prompt_bytes) {
            return absl::OutOfRangeError(absl::StrCat("messages: a prompt of ", ask.prompt.size(),
                                                      " bytes where the judge takes ",
                                                      options_.max_prompt_bytes));
          }
          asks.push_back(std::move(ask));
        }
      }
    }
    return asks;
  }

  static int CountGraded(const signals::Episode& episode) {
    int count = 0;
    for (const signals::Message& message : episode.messages) {
      count += message.agent == signals::kContext ? 0 : 1;
    }
    return count;
  }

  // Scores are not averaged: a question for them is one request, or one a message.
  static int SamplesOf(const signals::Question& question) {
    return question.kind == QuestionKind::kMessageScores ? 1 : question.samples;
  }

  // The messages that get a request of their own; -1: one request for the whole question.
  std::vector<int> StepsOf(const signals::Question& question,
                           const signals::Episode& episode) const {
    if (question.kind != QuestionKind::kMessageScores) return {-1};
    if (!options_.step_by_step) {
      return CountGraded(episode) > 0 ? std::vector<int>{-1} : std::vector<int>{};
    }
    return signals::AgentsMessages(episode);
  }

  Answers Fold(const Batch& batch, const Answers& parts) const {
    Answers answers;
    size_t next = 0;
    const signals::Episode& episode = batch.context->episode;
    for (const signals::Question& question : batch.questions) {
      signals::Answer& answer = answers.emplace_back();
      if (question.kind == QuestionKind::kMessageScores) {
        std::vector<double> grades;
        for (size_t k = StepsOf(question, episode).size(); k > 0; --k) {
          const std::vector<double>& got = parts[next++].scores;
          grades.insert(grades.end(), got.begin(), got.end());
        }
        size_t grade = 0;
        for (const signals::Message& message : episode.messages) {
          answer.scores.push_back(message.agent == signals::kContext ? 0 : 2 * grades[grade++] - 1);
        }
      } else {
        FoldSamples(batch.context->range,
                    absl::MakeConstSpan(parts).subspan(next, question.samples), &answer);
        next += static_cast<size_t>(question.samples);
      }
    }
    return answers;
  }

  void FoldSamples(const signals::ValueRange& range, absl::Span<const signals::Answer> parts,
                   signals::Answer* answer) const {
    answer->samples = static_cast<int32_t>(parts.size());
    double sum = 0;
    for (const signals::Answer& part : parts) sum += part.scores[0];
    const double mean = sum / static_cast<double>(parts.size());
    double squares = 0;
    for (const signals::Answer& part : parts) squares += std::pow(part.scores[0] - mean, 2);
    answer->mean = range.low + range.size() * mean;
    if (parts.size() > 1) {
      answer->variance =
          squares / static_cast<double>(parts.size() - 1) * range.size() * range.size();
    } else if (!traits_.deterministic) {
      // One sample does not tell its spread: the widest that a value of this mean can have.
      answer->variance = mean * (1 - mean) * range.size() * range.size();
    }
  }

  void Send(const std::shared_ptr<BatchJoin>& join, size_t part,
            const std::shared_ptr<const Ask>& ask) {
    if (join->stopped()) return;
    const bool json = ask->grades > 0 || json_only_.load(std::memory_order_relaxed);
    HttpRequest request;
    request.url = url_;
    request.headers = headers_;
    const std::string& traceparent = join->batch().context->traceparent;
    if (!traceparent.empty()) request.headers.push_back(absl::StrCat("traceparent: ", traceparent));
    request.body = Body(*ask, json);
    request.timeout = join->batch().deadline - timers_->Now();
    const HttpClient::RequestId id = http_->Post(
        std::move(request),
        [self = shared_from_this(), join, part, ask, json](absl::StatusOr<std::string> response) {
          self->OnResponse(join, part, ask, json, std::move(response));
        });
    join->Attach([http = http_, id] { http->Cancel(id); });
  }

  void OnResponse(const std::shared_ptr<BatchJoin>& join, size_t part,
                  const std::shared_ptr<const Ask>& ask, bool json,
                  absl::StatusOr<std::string> response) {
    absl::StatusOr<std::vector<double>> grades =
        response.ok() ? GradesOf(*ask, json, *response)
                      : absl::StatusOr<std::vector<double>>(response.status());
    if (MeansNoLogprobs(json, grades.status())) {
      json_only_.store(true, std::memory_order_relaxed);
      Send(join, part, ask);
      return;
    }
    if (!grades.ok()) {
      join->Stop(grades.status());
      return;
    }
    signals::Answer answer;
    answer.scores = std::move(*grades);
    join->Deliver({&part, 1}, Answers{std::move(answer)});
  }

  static absl::StatusOr<std::vector<double>> GradesOf(const Ask& ask, bool json,
                                                      const std::string& response) {
    if (ask.grades > 0) return JsonGrades(response, ask.grades);
    const absl::StatusOr<double> grade = json ? JsonGrade(response) : ExpectedGrade(response);
    if (!grade.ok()) return grade.status();
    return std::vector<double>{*grade};
  }

  // FAILED_PRECONDITION is a 400: some servers refuse a request that asks for them.
  bool MeansNoLogprobs(bool json, const absl::Status& status) const {
    return !json && options_.verdict == JudgeOptions::Verdict::kAuto &&
           (status.code() == absl::StatusCode::kNotFound ||
            status.code() == absl::StatusCode::kFailedPrecondition);
  }

  std::string Body(const Ask& ask, bool json) const {
    Struct body;
    auto& fields = *body.mutable_fields();
    fields["model"] = Text(options_.model);
    fields["messages"] =
        List({Object({{"role", Text("system")}, {"content", Text(prompts_.system)}}),
              Object({{"role", Text("user")}, {"content", Text(ask.prompt)}})});
    fields["temperature"] = Number(options_.temperature);
    fields["seed"] = Number(static_cast<double>(ask.seed & 0x7fffffff));
    if (ask.grades > 0) {
      const double count = ask.grades;
      fields["max_tokens"] = Number(kJsonTokens + kJsonTokensPerGrade * count);
      fields["response_format"] = ResponseFormat("grades", Object({{"type", Text("array")},
                                                                   {"items", GradeSchema()},
                                                                   {"minItems", Number(count)},
                                                                   {"maxItems", Number(count)}}));
    } else if (json) {
      fields["max_tokens"] = Number(kJsonTokens);
      fields["response_format"] = ResponseFormat("grade", GradeSchema());
    } else {
      fields["max_tokens"] = Number(kVerdictTokens);
      fields["logprobs"] = Flag(true);
      fields["top_logprobs"] = Number(options_.top_logprobs);
    }
    // A Struct of finite numbers and UTF-8 always has a JSON form.
    return ToJson(body);
  }

  const JudgeOptions options_;
  const JudgePrompts prompts_;
  const std::string url_;
  Timers* const timers_;
  std::atomic<bool> json_only_;
  signals::EvaluatorTraits traits_;
  std::vector<std::string> headers_;
  std::shared_ptr<HttpClient> http_;
};

absl::StatusOr<std::string> ReadKey(const JudgeOptions& options) {
  if (!options.api_key_file.empty() && !options.api_key_env.empty()) {
    return absl::InvalidArgumentError("api_key_file and api_key_env are both set");
  }
  std::string key;
  if (!options.api_key_file.empty()) {
    ASSAY_ASSIGN_OR_RETURN(key, ReadFile(options.api_key_file));
  } else if (!options.api_key_env.empty()) {
    const char* value = std::getenv(options.api_key_env.c_str());
    if (value == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("environment variable ", options.api_key_env, " is not set"));
    }
    key = value;
  } else {
    return key;
  }
  absl::StripAsciiWhitespace(&key);
  // A line break would add headers of its own.
  const bool printable = std::all_of(key.begin(), key.end(), absl::ascii_isgraph);
  if (key.empty() || !printable) return absl::InvalidArgumentError("the API key is not a token");
  return key;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Evaluator>> MakeJudge(const JudgeOptions& options, Timers* timers,
                                                     QuestionObservers observers) {
  const std::string where = absl::StrCat("evaluator \"", options.name, "\": ");
  if (!absl::StartsWith(options.url, "http://") && !absl::StartsWith(options.url, "https://")) {
    return absl::InvalidArgumentError(absl::StrCat(where, "url is neither http nor https"));
  }
  if (options.model.empty()) return absl::InvalidArgumentError(absl::StrCat(where, "no model"));
  const absl::StatusOr<std::string> key = ReadKey(options);
  if (!key.ok()) return Annotate(key.status(), where);
  absl::StatusOr<JudgePrompts> prompts = options.prompts_folder.empty()
                                             ? absl::StatusOr<JudgePrompts>(DefaultPrompts())
                                             : LoadPrompts(options.prompts_folder);
  if (!prompts.ok()) return Annotate(prompts.status(), where);
  auto judge = std::make_shared<JudgeEvaluator>(options, std::move(*prompts), *key, timers);
  return WithPolicy(std::move(judge), options.policy, timers, observers);
}

NamedEvaluator NamedJudge(const JudgeOptions& options) {
  return {options.name, options.policy.cache_bytes,
          [options](Timers* timers, QuestionObservers observers) {
            return MakeJudge(options, timers, std::move(observers));
          }};
}

}  // namespace assay::evaluation
