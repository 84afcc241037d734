#include "server/evaluation/wrappers/cache.h"

#include <functional>
#include <random>
#include <set>

#include "assay/v1/episode.pb.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "server/evaluation/wrappers/cache_key.h"
#include "tests/unit/evaluation/fixtures.h"

namespace assay::evaluation {
namespace {

class Counts final : public QuestionObserver {
 public:
  void OnQuestionsCached(absl::string_view, int64_t count) override { cached += count; }
  int64_t cached = 0;
};

class CacheTest : public ::testing::Test {
 protected:
  std::shared_ptr<Evaluator> Make(int64_t bytes = 1 << 20) {
    return Cached(inner_, bytes, &counts_);
  }
  Counts counts_;
  std::shared_ptr<ManualEvaluator> inner_ = std::make_shared<ManualEvaluator>();
};

TEST_F(CacheTest, ASecondPassAsksNothing) {
  const auto cache = Make();
  Outcome first;
  Outcome second;
  const CancelFn a = cache->Evaluate(CoalitionBatch(SmallContext(3)), first.Done());
  inner_->Answer(0);
  const CancelFn b = cache->Evaluate(CoalitionBatch(SmallContext(3)), second.Done());
  EXPECT_EQ(inner_->calls.size(), 1u);
  ASSERT_EQ(second.calls, 1);
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_EQ((**second.result)[i].mean, (**first.result)[i].mean);
    EXPECT_EQ((**second.result)[i].samples, (**first.result)[i].samples);
  }
  EXPECT_EQ(counts_.cached, 8);
}

TEST_F(CacheTest, AsksOnlyWhatItDoesNotKnow) {
  const auto cache = Make();
  Batch one;
  one.context = SmallContext(2);
  one.questions = {CoalitionQuestion(2)};
  Outcome first;
  Outcome second;
  const CancelFn a = cache->Evaluate(one, first.Done());
  inner_->Answer(0);
  const Batch all = CoalitionBatch(SmallContext(2));
  const CancelFn b = cache->Evaluate(all, second.Done());
  ASSERT_EQ(inner_->calls.size(), 2u);
  EXPECT_EQ(inner_->calls[1]->batch.questions.size(), 3u);
  inner_->Answer(1);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ((**second.result)[i].mean, OwnAnswers(all)[i].mean);
}

TEST_F(CacheTest, SingleFlight) {
  const auto cache = Make();
  Outcome outcomes[3];
  std::vector<CancelFn> cancels;
  for (Outcome& outcome : outcomes) {
    cancels.push_back(cache->Evaluate(CoalitionBatch(SmallContext(2)), outcome.Done()));
  }
  EXPECT_EQ(inner_->calls.size(), 1u);
  inner_->Answer(0);
  for (Outcome& outcome : outcomes) {
    ASSERT_EQ(outcome.calls, 1);
    EXPECT_TRUE(outcome.result->ok());
  }
  EXPECT_EQ(counts_.cached, 8);
}

TEST_F(CacheTest, WhoWaitsAsksItselfWhereTheFirstGaveUp) {
  const auto cache = Make();
  Outcome first;
  Outcome second;
  CancelFn a = cache->Evaluate(CoalitionBatch(SmallContext(1)), first.Done());
  const CancelFn b = cache->Evaluate(CoalitionBatch(SmallContext(1)), second.Done());
  a();
  EXPECT_EQ(first.result->status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(second.calls, 0);
  while (inner_->open() > 0) {
    for (size_t i = 0; i < inner_->calls.size(); ++i) {
      if (!inner_->calls[i]->ended) inner_->Answer(i);
    }
  }
  ASSERT_EQ(second.calls, 1);
  EXPECT_TRUE(second.result->ok());
}

TEST_F(CacheTest, FailuresReachAllAndAreForgotten) {
  const auto cache = Make();
  Outcome outcomes[2];
  const CancelFn a = cache->Evaluate(CoalitionBatch(SmallContext(1)), outcomes[0].Done());
  const CancelFn b = cache->Evaluate(CoalitionBatch(SmallContext(1)), outcomes[1].Done());
  inner_->Fail(0, absl::UnavailableError("away"));
  for (Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.calls, 1);
    EXPECT_EQ(outcome.result->status(), absl::UnavailableError("away"));
  }
  Outcome later;
  const CancelFn c = cache->Evaluate(CoalitionBatch(SmallContext(1)), later.Done());
  ASSERT_EQ(inner_->calls.size(), 2u);
  inner_->Answer(1);
  EXPECT_TRUE(later.result->ok());
}

TEST_F(CacheTest, ARolloutThatFailedIsForgotten) {
  inner_->own_traits.deterministic = true;
  const auto cache = Make();
  Batch batch = CoalitionBatch(SmallContext(1));
  batch.questions = {{{.kind = signals::QuestionKind::kPrefix, .index = 1}}};
  Outcome outcomes[3];
  const CancelFn a = cache->Evaluate(batch, outcomes[0].Done());
  Answers failed(1);
  failed[0].error = absl::UnavailableError("no container");
  ManualEvaluator::End(*inner_->calls[0], failed);
  EXPECT_FALSE((**outcomes[0].result)[0].error.ok());
  const CancelFn b = cache->Evaluate(batch, outcomes[1].Done());
  ASSERT_EQ(inner_->calls.size(), 2u) << "asked again";
  ManualEvaluator::End(*inner_->calls[1], Means({0.5}));
  const CancelFn c = cache->Evaluate(batch, outcomes[2].Done());
  EXPECT_EQ(inner_->calls.size(), 2u);
  EXPECT_EQ((**outcomes[2].result)[0].mean, 0.5);
}

TEST_F(CacheTest, ARepeatWithinOneAttributionIsAFreshSampleOfANoisyEvaluator) {
  inner_->own_traits.deterministic = false;
  const auto cache = Make();
  Batch batch;
  batch.questions = {CoalitionQuestion(1)};
  const auto ask = [&](const std::shared_ptr<const EpisodeContext>& context) {
    batch.context = context;
    Outcome outcome;
    const size_t calls = inner_->calls.size();
    const CancelFn cancel = cache->Evaluate(batch, outcome.Done());
    if (inner_->calls.size() > calls) {
      ManualEvaluator::End(*inner_->calls[calls], Means({0.1 * static_cast<double>(calls)}));
    }
    return (**outcome.result)[0].mean;
  };
  const std::shared_ptr<const EpisodeContext> first = SmallContext(1);
  const double a = ask(first);
  const double b = ask(first);
  EXPECT_NE(a, b);
  EXPECT_EQ(inner_->calls.size(), 2u);
  // The same episode once more: the same sequence of answers, nothing asked.
  const std::shared_ptr<const EpisodeContext> second = SmallContext(1);
  EXPECT_EQ(ask(second), a);
  EXPECT_EQ(ask(second), b);
  EXPECT_EQ(inner_->calls.size(), 2u);
  ask(second);
  EXPECT_EQ(inner_->calls.size(), 3u);
}

TEST_F(CacheTest, ADeterministicEvaluatorIsAskedOnce) {
  const auto cache = Make();
  const auto context = SmallContext(1);
  Outcome outcomes[2];
  const CancelFn a = cache->Evaluate(CoalitionBatch(context), outcomes[0].Done());
  inner_->Answer(0);
  const CancelFn b = cache->Evaluate(CoalitionBatch(context), outcomes[1].Done());
  EXPECT_EQ(inner_->calls.size(), 1u);
}

TEST_F(CacheTest, StaysWithinItsBytes) {
  const auto cache = Make(/*bytes=*/4096);
  Outcome outcome;
  for (int round = 0; round < 2; ++round) {
    const CancelFn cancel = cache->Evaluate(CoalitionBatch(SmallContext(6)), outcome.Done());
    if (inner_->open() > 0) inner_->Answer(inner_->calls.size() - 1);
  }
  ASSERT_EQ(inner_->calls.size(), 2u) << "64 answers do not fit into 4 KiB";
  EXPECT_GT(inner_->calls[1]->batch.questions.size(), 32u);
}

// An entry is a node of a list (two links, key and answer) and, as the index is half empty, two
// places in the index (key and link).
TEST_F(CacheTest, BytesAreCountedToTheLast) {
  constexpr int64_t kIndexEntry = sizeof(CacheKey) + sizeof(void*);
  constexpr int64_t kEntry =
      2 * sizeof(void*) + sizeof(std::pair<CacheKey, signals::Answer>) + 2 * kIndexEntry;
  // Asks about three coalitions, then about the last that is still known; how many are asked again.
  const auto forgotten = [this](int64_t bytes, size_t scores) {
    const auto cache = Make(bytes);
    Batch batch;
    batch.context = SmallContext(2);
    size_t asked = 0;
    for (const int of : {3, 2, 1, 1, 2, 3}) {
      batch.questions = {CoalitionQuestion(static_cast<Coalition>(of))};
      Outcome outcome;
      const size_t before = inner_->calls.size();
      const CancelFn cancel = cache->Evaluate(batch, outcome.Done());
      if (inner_->calls.size() == before) continue;
      ++asked;
      Answers answers = Means({0.5});
      answers[0].scores.assign(scores, 0.5);
      ManualEvaluator::End(*inner_->calls.back(), std::move(answers));
    }
    return asked - 3;
  };
  for (const size_t scores : {size_t{0}, size_t{5}}) {
    const int64_t entry = kEntry + static_cast<int64_t>(scores * sizeof(double));
    EXPECT_EQ(forgotten(3 * entry, scores), 0u);
    EXPECT_EQ(forgotten(3 * entry - 1, scores), 1u);
    EXPECT_EQ(forgotten(2 * entry, scores), 1u);
    EXPECT_EQ(forgotten(2 * entry - 1, scores), 2u);
    EXPECT_EQ(forgotten(entry, scores), 2u);
    EXPECT_EQ(forgotten(entry - 1, scores), 3u) << "what is too large alone pushes nothing out";
  }
}

// Gives a field another value than it has in `message`, which is empty.
void Change(const google::protobuf::FieldDescriptor* field, google::protobuf::Message* message) {
  using Field = google::protobuf::FieldDescriptor;
  const google::protobuf::Reflection* const reflection = message->GetReflection();
  switch (field->cpp_type()) {
    case Field::CPPTYPE_STRING:
      if (field->is_repeated()) return reflection->AddString(message, field, "x");
      return reflection->SetString(message, field, "x");
    case Field::CPPTYPE_DOUBLE:
      if (field->is_repeated()) return reflection->AddDouble(message, field, 0.5);
      return reflection->SetDouble(message, field, 0.5);
    case Field::CPPTYPE_INT32:
      if (field->is_repeated()) return reflection->AddInt32(message, field, 1);
      return reflection->SetInt32(message, field, 1);
    case Field::CPPTYPE_INT64:
      if (field->is_repeated()) return reflection->AddInt64(message, field, 1);
      return reflection->SetInt64(message, field, 1);
    case Field::CPPTYPE_ENUM:
      return reflection->SetEnumValue(message, field, 1);
    case Field::CPPTYPE_BOOL:
      return reflection->SetBool(message, field, true);
    case Field::CPPTYPE_MESSAGE:
      if (field->is_repeated()) return static_cast<void>(reflection->AddMessage(message, field));
      return static_cast<void>(reflection->MutableMessage(message, field));
    default:
      FAIL() << "teach this test the type of " << field->full_name();
  }
}

// Every field of an episode, and of the messages in it, makes another key: also those that come
// later.
void ChangeEverywhere(v1::Episode* episode, google::protobuf::Message* part, int depth,
                      std::set<std::string>* digests, size_t* count) {
  const google::protobuf::Descriptor* const type = part->GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const google::protobuf::FieldDescriptor* const field = type->field(i);
    Change(field, part);
    EpisodeContext context;
    context.message = episode;
    digests->insert(EpisodeDigest(context));
    ++*count;
    if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE && depth < 3 &&
        !field->is_map()) {
      google::protobuf::Message* const inner =
          field->is_repeated() ? part->GetReflection()->MutableRepeatedMessage(part, field, 0)
                               : part->GetReflection()->MutableMessage(part, field);
      ChangeEverywhere(episode, inner, depth + 1, digests, count);
    }
    part->GetReflection()->ClearField(part, field);
  }
}

