// The HTTP gateway, over real sockets: proto JSON, OpenRLHF's and slime's protocols, limits,
// tokens.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "assay/v1/signal_service.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "server/runtime/assay_server.h"
#include "tests/integration/http_fixture.h"

namespace assay::testing {
namespace {

TEST_F(Http, SignalsAsProtoJson) {
  Start();
  const Reply reply = Post("/v1/signals", absl::StrCat("{\"episodes\": [", kEpisode, "]}"));
  ASSERT_EQ(reply.status, 200) << reply.body;
  v1::ComputeSignalsResponse response;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(reply.body, &response).ok());
  ASSERT_EQ(response.results_size(), 1);
  EXPECT_EQ(response.results(0).signals().score(), 0.75);
  EXPECT_EQ(response.results(0).signals().messages_size(), 2);
}

TEST_F(Http, SignalsAsProtobuf) {
  Start();
  const std::string json = absl::StrCat("{\"episodes\": [", kEpisode, "]}");
  v1::ComputeSignalsRequest request;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json, &request).ok());
  const std::string kind = "Content-Type: application/x-protobuf\r\n";
  const Reply reply = Post("/v1/signals", request.SerializeAsString(), kind);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_TRUE(absl::StrContains(reply.head, kind.substr(0, kind.size() - 2))) << reply.head;
  v1::ComputeSignalsResponse binary;
  ASSERT_TRUE(binary.ParseFromString(reply.body));
  v1::ComputeSignalsResponse text;
  ASSERT_TRUE(
      google::protobuf::util::JsonStringToMessage(Post("/v1/signals", json).body, &text).ok());
  EXPECT_EQ(binary.results(0).signals().SerializeAsString(),
            text.results(0).signals().SerializeAsString());
  const Reply wrong = Post("/v1/signals", json, kind);
  EXPECT_EQ(wrong.status, 400);
  EXPECT_TRUE(absl::StrContains(wrong.body, "bytes that are no ComputeSignalsRequest"));
}

// Four episodes of a group, a line each.
std::string GroupLines() {
  std::string lines;
  for (int k = 0; k < 4; ++k) {
    absl::StrAppend(&lines, R"({"id": "e)", k, R"(", "group": {"id": "g", "size": 4}, )",
                    R"("agents": [{"id": "a"}], "outcome": {"score": )", k / 4.0,
                    R"(}, "messages": [{"agentId": "a", )", R"("content": "one"}]})", "\n");
  }
  return lines;
}

constexpr char kLines[] = "Content-Type: application/x-ndjson\r\n";

// The lines of a chunked answer, each as a struct.
std::vector<google::protobuf::Struct> LinesOf(const std::string& chunked) {
  std::string text;
  for (size_t at = 0; at < chunked.size();) {
    const size_t end = chunked.find("\r\n", at);
    const size_t length = std::stoul(chunked.substr(at, end - at), nullptr, 16);
    if (length == 0) break;
    text += chunked.substr(end + 2, length);
    at = end + 4 + length;
  }
  std::vector<google::protobuf::Struct> lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipWhitespace())) {
    lines.push_back(Parse(std::string(line)));
  }
  return lines;
}

