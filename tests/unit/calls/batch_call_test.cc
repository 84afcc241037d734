#include "server/calls/batch_call.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "server/engine/engine.h"
#include "server/wire/errors.h"
#include "tests/simulation/virtual_executor.h"
#include "tests/unit/evaluation/fixtures.h"
#include "tests/unit/session/episodes.h"

namespace assay::service {
namespace {

class BatchCallTest : public ::testing::Test {
 protected:
  BatchCallTest() {
    catalog_.evaluators["manual"] = manual_;
    deps_.engine = &engine_;
    deps_.executor = &executor_;
    deps_.config = &config_;
    deps_.catalog = &catalog_;
    deps_.callers = &callers_;
  }

  // Two episodes that the test itself answers.
  std::shared_ptr<v1::ComputeSignalsRequest> Request() const {
    auto request = std::make_shared<v1::ComputeSignalsRequest>();
    request->mutable_options()->mutable_named()->set_name("manual");
    *request->add_episodes() = SmallEpisode("x", 1);
    *request->add_episodes() = SmallEpisode("y", 1);
    return request;
  }

  std::shared_ptr<BatchCall> Make(std::shared_ptr<const v1::ComputeSignalsRequest> request) {
    return BatchCall::Make(deps_, {callers_.Share("client"), {}}, std::move(request), 0,
                           [this](absl::StatusOr<v1::ComputeSignalsResponse> answer) {
                             ++calls_;
                             answer_ = std::move(answer);
                           });
  }

  void AnswerAll() {
    executor_.RunReady();
    for (size_t i = 0; i < manual_->calls.size(); ++i) {
      if (!manual_->calls[i]->ended) manual_->Answer(i);
      executor_.RunReady();
    }
  }

  absl::StatusOr<v1::ComputeSignalsResponse> Answered(
      const std::shared_ptr<v1::ComputeSignalsRequest>& request) {
    Make(request)->Start();
    AnswerAll();
    EXPECT_EQ(calls_, 1);
    calls_ = 0;
    return *answer_;
  }

