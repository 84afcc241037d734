#include "server/transport/http_routes.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/struct.pb.h"
#include "server/base/json.h"
#include "server/base/json_shape.h"
#include "server/base/message_memory.h"
#include "server/base/status_macros.h"
#include "server/base/utf8.h"
#include "server/transport/http_json.h"
#include "server/wire/authors.h"
#include "server/wire/errors.h"
#include "server/wire/questions/questions.h"

namespace assay::service {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

int HttpStatus(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

constexpr absl::string_view kProtobuf = "application/x-protobuf";

// The names that clients use for it.
bool IsProtobuf(absl::string_view content_type) {
  const absl::string_view kind =
      absl::StripAsciiWhitespace(content_type.substr(0, content_type.find(';')));
  return absl::EqualsIgnoreCase(kind, kProtobuf) ||
         absl::EqualsIgnoreCase(kind, "application/protobuf");
}

// What a request in binary takes in memory once it is parsed.
int64_t BinaryMemory(absl::string_view body, int64_t limit) {
  google::protobuf::io::ArrayInputStream bytes(body.data(), static_cast<int>(body.size()));
  return MemoryOnceParsed(*v1::ComputeSignalsRequest::descriptor(), &bytes, limit);
}

bool HasParameter(absl::string_view query, absl::string_view parameter) {
  const std::vector<absl::string_view> parameters = absl::StrSplit(query, '&');
  return std::find(parameters.begin(), parameters.end(), parameter) != parameters.end();
}

// A list of strings, or one string in place of a list of one.
absl::StatusOr<std::vector<std::string>> Strings(const Struct& body, const char* field) {
  const auto found = body.fields().find(field);
  if (found == body.fields().end()) return Missing(field);
  std::vector<std::string> strings;
  if (found->second.kind_case() == Value::kStringValue) {
    return std::vector<std::string>{found->second.string_value()};
  }
  if (found->second.kind_case() != Value::kListValue) return Invalid(field, "must be a list");
  for (const Value& value : found->second.list_value().values()) {
    if (value.kind_case() != Value::kStringValue) {
      return Invalid(absl::StrCat(field, "[", strings.size(), "]"), "must be a string");
    }
    strings.push_back(value.string_value());
  }
  return strings;
}

absl::StatusOr<std::string> String(const Struct& body, const char* field) {
  const auto found = body.fields().find(field);
  if (found == body.fields().end()) return Missing(field);
  if (found->second.kind_case() != Value::kStringValue) return Invalid(field, "must be a string");
  return found->second.string_value();
}

// The episode that a label carries, with what the policy wrote in the place left for it.
absl::Status EpisodeOfLabel(absl::string_view path, int number, const std::string& label,
                            absl::string_view written, const Limits& limits, v1::Episode* episode) {
  ASSAY_RETURN_IF_ERROR(ParseJson(path, label, episode));
  // The same prompt is asked many times in a batch: its label's id is not unique.
  const std::string id = absl::StrCat(number, "/", episode->id());
  episode->set_id(std::string(CutText(id, limits.max_id_bytes)));
  episode->clear_group();
  const int last = episode->messages_size() - 1;
  if (last >= 0 && Authors(*episode)[last] != signals::kContext &&
      episode->messages(last).content().empty()) {
    episode->mutable_messages(last)->set_content(std::string(written));
  }
  return absl::OkStatus();
}

// Every episode must have its signals: half an answer would leave the trainer to invent the rest.
// `path` names the label that carried episode k.
absl::Status FirstFailure(const v1::ComputeSignalsResponse& response,
                          const std::function<std::string(int)>& path) {
  for (int k = 0; k < response.results_size(); ++k) {
    if (!response.results(k).has_error()) continue;
    const v1::Error& error = response.results(k).error();
    const absl::Status status = evaluation::StatusFromWire(error);
    if (error.violations().empty()) return status;
    absl::Status named(status.code(), absl::StrCat(path(k), ".", status.message()));
    status.ForEachPayload([&named](absl::string_view url, const absl::Cord& payload) {
      named.SetPayload(url, payload);
    });
    return named;
  }
  return absl::OkStatus();
}

void Add(double value, Value* list) {
  list->mutable_list_value()->add_values()->set_number_value(value);
}

HttpReply Good(std::string body) {
  HttpReply reply;
  reply.body = std::move(body);
  return reply;
}

std::string RewardReply(const v1::ComputeSignalsResponse& response, bool scalar_logs) {
  Struct reply;
  auto& fields = *reply.mutable_fields();
  Value& rewards = fields["rewards"];
  auto& logs = *fields["extra_logs"].mutable_struct_value()->mutable_fields();
  Value& first_errors = logs["first_error"];
  for (const v1::EpisodeResult& result : response.results()) {
    const v1::EpisodeSignals& signals = result.signals();
    Add(signals.score(), &rewards);
    Add(signals.first_error().has_first_index() ? signals.first_error().first_index() : -1,
        &first_errors);
  }
  if (!scalar_logs) {
    Value& message_rewards = logs["message_rewards"];
    for (const v1::EpisodeResult& result : response.results()) {
      Value* list = message_rewards.mutable_list_value()->add_values();
      list->mutable_list_value();
      for (const v1::MessageSignal& message : result.signals().messages()) {
        Add(message.reward(), list);
      }
    }
  }
  fields["scores"] = rewards;
  return ToJson(reply);
}

}  // namespace

HttpReply ToHttp(const absl::Status& status) {
  HttpReply reply;
  reply.status = HttpStatus(status.code());
  reply.retry_after = RetryAfter(status);
  reply.body = absl::StrCat("{\"error\":", ToJson(ErrorToWire(status)), "}");
  return reply;
}

absl::Status HttpRoutes::MayCall(absl::string_view authorization) const {
  return gate_ == nullptr ? absl::OkStatus() : gate_->Check({authorization, {}}).status();
}

absl::StatusOr<CallContext> HttpRoutes::ContextOf(const HttpCall& call) const {
  std::string caller;
  if (gate_ != nullptr) {
    absl::StatusOr<std::string> may = gate_->Check({call.authorization, {}});
    if (!may.ok()) return may.status();
    caller = *std::move(may);
  }
  return MakeCallContext(deps_.callers, caller, call.peer, call.traceparent);
}

bool HttpRoutes::IsStream(const HttpCall& call) {
  const absl::string_view kind =
      absl::StripAsciiWhitespace(call.content_type.substr(0, call.content_type.find(';')));
  return call.path == "/v1/signals" && (absl::EqualsIgnoreCase(kind, "application/x-ndjson") ||
                                        absl::EqualsIgnoreCase(kind, "application/jsonl"));
}

std::optional<HttpReply> HttpRoutes::Stream(const HttpCall& call, HttpDuplex duplex) const {
  absl::StatusOr<CallContext> context = ContextOf(call);
  absl::Status status = context.status();
  if (status.ok()) {
    status = ServeLines(deps_, *std::move(context), call.peer, std::move(duplex));
  }
  return status.ok() ? std::nullopt : std::optional<HttpReply>(ToHttp(status));
}

void HttpRoutes::Post(const HttpCall& call, Done done) const {
  absl::StatusOr<CallContext> found = ContextOf(call);
  if (!found.ok()) return done(ToHttp(found.status()));
  CallContext context = *std::move(found);
  const bool binary = call.path == "/v1/signals" && IsProtobuf(call.content_type);
  const int64_t bytes = binary ? BinaryMemory(call.body, deps_.config->limits.max_parsed_bytes())
                               : JsonMemory(call.body);
  if (bytes > deps_.config->limits.max_parsed_bytes()) {
    return done(ToHttp(ParsedTooLarge(deps_.config->limits.max_parsed_bytes())));
  }
  // The text is there, and again as a message on the wire on its way to the message itself.
  const Load load = {0, bytes + 2 * static_cast<int64_t>(call.body.size())};
  const Admission::Entry entry = context.share->admission.Enter(load);
  if (entry != Admission::Entry::kEntered) {
    deps_.observers.Tell(&SessionObserver::OnRejected, ReasonOf(entry));
    return done(ToHttp(NotAdmitted(entry, deps_.config->retry_after)));
  }
  done = [done = std::move(done), share = context.share, load](HttpReply reply) mutable {
    share->admission.Leave(load);
    done(std::move(reply));
  };
  if (call.path == "/v1/signals") {
    return Signals(std::move(context), call.body, binary, std::move(done));
  }
  if (call.path == "/get_reward") {
    return GetReward(std::move(context), call.body, HasParameter(call.query, "logs=scalar"),
                     std::move(done));
  }
  if (call.path == "/rm") {
    return RewardModel(std::move(context), call.body, HasParameter(call.query, "signals=1"),
                       std::move(done));
  }
  done(ToHttp(absl::NotFoundError("POST /v1/signals, /get_reward or /rm")));
}

void HttpRoutes::Compute(CallContext context,
                         std::shared_ptr<const v1::ComputeSignalsRequest> request,
                         BatchCall::Done done) const {
  BatchCall::Make(deps_, std::move(context), std::move(request), 0, std::move(done))->Start();
}

void HttpRoutes::Signals(CallContext context, absl::string_view body, bool binary,
                         Done done) const {
  auto request = std::make_shared<v1::ComputeSignalsRequest>();
  absl::Status parsed;
  if (!binary) {
    parsed = ParseJson("body", body, request.get());
  } else if (!request->ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    parsed = Invalid("body", "bytes that are no ComputeSignalsRequest");
  }
  if (!parsed.ok()) return done(ToHttp(parsed));
  Compute(std::move(context), std::move(request),
          [binary,
           done = std::move(done)](absl::StatusOr<v1::ComputeSignalsResponse> computed) mutable {
            if (!computed.ok()) return done(ToHttp(computed.status()));
            HttpReply reply = Good(binary ? computed->SerializeAsString() : ToJson(*computed));
            if (binary) reply.content_type = kProtobuf;
            done(std::move(reply));
          });
}

void HttpRoutes::GetReward(CallContext context, absl::string_view body, bool scalar_logs,
                           Done done) const {
  Struct fields;
  if (absl::Status parsed = ParseJson("body", body, &fields); !parsed.ok()) {
    return done(ToHttp(parsed));
  }
  const auto queries = Strings(fields, "query");
  const auto prompts = Strings(fields, "prompts");
  const auto labels = Strings(fields, "labels");
  for (const auto* list : {&queries, &prompts, &labels}) {
    if (!list->ok()) return done(ToHttp(list->status()));
    if ((*list)->size() != queries->size()) {
      return done(ToHttp(Invalid("labels", "query, prompts and labels must be of equal length")));
    }
  }
  auto request = std::make_shared<v1::ComputeSignalsRequest>();
  for (size_t i = 0; i < labels->size(); ++i) {
    absl::string_view written = (*queries)[i];
    if (absl::StartsWith(written, (*prompts)[i])) written.remove_prefix((*prompts)[i].size());
    absl::Status built =
        EpisodeOfLabel(absl::StrCat("labels[", i, "]"), static_cast<int>(i), (*labels)[i], written,
                       deps_.config->limits, request->add_episodes());
    if (!built.ok()) return done(ToHttp(built));
  }
  Compute(std::move(context), std::move(request),
          [done = std::move(done),
           scalar_logs](absl::StatusOr<v1::ComputeSignalsResponse> computed) mutable {
            const auto path = [](int k) { return absl::StrCat("labels[", k, "]"); };
            const absl::Status status =
                computed.ok() ? FirstFailure(*computed, path) : computed.status();
            done(status.ok() ? Good(RewardReply(*computed, scalar_logs)) : ToHttp(status));
          });
}

void HttpRoutes::RewardModel(CallContext context, absl::string_view body, bool with_signals,
                             Done done) const {
  Struct fields;
  if (absl::Status parsed = ParseJson("body", body, &fields); !parsed.ok()) {
    return done(ToHttp(parsed));
  }
  const auto response = String(fields, "response");
  if (!response.ok()) return done(ToHttp(response.status()));
  const auto label = String(fields, "label");
  if (!label.ok()) return done(ToHttp(label.status()));
  auto request = std::make_shared<v1::ComputeSignalsRequest>();
  absl::Status built =
      EpisodeOfLabel("label", 0, *label, *response, deps_.config->limits, request->add_episodes());
  if (!built.ok()) return done(ToHttp(built));
  Compute(std::move(context), std::move(request),
          [done = std::move(done),
           with_signals](absl::StatusOr<v1::ComputeSignalsResponse> computed) mutable {
            const auto path = [](int) { return std::string("label"); };
            const absl::Status status =
                computed.ok() ? FirstFailure(*computed, path) : computed.status();
            if (!status.ok()) return done(ToHttp(status));
            const v1::EpisodeSignals& signals = computed->results(0).signals();
            Value score;
            score.set_number_value(signals.score());
            const std::string number = ToJson(score);
            std::string body = with_signals ? absl::StrCat("{\"score\":", number,
                                                           ",\"signals\":", ToJson(signals), "}")
                                            : number;
            done(Good(std::move(body)));
          });
}

}  // namespace assay::service