TEST_F(Http, LinesInLinesOut) {
  Start();
  Connection connection(port_);
  const std::string body = absl::StrCat(
      R"({"options": {"advantages": {"scale": "OUTCOME_SCALE_NONE"}}})", "\n", GroupLines(), "\n",
      "no json\n", R"({"id": "last", "agents": [{"id": "a"}], "outcome": {"score": 1}, )",
      R"("messages": [{"agentId": "a", "content": "x"}]})");
  connection.Send(absl::StrCat("POST /v1/signals HTTP/1.1\r\nHost: localhost\r\nContent-Length: ",
                               body.size(), "\r\n", kLines, "\r\n", body));
  const Reply reply = connection.ReceiveAll();
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(absl::StrContains(reply.head, "application/x-ndjson")) << reply.head;
  int results = 0;
  int errors = 0;
  for (const auto& line : LinesOf(reply.body)) {
    const auto& fields = line.fields();
    if (fields.contains("groupId")) {
      EXPECT_EQ(results, 4) << "a group comes after its episodes";
      const auto& members =
          fields.at("signals").struct_value().fields().at("episodes").list_value();
      ASSERT_EQ(members.values_size(), 4);
      const auto& first = members.values(0).struct_value().fields();
      EXPECT_DOUBLE_EQ(first.at("outcomeAdvantage").number_value(), -.375);
    } else if (fields.contains("error")) {
      ++errors;
      const auto& message = fields.at("error").struct_value().fields().at("message");
      EXPECT_TRUE(absl::StartsWith(message.string_value(), "line 7: ")) << message.string_value();
    } else {
      results += fields.at("episodeId").string_value() != "last";
      EXPECT_TRUE(fields.contains("signals"));
    }
  }
  EXPECT_EQ(results, 4);
  EXPECT_EQ(errors, 1);
}

TEST_F(Http, ResultsComeWhileTheBodyIsSent) {
  Start();
  Connection connection(port_);
  connection.Send(
      absl::StrCat("POST /v1/signals HTTP/1.1\r\nHost: localhost\r\n"
                   "Transfer-Encoding: chunked\r\n",
                   kLines, "\r\n"));
  const std::string lines = GroupLines() + std::string(4096, '\n');  // read in pieces of 4 KiB
  connection.Send(absl::StrCat(absl::Hex(lines.size()), "\r\n", lines, "\r\n"));
  EXPECT_TRUE(connection.ReceiveUntil("\"groupId\":\"g\"")) << "before the body's end";
  connection.Send("0\r\n\r\n");
  EXPECT_EQ(connection.ReceiveAll().status, 200);
}

TEST_F(Http, StreamsOfLinesAreRefusedAsAStatus) {
  Start();
  const Reply caller = Post("/v1/signals", "{\"options\": {\"caller\": {}}}\n", kLines);
  EXPECT_EQ(caller.status, 400) << caller.body;
  EXPECT_TRUE(absl::StrContains(caller.body, "options.caller")) << caller.body;
  const Reply wrong = Post("/v1/signals", "{\"options\": {\"nonsense\": {}}}\n", kLines);
  EXPECT_EQ(wrong.status, 400) << wrong.body;
  EXPECT_TRUE(absl::StrContains(wrong.body, "line 1")) << wrong.body;
  runtime::Config config;
  config.session.limits.max_transport_bytes = 4 << 20;
  config.session.limits.max_episode_bytes = 1 << 20;
  Start(config);
  const Reply large = Post("/v1/signals", std::string(5 << 20, ' '), kLines);
  EXPECT_EQ(large.status, 400) << large.body;
}

TEST_F(Http, DescribesItself) {
  Start();
  Connection connection(port_);
  connection.Send("GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const Reply reply = connection.Receive();
  EXPECT_EQ(reply.status, 200);
  const google::protobuf::Struct described = Parse(reply.body);
  EXPECT_TRUE(described.fields().at("paths").struct_value().fields().contains("/v1/signals"));
}

TEST_F(Http, OpenRlhfsProtocol) {
  Start();
  const std::string body =
      absl::StrCat(R"({"query": ["PROMPT answer"], "prompts": ["PROMPT "], "labels": [)",
                   Quoted(kEpisode), "]}");
  const Reply reply = Post("/get_reward", body);
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto parsed = Parse(reply.body);
  EXPECT_EQ(parsed.fields().at("rewards").list_value().values(0).number_value(), 0.75);
  EXPECT_EQ(parsed.fields().at("scores").list_value().values(0).number_value(), 0.75);
  const auto& logs = parsed.fields().at("extra_logs").struct_value().fields();
  EXPECT_EQ(logs.at("first_error").list_value().values(0).number_value(), -1);
  const auto& rewards = logs.at("message_rewards").list_value().values(0).list_value();
  ASSERT_EQ(rewards.values_size(), 2);
  EXPECT_NEAR(rewards.values(0).number_value() + rewards.values(1).number_value(), 0.75, 1e-9);
  const auto scalar = Parse(Post("/get_reward?logs=scalar", body).body);
  EXPECT_FALSE(
      scalar.fields().at("extra_logs").struct_value().fields().contains("message_rewards"));
}

TEST_F(Http, SlimesProtocol) {
  Start();
  const std::string body =
      absl::StrCat(R"({"prompt": "P", "response": "answer", "label": )", Quoted(kEpisode), "}");
  const Reply reply = Post("/rm", body);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.body, "0.75");
  const auto full = Parse(Post("/rm?signals=1", body).body);
  EXPECT_EQ(full.fields().at("score").number_value(), 0.75);
  EXPECT_TRUE(full.fields().at("signals").struct_value().fields().contains("messages"));
}

