// The same bytes of EpisodeSignals with 1, 2 and 16 workers, in any order of arrival, from unary
// and stream.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "tests/integration/harness.h"

namespace assay::testing {
namespace {

std::vector<v1::Episode> Mixed() {
  std::vector<v1::Episode> episodes;
  for (int i = 0; i < 60; ++i) {
    v1::Episode episode = i % 3 == 2 ? Plain(absl::StrCat("e", i), i % 2)
                                     : Debate(absl::StrCat("e", i), 2 + i % 7, i);
    episode.mutable_group()->set_id(absl::StrCat("g", i % 5));
    episode.mutable_group()->set_size(12);
    episodes.push_back(episode);
  }
  return episodes;
}

using Bytes = std::map<std::string, std::string>;

Bytes OverStream(int workers, std::vector<v1::Episode> episodes, unsigned shuffle) {
  TestServer server(LocalConfig(workers));
  auto stub = server.Stub();
  std::shuffle(episodes.begin(), episodes.end(), std::minstd_rand(shuffle));
  const StreamOutcome outcome = RunStream(stub.get(), {}, episodes);
  EXPECT_TRUE(outcome.status.ok());
  Bytes bytes;
  for (const auto& [id, result] : outcome.results) {
    EXPECT_TRUE(result.has_signals()) << result.error().message();
    bytes[id] = result.signals().SerializeAsString();
  }
  for (const auto& [id, group] : outcome.groups) bytes[id] = group.SerializeAsString();
  return bytes;
}

TEST(Determinism, BytesDependOnNothingButTheEpisode) {
  const std::vector<v1::Episode> episodes = Mixed();
  const Bytes reference = OverStream(1, episodes, 1);
  ASSERT_EQ(reference.size(), 65u);  // 60 episodes, 5 groups
  EXPECT_EQ(OverStream(2, episodes, 2), reference);
  EXPECT_EQ(OverStream(16, episodes, 3), reference);

  TestServer server(LocalConfig(2));
  auto stub = server.Stub();
  v1::ComputeSignalsRequest request;
  for (const v1::Episode& episode : episodes) *request.add_episodes() = episode;
  v1::ComputeSignalsResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(stub->ComputeSignals(&context, request, &response).ok());
  Bytes unary;
  for (int i = 0; i < response.results_size(); ++i) {
    EXPECT_EQ(response.results(i).episode_id(), episodes[i].id());
    unary[response.results(i).episode_id()] = response.results(i).signals().SerializeAsString();
  }
  for (const auto& group : response.groups()) unary[group.group_id()] = group.SerializeAsString();
  EXPECT_EQ(unary, reference);
}

// A group of 64 on one stream, on 8 streams through ComputeAdvantages, and in one unary call.
TEST(Determinism, AdvantagesAreTheSameHoweverTheGroupIsSpread) {
  std::vector<v1::Episode> episodes;
  for (int i = 0; i < 64; ++i) {
    episodes.push_back(Debate(absl::StrCat("e", i), 3, i));
    episodes.back().mutable_group()->set_id("task");
  }
  TestServer server(LocalConfig(2));
  auto stub = server.Stub();
  std::vector<v1::Episode> announced = episodes;
  for (auto& episode : announced) episode.mutable_group()->set_size(64);
  v1::GroupResult on_one = RunStream(stub.get(), {}, announced).groups.at("task");
  on_one.mutable_signals()->clear_pairs();  // they need the texts, which signals do not carry

  v1::ComputeAdvantagesRequest request;
  for (int s = 7; s >= 0; --s) {
    const std::vector<v1::Episode> part(episodes.begin() + 8 * s, episodes.begin() + 8 * s + 8);
    for (const auto& [id, result] : RunStream(stub.get(), {}, part).results) {
      *request.add_episodes() = result.signals();
    }
  }
  v1::ComputeAdvantagesResponse advantages;
  grpc::ClientContext context;
  ASSERT_TRUE(stub->ComputeAdvantages(&context, request, &advantages).ok());
  ASSERT_EQ(advantages.groups_size(), 1);
  EXPECT_EQ(advantages.groups(0).SerializeAsString(), on_one.SerializeAsString());

  v1::ComputeSignalsRequest unary;
  unary.mutable_episodes()->Assign(announced.begin(), announced.end());
  v1::ComputeSignalsResponse response;
  grpc::ClientContext unary_context;
  ASSERT_TRUE(stub->ComputeSignals(&unary_context, unary, &response).ok());
  ASSERT_EQ(response.groups_size(), 1);
  response.mutable_groups(0)->mutable_signals()->clear_pairs();
  EXPECT_EQ(response.groups(0).SerializeAsString(), on_one.SerializeAsString());
}

}  // namespace
}  // namespace assay::testing