  static constexpr Load kPlenty = {100, int64_t{1} << 30};
  simulation::VirtualExecutor executor_;
  engine::Engine engine_{&executor_, nullptr};
  SessionConfig config_;
  Catalog catalog_;
  Admission admission_{kPlenty};
  Callers callers_{kPlenty, &admission_};
  ServiceDeps deps_;
  std::shared_ptr<evaluation::ManualEvaluator> manual_ =
      std::make_shared<evaluation::ManualEvaluator>();
  int calls_ = 0;
  std::optional<absl::StatusOr<v1::ComputeSignalsResponse>> answer_;
};

TEST_F(BatchCallTest, CancelEndsWhatIsUnanswered) {
  const auto call = Make(Request());
  call->Start();
  executor_.RunReady();
  ASSERT_EQ(manual_->open(), 2);
  manual_->Answer(0);
  executor_.RunReady();
  EXPECT_EQ(calls_, 0) << "one is out";
  call->Cancel();
  executor_.RunReady();
  ASSERT_EQ(calls_, 1);
  ASSERT_TRUE(answer_->ok());
  EXPECT_TRUE((*answer_)->results(0).has_signals());
  EXPECT_EQ((*answer_)->results(1).error().code(), static_cast<int>(absl::StatusCode::kCancelled));
  EXPECT_TRUE(manual_->calls[1]->cancelled);
  EXPECT_EQ(manual_->open(), 0);
}

// Every episode that waits for a worker is a task. More than max_started of them would keep the
// episodes of streams, which come one after the other, behind the whole call.
TEST_F(BatchCallTest, LeavesWorkersToStreams) {
  config_.max_started = 3;
  auto request = std::make_shared<v1::ComputeSignalsRequest>();
  request->mutable_options()->mutable_outcome();
  for (int i = 0; i < 20; ++i) {
    *request->add_episodes() = SmallEpisode(absl::StrCat("e", i), 1);
  }
  Make(request)->Start();
  int ran = 0;
  for (int k = 0; k < 4; ++k) {
    bool reached = false;
    executor_.Post([&reached] { reached = true; });
    const int before = ran;
    while (!reached && executor_.RunOne()) ++ran;
    EXPECT_LE(ran - before, 3 + 1) << "the call's tasks stood before it";
  }
  executor_.RunReady();
  ASSERT_EQ(calls_, 1);
  ASSERT_TRUE(answer_->ok()) << answer_->status();
  for (const v1::EpisodeResult& result : (*answer_)->results()) EXPECT_TRUE(result.has_signals());
}

// Whoever waits for answers from outside takes no worker: all episodes are asked about at once.
TEST_F(BatchCallTest, AsksAboutAllEpisodesAtOnceWhereAnswersComeFromOutside) {
  config_.max_started = 1;
  Make(Request())->Start();
  executor_.RunReady();
  EXPECT_EQ(manual_->open(), 2);
  AnswerAll();
  EXPECT_EQ(calls_, 1);
}

TEST_F(BatchCallTest, WhatIsCancelledBeforeItIsStartedIsNotAsked) {
  const auto call = Make(Request());
  call->Cancel();
  call->Start();
  executor_.RunReady();
  ASSERT_EQ(calls_, 1);
  for (const v1::EpisodeResult& result : (*answer_)->results()) {
    EXPECT_EQ(result.error().code(), static_cast<int>(absl::StatusCode::kCancelled));
  }
  EXPECT_TRUE(manual_->calls.empty());
}

TEST_F(BatchCallTest, ACallHoldsAsManyEpisodesAsTheLimitSays) {
  config_.limits.max_episodes_per_call = 2;
  const auto request = Request();
  EXPECT_TRUE(Answered(request).ok());
  *request->add_episodes() = SmallEpisode("z", 1);
  EXPECT_EQ(Answered(request).status().code(), absl::StatusCode::kOutOfRange) << answer_->status();
  request->clear_episodes();
  EXPECT_EQ(Answered(request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(BatchCallTest, AResponseFitsOrTheCallFails) {
  auto request = Request();
  request->mutable_options()->set_max_response_bytes(4096);
  for (v1::Episode& episode : *request->mutable_episodes()) {
    for (int t = 0; t < 20; ++t) *episode.add_messages() = episode.messages(0);
  }
  const auto whole = Answered(request);
  ASSERT_TRUE(whole.ok()) << whole.status();
  const auto one = static_cast<int64_t>(whole->results(0).ByteSizeLong());
  ASSERT_TRUE(whole->results(0).has_signals());
  ASSERT_LT(static_cast<int64_t>(whole->ByteSizeLong()), 4096);
  while (static_cast<int64_t>(request->episodes_size() + 1) * (one + 3) < 4096) {
    *request->add_episodes() = request->episodes(0);
    request->mutable_episodes(request->episodes_size() - 1)
        ->set_id(std::string(1, static_cast<char>('a' + request->episodes_size())));
  }
  const auto full = Answered(request);
  ASSERT_TRUE(full.ok()) << full.status();
  EXPECT_GT(static_cast<int64_t>(full->ByteSizeLong()), 4096 - 2 * one);
  for (const char* id : {"v", "w"}) {
    *request->add_episodes() = request->episodes(0);
    request->mutable_episodes(request->episodes_size() - 1)->set_id(id);
  }
  EXPECT_EQ(Answered(request).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(BatchCallTest, AResponseMayBeAsLongAsItsLimit) {
  auto request = Request();
  for (v1::Episode& episode : *request->mutable_episodes()) {
    for (int t = 0; t < 100; ++t) *episode.add_messages() = episode.messages(0);
  }
  const auto whole = Answered(request);
  ASSERT_TRUE(whole.ok()) << whole.status();
  const auto bytes = static_cast<int32_t>(whole->ByteSizeLong());
  ASSERT_GT(bytes, 4096);
  request->mutable_options()->set_max_response_bytes(bytes);
  EXPECT_TRUE(Answered(request).ok()) << answer_->status();
  request->mutable_options()->set_max_response_bytes(bytes - 1);
  EXPECT_EQ(Answered(request).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(BatchCallTest, HoldsTheMemoryOfItsEpisodesUntilItIsOver) {
  const auto request = Request();
  int64_t bytes = 0;
  for (const v1::Episode& episode : request->episodes()) {
    bytes += MemoryOf(episode, static_cast<int64_t>(episode.ByteSizeLong()));
  }
  auto call = Make(request);
  call->Start();
  EXPECT_EQ(admission_.episodes(), 2);
  EXPECT_EQ(admission_.bytes(), bytes);
  AnswerAll();
  call.reset();
  manual_->calls.clear();
  EXPECT_EQ(admission_.episodes(), 0);
  EXPECT_EQ(admission_.bytes(), 0);
}

TEST_F(BatchCallTest, OptionsWithoutEffectAreRefused) {
  const auto late = Request();
  late->mutable_options()->mutable_group_timeout()->set_seconds(1);
  Make(late)->Start();
  EXPECT_EQ(answer_->status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ErrorToWire(answer_->status()).violations(0).field(), "group_timeout");
  const auto estimated = Request();
  estimated->mutable_options()->mutable_outcome();
  estimated->mutable_options()->mutable_estimator()->set_max_questions(9);
  Make(estimated)->Start();
  EXPECT_EQ(ErrorToWire(answer_->status()).violations(0).field(), "estimator.max_questions");
}

TEST_F(BatchCallTest, SaysWhatIsIgnored) {
  const auto request = Request();
  for (v1::Episode& episode : *request->mutable_episodes()) {
    v1::Message* tool = episode.add_messages();
    tool->set_process_score(0.5);
  }
  const auto answer = Answered(request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->notices_size(), 1) << "once a call";
  EXPECT_EQ(answer->notices(0).kind(), v1::Notice::KIND_SCORES_ON_CONTEXT);
  EXPECT_EQ(answer->notices(0).episode_id(), "x");
}

TEST_F(BatchCallTest, AnIdIsUsedOnce) {
  auto request = Request();
  request->mutable_episodes(1)->set_id("x");
  const auto answer = Answered(request);
  ASSERT_TRUE(answer.ok());
  EXPECT_TRUE(answer->results(0).has_signals());
  EXPECT_EQ(answer->results(1).error().code(), static_cast<int>(absl::StatusCode::kAlreadyExists));
}

TEST_F(BatchCallTest, GroupsComeInTheOrderOfTheirFirstEpisodes) {
  auto request = Request();
  *request->add_episodes() = SmallEpisode("z", 0);
  for (int e = 0; e < 3; ++e) {
    request->mutable_episodes(e)->mutable_group()->set_id(e == 1 ? "a" : "z");
  }
  executor_.RunFor(absl::Seconds(1));
  const auto answer = Answered(request);
  ASSERT_TRUE(answer.ok());
  ASSERT_EQ(answer->groups_size(), 2);
  EXPECT_EQ(answer->groups(0).group_id(), "z");
  EXPECT_EQ(answer->groups(0).signals().used(), 2);
  EXPECT_EQ(answer->groups(1).group_id(), "a");
}

TEST_F(BatchCallTest, ElapsedIsSinceTheCallBegan) {
  const auto call = Make(Request());
  call->Start();
  executor_.RunFor(absl::Seconds(3));
  AnswerAll();
  ASSERT_EQ(calls_, 1);
  EXPECT_EQ((*answer_)->results(0).elapsed().seconds(), 3);
}

}  // namespace
}  // namespace assay::service