// What the policy wrote stands in the last message, where that is an agent's and empty: here it
// says again what the first message said, which shows in its redundancy.
TEST_F(Http, TheResponseTakesThePlaceLeftForIt) {
  Start();
  constexpr char kText[] = "one two three four five six seven";
  const auto last_of = [&](const std::string& agent, const std::string& content) {
    const std::string label = absl::StrCat(
        R"({"agents": [{"id": "a"}, {"id": "b"}], "outcome": {"score": 1}, "messages": [)",
        R"({"agentId": "a", "content": ")", kText, R"("}, {"agentId": "b", "content": "eight"},)",
        R"({"agentId": ")", agent, R"(", "content": ")", content, R"("}]})");
    const Reply reply = Post("/rm?signals=1", absl::StrCat(R"({"response": ")", kText,
                                                           R"(", "label": )", Quoted(label), "}"));
    EXPECT_EQ(reply.status, 200) << reply.body;
    const auto parsed = Parse(reply.body);
    const auto& messages =
        parsed.fields().at("signals").struct_value().fields().at("messages").list_value();
    const auto& last = messages.values(messages.values_size() - 1).struct_value().fields();
    const auto redundancy = last.find("redundancy");
    return redundancy == last.end() ? 0 : redundancy->second.number_value();
  };
  EXPECT_EQ(last_of("b", ""), 1);
  EXPECT_EQ(last_of("b", "nothing of the kind"), 0);
  EXPECT_EQ(last_of("", ""), 0);
}

TEST_F(Http, TheOnlyMessageMayBeTheResponse) {
  runtime::Config config;
  config.session.limits.max_episode_bytes = 1000;
  Start(config);
  const auto status = [&](const std::string& messages, size_t length) {
    const std::string label = absl::StrCat(
        R"({"agents": [{"id": "a"}], "outcome": {"score": 1}, "messages": [)", messages, "]}");
    return Post("/rm", absl::StrCat(R"({"response": ")", std::string(length, 'x'),
                                    R"(", "label": )", Quoted(label), "}"))
        .status;
  };
  EXPECT_EQ(status(R"({"agentId": "a"})", 500), 200);
  EXPECT_EQ(status(R"({"agentId": "a"})", 1000), 400) << "the episode is too large with it";
  EXPECT_EQ(status("", 500), 400) << "no message";
}

TEST_F(Http, RewardsComeInTheOrderOfTheLabels) {
  Start();
  const auto label = [](double score, const char* mark) {
    return Quoted(absl::StrCat(
        R"({"agents": [{"id": "a"}], "outcome": {"score": )", score,
        R"(}, "messages": [{"agentId": "a", "content": "x"}, {"agentId": "a", "content": "y")",
        mark, "}]}"));
  };
  const Reply reply =
      Post("/get_reward?other&logs=scalar",
           absl::StrCat(R"({"query": ["Pa", "Pb"], "prompts": ["P", "P"], "labels": [)",
                        label(0.25, R"(, "firstError": true)"), ",", label(0.75, ""), "]}"));
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto parsed = Parse(reply.body);
  const auto& rewards = parsed.fields().at("rewards").list_value();
  ASSERT_EQ(rewards.values_size(), 2);
  EXPECT_EQ(rewards.values(0).number_value(), 0.25);
  EXPECT_EQ(rewards.values(1).number_value(), 0.75);
  const auto& logs = parsed.fields().at("extra_logs").struct_value().fields();
  EXPECT_EQ(logs.at("first_error").list_value().values(0).number_value(), 1);
  EXPECT_EQ(logs.at("first_error").list_value().values(1).number_value(), -1);
}

