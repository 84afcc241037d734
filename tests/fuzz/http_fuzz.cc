// Requests of the HTTP gateway: any body, and bodies that are nearly right. The engine behind is
// the real one, under a virtual clock; so these are also the unary call's requests.
#include <optional>
#include <string>
#include <utility>

#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "server/engine/engine.h"
#include "server/transport/http_routes.h"
#include "tests/fuzz/cases.pb.h"
#include "tests/fuzz/episodes.h"
#include "tests/fuzz/invariants.h"
#include "tests/fuzz/mutator.h"
#include "tests/simulation/virtual_executor.h"

namespace assay::fuzz {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

std::string Json(const google::protobuf::Message& message) {
  std::string json;
  static_cast<void>(google::protobuf::util::MessageToJsonString(message, &json));
  return json;
}

bool FromJson(const std::string& json, google::protobuf::Message* message) {
  return google::protobuf::util::JsonStringToMessage(json, message).ok();
}

std::string Text(const Label& label) {
  return label.has_episode() ? Json(label.episode()) : label.text();
}

Value Texts(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  Value list;
  list.mutable_list_value();
  for (const std::string& text : texts) {
    list.mutable_list_value()->add_values()->set_string_value(text);
  }
  return list;
}

std::string Body(const HttpCase& input) {
  Struct body;
  auto& fields = *body.mutable_fields();
  switch (input.body_case()) {
    case HttpCase::kSignals:
      return Json(input.signals());
    case HttpCase::kGetReward: {
      fields["query"] = Texts(input.get_reward().query());
      fields["prompts"] = Texts(input.get_reward().prompts());
      Value& labels = fields["labels"];
      labels.mutable_list_value();
      for (const Label& label : input.get_reward().labels()) {
        labels.mutable_list_value()->add_values()->set_string_value(Text(label));
      }
      return Json(body);
    }
    case HttpCase::kRewardModel:
      fields["prompt"].set_string_value(input.reward_model().prompt());
      fields["response"].set_string_value(input.reward_model().response());
      fields["label"].set_string_value(Text(input.reward_model().label()));
      return Json(body);
    default:
      return input.raw();
  }
}

void CheckReply(const service::HttpReply& reply) {
  Value body;
  Check(FromJson(reply.body, &body), "reply is JSON:", reply.body.c_str());
  if (reply.status == 200) return;
  Check(reply.status >= 400 && reply.status <= 504, "status");
  Check(body.struct_value().fields().count("error") == 1, "error:", reply.body.c_str());
}

// The answer to /v1/signals: each episode's result in its place, and right.
void CheckSignalsReply(const std::string& sent, const std::string& reply) {
  v1::ComputeSignalsRequest request;
  v1::ComputeSignalsResponse response;
  Check(FromJson(sent, &request), "a request that was answered is one");
  Check(FromJson(reply, &response), "the answer is a response");
  const auto options =
      service::ResolveOptions(request.options(), service::Limits(), HashEvaluators(), std::nullopt);
  Check(options.ok(), "options that were answered are right");
  Check(response.results_size() == request.episodes_size(), "a result for each episode");
  for (int i = 0; i < response.results_size(); ++i) {
    const v1::EpisodeResult& result = response.results(i);
    Check(result.episode_id() == request.episodes(i).id(), "results in order");
    if (result.has_signals()) {
      CheckSignals(result.signals(), request.episodes(i), options->wire);
    } else {
      CheckError(result.error());
    }
  }
  for (const v1::GroupResult& group : response.groups()) CheckGroup(group);
}

void MendCase(google::protobuf::Message* message, Random& random) {
  auto* input = static_cast<HttpCase*>(message);
  const v1::AttributionOptions none;
  switch (input->body_case()) {
    case HttpCase::kSignals: {
      v1::ComputeSignalsRequest* request = input->mutable_signals();
      input->set_path("/v1/signals");
      MendOptions(request->mutable_options(), random);
      for (v1::Episode& episode : *request->mutable_episodes()) {
        MendEpisode(request->options(), &episode, random);
      }
      break;
    }
    case HttpCase::kGetReward:
      input->set_path("/get_reward");
      for (Label& label : *input->mutable_get_reward()->mutable_labels()) {
        MendEpisode(none, label.mutable_episode(), random);
      }
      break;
    case HttpCase::kRewardModel:
      input->set_path("/rm");
      MendEpisode(none, input->mutable_reward_model()->mutable_label()->mutable_episode(), random);
      break;
    default:
      break;
  }
}

void Run(const HttpCase& input) {
  simulation::VirtualExecutor executor;
  engine::Engine engine(&executor, nullptr);
  service::SessionConfig config;
  const service::Load most = {64, int64_t{1} << 20};
  service::Admission admission(most);
  service::Callers callers(most, &admission);
  service::ServiceDeps deps;
  deps.engine = &engine;
  deps.executor = &executor;
  deps.config = &config;
  deps.catalog = &HashEvaluators();
  deps.callers = &callers;
  const service::HttpRoutes routes(deps, nullptr);

  const std::string body = Body(input);
  int replies = 0;
  service::HttpReply reply;
  service::HttpCall call;
  call.path = input.path();
  call.query = input.query();
  call.authorization = input.authorization();
  call.traceparent = input.traceparent();
  call.peer = "127.0.0.1:1";
  call.body = body;
  routes.Post(call, [&](service::HttpReply given) {
    ++replies;
    reply = std::move(given);
  });
  executor.RunUntilIdle();
  Check(replies == 1, "one reply");
  Check(admission.episodes() == 0 && admission.bytes() == 0, "admission was left");
  // Either parses the reply, which takes most of an input's time.
  if (input.path() == "/v1/signals" && reply.status == 200) {
    CheckSignalsReply(body, reply.body);
  } else {
    CheckReply(reply);
  }
}

}  // namespace
}  // namespace assay::fuzz

ASSAY_FUZZ_TARGET(assay::fuzz::HttpCase, assay::fuzz::Run, assay::fuzz::MendCase)