TEST(EpisodeDigest, DiffersWhereAnyFieldDiffers) {
  v1::Episode episode;
  std::set<std::string> digests;
  size_t count = 0;
  ChangeEverywhere(&episode, &episode, 0, &digests, &count);
  EXPECT_GT(count, 25u);
  EXPECT_EQ(digests.size(), count);
}

TEST(EpisodeDigest, OfAGroupDiffersWhereAMemberDoes) {
  v1::Episode a;
  v1::Episode b;
  b.set_id("b");
  const auto of = [](std::initializer_list<const v1::Episode*> episodes) {
    EpisodeContext group;
    for (const v1::Episode* episode : episodes) {
      auto member = std::make_shared<EpisodeContext>();
      member->message = episode;
      group.members.push_back(std::move(member));
    }
    return EpisodeDigest(group);
  };
  EXPECT_EQ(of({&a, &b}), of({&a, &b}));
  EXPECT_EQ((std::set<std::string>{of({&a}), of({&b}), of({&a, &b}), of({&b, &a})}).size(), 4u);
}

TEST(CacheKeys, DifferWhereAnythingDiffers) {
  std::set<CacheKey> keys;
  size_t count = 0;
  const auto add = [&](const EpisodeContext& context, const char* evaluator,
                       const signals::Question& question, int occurrence) {
    keys.insert(KeyOf(KeyPrefix(context, EpisodeDigest(context), evaluator), context, question,
                      occurrence));
    ++count;
  };
  const std::vector<std::function<void(EpisodeContext&)>> changes = {
      [](EpisodeContext&) {},
      [](EpisodeContext& c) { c.seed = 1; },
      [](EpisodeContext& c) { c.range.high = 2; },
      [](EpisodeContext& c) { c.episode.id = "other"; },
  };
  for (const auto& change : changes) {
    const auto context = SmallContext(2);
    change(*context);
    add(*context, "judge", {}, 0);
  }
  const auto context = SmallContext(8);
  add(*context, "judge", {}, 0);
  add(*context, "other", {}, 0);
  add(*context, "judge", {}, 1);
  signals::Question question;
  question.samples = 2;
  add(*context, "judge", question, 0);
  question = CoalitionQuestion(1);
  add(*context, "judge", question, 0);
  question.kind = signals::QuestionKind::kMessages;
  question.players = PlayerSet();
  add(*context, "judge", question, 0);
  for (int player = 0; player < 8; ++player) {
    question.players.insert(player);
    add(*context, "judge", question, 0);
  }
  for (const auto kind : {signals::QuestionKind::kPrefix, signals::QuestionKind::kCorrection}) {
    question.kind = kind;
    for (question.index = 0; question.index < 3; ++question.index) {
      add(*context, "judge", question, 0);
    }
  }
  question.kind = signals::QuestionKind::kMessageScores;
  add(*context, "judge", question, 0);
  EXPECT_EQ(keys.size(), count);
}