// Never a reward in place of a failure.
TEST_F(Http, FailuresAreStatuses) {
  Start();
  EXPECT_EQ(Post("/v1/signals", "{").status, 400);
  EXPECT_EQ(Post("/v1/signals", R"({"unknown": 1})").status, 400);
  EXPECT_EQ(Post("/v1/signals", "{}").status, 400);
  EXPECT_EQ(Post("/nowhere", "{}").status, 404);
  EXPECT_EQ(Post("/get_reward", R"({"query": ["q"], "prompts": [], "labels": []})").status, 400);
  EXPECT_EQ(
      Post("/get_reward", R"({"query": ["q"], "prompts": ["p"], "labels": ["no json"]})").status,
      400);
  const std::string label = Quoted(kEpisode);
  for (const std::string& fields :
       {absl::StrCat(R"("query": ["q", "r"], "prompts": ["p"], "labels": [)", label, "]"),
        absl::StrCat(R"("query": ["q"], "prompts": ["p", "p"], "labels": [)", label, "]"),
        absl::StrCat(R"("query": ["q"], "prompts": ["p"], "labels": [)", label, ",", label, "]"),
        absl::StrCat(R"("query": ["q"], "labels": [)", label, "]"),
        absl::StrCat(R"("query": [1], "prompts": ["p"], "labels": [)", label, "]"),
        absl::StrCat(R"("query": 1, "prompts": ["p"], "labels": [)", label, "]")}) {
    EXPECT_EQ(Post("/get_reward", absl::StrCat("{", fields, "}")).status, 400) << fields;
  }
  EXPECT_EQ(
      Post("/get_reward", absl::StrCat(R"({"query": "q", "prompts": "p", "labels": )", label, "}"))
          .status,
      200);
  for (const std::string& fields :
       {absl::StrCat(R"("response": ["r", "s"], "label": )", label),
        absl::StrCat(R"("response": "r", "label": [)", label, ",", label, "]"),
        absl::StrCat(R"("response": [], "label": )", label)}) {
    EXPECT_EQ(Post("/rm", absl::StrCat("{", fields, "}")).status, 400) << fields;
  }
  const Reply no_json = Post("/v1/signals", R"({"a secret" 1})");
  EXPECT_EQ(no_json.status, 400);
  EXPECT_FALSE(absl::StrContains(no_json.body, "secret")) << no_json.body;
  const Reply bad = Post("/rm", R"({"response": "r", "label": "{\"id\": \"e\"}"})");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(Parse(bad.body).fields().at("error").struct_value().fields().at("code").number_value(),
            3);
  Connection get(port_);
  get.Send("GET /v1/signals HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(get.Receive().status, 405);
}

// An id that must be cut ends before a character that does not fit.
TEST_F(Http, AnswersAreUtf8WhereverAnIdIsCut) {
  Start();
  for (int letters = 248; letters < 256; ++letters) {
    std::string id(letters, 'x');
    while (id.size() < 300) id += "\xf0\x9f\x98\x80";
    const std::string label =
        absl::StrCat(R"({\"id\": \")", id, R"(\", \"agents\": [{\"id\": \"a\"}], )",
                     R"(\"messages\": [{\"agentId\": \"a\", \"content\": \"x\"}], )",
                     R"(\"outcome\": {\"score\": 1}})");
    const Reply reply = Post("/rm?signals=1",
                             absl::StrCat(R"({"prompt":"","response":"","label":")", label, "\"}"));
    EXPECT_EQ(reply.status, 200) << reply.body;
    google::protobuf::Struct read;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(reply.body, &read).ok()) << reply.body;
  }
}

}  // namespace
}  // namespace assay::testing
