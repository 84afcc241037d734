#include "client/command/usage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay::command {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Usage, EveryCommandOfTheOverviewHasHelp) {
  for (const char* command : {"signals", "verify", "fit", "info"}) {
    EXPECT_THAT(Overview(), HasSubstr(command));
    EXPECT_THAT(HelpOf(command), HasSubstr(command));
  }
  EXPECT_EQ(HelpOf("score"), "");
}

TEST(Usage, HelpTellsTheFlagsOfTheCommandAlone) {
  EXPECT_THAT(HelpOf("signals"), HasSubstr("--input-format"));
  EXPECT_THAT(HelpOf("signals"), HasSubstr("--server"));
  EXPECT_THAT(HelpOf("verify"), Not(HasSubstr("--server")));
  EXPECT_THAT(HelpOf("info"), Not(HasSubstr("--input-format")));
}

TEST(Usage, AsksBackForAMisspeltCommand) {
  EXPECT_EQ(ClosestCommand("signal"), "signals");
  EXPECT_EQ(ClosestCommand("verfiy"), "verify");
  EXPECT_EQ(ClosestCommand("inof"), "info");
  EXPECT_EQ(ClosestCommand("launch"), "");
  EXPECT_EQ(ClosestCommand(std::string(1000000, 's')), "");
}

}  // namespace
}  // namespace assay::command
