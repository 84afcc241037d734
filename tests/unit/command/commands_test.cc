#include "client/command/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace assay::command {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

absl::StatusOr<Arguments> Parse(absl::string_view line) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  return Arguments::Parse(*FindCommand(words[0]), absl::MakeConstSpan(words).subspan(1));
}

std::string Fault(absl::string_view line) { return std::string(Parse(line).status().message()); }

std::vector<std::string> Complete(absl::string_view line) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  return CompletionsOf(words);
}

TEST(Commands, EveryCommandOfTheOverviewHasHelp) {
  for (const CommandSyntax& command : Commands()) {
    EXPECT_THAT(Overview(), HasSubstr(std::string(command.name)));
    EXPECT_THAT(HelpText(absl::StrCat("assay ", command.name), command),
                HasSubstr(std::string(command.about)));
  }
}

TEST(Commands, HelpTellsTheFlagsOfTheCommandAlone) {
  const auto help = [](const char* name) { return HelpText(name, *FindCommand(name)); };
  EXPECT_THAT(help("signals"), HasSubstr("--input-format=episode|log"));
  EXPECT_THAT(help("signals"), HasSubstr("--server=HOST:PORT"));
  EXPECT_THAT(help("verify"), Not(HasSubstr("--server")));
  EXPECT_THAT(help("info"), Not(HasSubstr("--input-format")));
}

TEST(Commands, ValuesComeBehindAnEqualsSignOrAsTheNextWord) {
  const auto arguments =
      Parse("signals --streams=3 --timeout 1m --context_agents=user,tool:* -o out a.jsonl -- --b");
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_EQ(arguments->Number("streams"), 3);
  EXPECT_EQ(arguments->Duration("timeout"), absl::Minutes(1));
  EXPECT_THAT(arguments->List("context-agents"), ElementsAre("user", "tool:*"));
  EXPECT_EQ(arguments->Text("output"), "out");
  EXPECT_EQ(arguments->Text("server"), "127.0.0.1:50051");
  EXPECT_FALSE(arguments->Given("server"));
  EXPECT_THAT(arguments->names(), ElementsAre("a.jsonl", "--b"));
}

TEST(Commands, RefusesWhatACommandDoesNotTake) {
  EXPECT_EQ(Fault("signals --sever=x"), "signals has no flag --sever. Did you mean --server?");
  EXPECT_EQ(Fault("info --labels=keep"), "info has no flag --labels");
  EXPECT_EQ(Fault("info x"), "unexpected: x");
  EXPECT_EQ(Fault("signals --labels=lose"), "--labels takes keep or drop");
  EXPECT_EQ(Fault("signals --labels"), "--labels takes keep or drop");
  EXPECT_EQ(Fault("signals --options --tls"), "--options takes FILE");
  EXPECT_EQ(Fault("signals --tls=yes"), "--tls takes no value");
  EXPECT_EQ(Fault("signals --streams=0"), "--streams takes a whole number from 1 to 256");
  EXPECT_EQ(Fault("signals --timeout=5"), "--timeout takes a duration, such as 30s");
  EXPECT_EQ(Fault("signals -x"), "signals has no flag -x");
}

TEST(Commands, AsksBackForAMisspeltCommand) {
  EXPECT_EQ(NoSuchCommand("signal"), "no such command: signal. Did you mean signals?");
  EXPECT_EQ(NoSuchCommand("verfiy"), "no such command: verfiy. Did you mean verify?");
  EXPECT_EQ(NoSuchCommand("launch"), "no such command: launch");
  const std::string words[] = {std::string(1000000, 's')};
  EXPECT_THAT(NoSuchCommand(words[0]), Not(HasSubstr("mean")));
}

TEST(Commands, CompletesCommandsFlagsAndChoices) {
  EXPECT_THAT(Complete("si"), ElementsAre("signals"));
  EXPECT_THAT(Complete("help v"), ElementsAre("verify"));
  EXPECT_THAT(Complete("signals --tls-c"), ElementsAre("--tls-certificate="));
  EXPECT_THAT(Complete("signals --"), Contains("--tls"));
  EXPECT_THAT(Complete("signals --format="), ElementsAre("json", "table"));
  EXPECT_THAT(Complete("signals --format t"), ElementsAre("table"));
  EXPECT_THAT(Complete("signals --options "), IsEmpty());
  EXPECT_THAT(Complete("signals fil"), IsEmpty());
}

}  // namespace
}  // namespace assay::command
