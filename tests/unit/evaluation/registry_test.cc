#include "server/evaluation/registry.h"

#include <gtest/gtest.h>

#include <string>

namespace assay::evaluation {
namespace {

NamedEvaluator Named(std::string name, int64_t cache_bytes = 0) {
  return {std::move(name), cache_bytes, [](Timers*, QuestionObservers) {
            return absl::StatusOr<std::shared_ptr<Evaluator>>(absl::UnimplementedError("test"));
          }};
}

TEST(EvaluatorRegistry, RefusesBadNamesAndNamesUsedTwice) {
  EvaluatorRegistry registry;
  EXPECT_TRUE(registry.Add(Named("judge-7b")).ok());
  EXPECT_TRUE(registry.Add(Named("exec")).ok());
  EXPECT_EQ(registry.Add(Named("exec")).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(registry.Add(Named("a_0-z.9")).ok());
  EXPECT_TRUE(registry.Add(Named(std::string(64, 'a'))).ok());
  for (const std::string& bad : {std::string(), std::string("vote"), std::string("outcome"),
                                 std::string("Judge"), std::string("a b"), std::string(65, 'a')}) {
    EXPECT_EQ(registry.Add(Named(bad)).code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_EQ(registry.Add({"nothing", 0, nullptr}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(registry.all().size(), 4u);
}

TEST(EvaluatorRegistry, AddsUpWhatCachesMayHold) {
  EvaluatorRegistry registry;
  EXPECT_EQ(registry.cache_bytes(), 0);
  ASSERT_TRUE(registry.Add(Named("a", 3)).ok());
  ASSERT_TRUE(registry.Add(Named("b", 4)).ok());
  EXPECT_EQ(registry.cache_bytes(), 7);
}

}  // namespace
}  // namespace assay::evaluation