// Any order of asking, answering, failing and cancelling: every batch ends once, and what ends well
// has the right answers.
TEST(CacheOrders, EveryBatchEndsOnce) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    std::mt19937_64 random(seed);
    auto inner = std::make_shared<ManualEvaluator>();
    inner->own_traits.deterministic = seed % 2 == 0;
    const auto cache = Cached(inner, seed % 3 == 0 ? 2048 : 1 << 20, nullptr);
    std::vector<std::unique_ptr<Outcome>> outcomes;
    std::vector<Batch> batches;
    std::vector<CancelFn> cancels;
    for (int step = 0; step < 60; ++step) {
      switch (random() % 4) {
        case 0: {
          outcomes.push_back(std::make_unique<Outcome>());
          batches.push_back(CoalitionBatch(SmallContext(static_cast<int>(random() % 4))));
          cancels.push_back(cache->Evaluate(batches.back(), outcomes.back()->Done()));
          break;
        }
        case 1:
          if (!cancels.empty()) cancels[random() % cancels.size()]();
          break;
        case 2:
          if (!inner->calls.empty()) {
            inner->Fail(random() % inner->calls.size(), absl::UnavailableError("away"));
          }
          break;
        default:
          if (!inner->calls.empty()) inner->Answer(random() % inner->calls.size());
      }
    }
    while (inner->open() > 0) {
      for (size_t i = 0; i < inner->calls.size(); ++i) inner->Answer(i);
    }
    for (size_t i = 0; i < outcomes.size(); ++i) {
      ASSERT_EQ(outcomes[i]->calls, 1) << "seed " << seed;
      if (!outcomes[i]->result->ok()) continue;
      const Answers expected = OwnAnswers(batches[i]);
      for (size_t k = 0; k < expected.size(); ++k) {
        EXPECT_EQ((**outcomes[i]->result)[k].mean, expected[k].mean) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace assay::evaluation
