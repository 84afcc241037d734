// The command line: assay signals | verify | fit | info.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "assay/client.h"
#include "client/command/commands.h"
#include "client/command/fit_command.h"
#include "client/command/signals_command.h"
#include "client/command/verify_command.h"
#include "client/input/read_json.h"
#include "server/base/command_line.h"
#include "server/base/json.h"
#include "server/base/read_file.h"
#include "server/base/version.h"

namespace assay::command {
namespace {

constexpr int kUsageError = 2;

// A status becomes a line on stderr and an exit code.
int Fail(const absl::Status& status) {
  absl::FPrintF(stderr, "assay: %s\n", status.message());
  return kUsageError;
}

int UsageError(absl::string_view what, absl::string_view command) {
  absl::FPrintF(stderr, "assay: %s\nTry: assay %s\n", what,
                command.empty() ? "--help" : absl::StrCat("help ", command));
  return kUsageError;
}

EpisodeFormat FormatOf(const Arguments& arguments) {
  EpisodeFormat format;
  format.kind = arguments.Text("input-format") == "log" ? InputFormat::kLog : InputFormat::kEpisode;
  format.log.context_agents = arguments.List("context-agents");
  format.log.kinds = arguments.Given("kinds");
  format.log.keep_labels = arguments.Text("labels") != "drop";
  return format;
}

// FAILED_PRECONDITION: a file cannot be read, or half of a pair is missing.
absl::StatusOr<std::unique_ptr<client::SignalClient>> Connect(const Arguments& arguments) {
  client::ConnectOptions options;
  options.target = arguments.Text("server");
  options.tls = arguments.Given("tls") || arguments.Given("tls-roots") ||
                arguments.Given("tls-certificate") || arguments.Given("tls-key");
  if (arguments.Given("tls-certificate") != arguments.Given("tls-key")) {
    return absl::InvalidArgumentError("--tls-certificate and --tls-key need each other");
  }
  const std::pair<absl::string_view, std::string*> files[] = {
      {"tls-roots", &options.tls_roots},
      {"tls-certificate", &options.tls_certificate},
      {"tls-key", &options.tls_key},
      {"token-file", &options.token}};
  for (const auto& [flag, content] : files) {
    if (!arguments.Given(flag)) continue;
    const absl::StatusOr<std::string> read = ReadFile(arguments.Text(flag));
    if (!read.ok()) return read.status();
    *content = std::string(absl::StripAsciiWhitespace(*read));
  }
  return client::SignalClient::Connect(std::move(options));
}

absl::StatusOr<v1::AttributionOptions> OptionsOf(const Arguments& arguments) {
  v1::AttributionOptions options;
  if (!arguments.Given("options")) return options;
  absl::Status status = ParseJsonFile(arguments.Text("options"), &options);
  if (!status.ok()) return status;
  return options;
}

// Where results go: a file, or standard output without --output.
class Output {
 public:
  static absl::StatusOr<std::unique_ptr<Output>> Open(const Arguments& arguments) {
    if (!arguments.Given("output")) return std::unique_ptr<Output>(new Output(stdout));
    const std::string path = arguments.Text("output");
    FILE* const file = std::fopen(path.c_str(), "we");
    if (file != nullptr) return std::unique_ptr<Output>(new Output(file));
    return absl::NotFoundError(absl::StrCat("cannot write ", path, ": ", std::strerror(errno)));
  }
  ~Output() {
    if (file_ != stdout) std::fclose(file_);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  FILE* file() const { return file_; }

 private:
  explicit Output(FILE* file) : file_(file) {}

  FILE* const file_;
};

std::vector<std::string> InputsOf(const Arguments& arguments) {
  return arguments.names().empty() ? std::vector<std::string>{"-"} : arguments.names();
}

// INVALID_ARGUMENT: the options ask for something else.
absl::Status SetGrader(const std::string& name, v1::AttributionOptions* options) {
  if (name.empty()) return absl::OkStatus();
  if (name == "math") {
    return absl::InvalidArgumentError(
        "--grade=math needs math-verify: assay-rl signals --grade=math");
  }
  v1::Grader grader = v1::GRADER_UNSPECIFIED;
  v1::Grader_Parse(absl::StrCat("GRADER_", absl::AsciiStrToUpper(name)), &grader);
  const auto* const evaluator = v1::AttributionOptions::GetReflection()->GetOneofFieldDescriptor(
      *options, v1::AttributionOptions::descriptor()->FindOneofByName("evaluator"));
  if (evaluator != nullptr && !options->has_vote()) {
    return absl::InvalidArgumentError(
        absl::StrCat("grade '", name, "' grades votes, but the options choose the evaluator '",
                     evaluator->name(), "'"));
  }
  if (options->vote().grader() != v1::GRADER_UNSPECIFIED && options->vote().grader() != grader) {
    return absl::InvalidArgumentError(
        absl::StrCat("grade '", name, "' asks for vote.grader ", v1::Grader_Name(grader),
                     ", but the options ask for ", v1::Grader_Name(options->vote().grader())));
  }
  options->mutable_vote()->set_grader(grader);
  return absl::OkStatus();
}

int Signals(const Arguments& arguments) {
  SignalsFlags flags;
  absl::StatusOr<v1::AttributionOptions> options = OptionsOf(arguments);
  if (!options.ok()) return Fail(options.status());
  flags.options = *std::move(options);
  if (absl::Status set = SetGrader(arguments.Text("grade"), &flags.options); !set.ok()) {
    return Fail(set);
  }
  if (flags.options.has_caller()) {
    return Fail(
        absl::InvalidArgumentError("options.caller: the command line has nobody who could answer"));
  }
  flags.input = FormatOf(arguments);
  flags.output = arguments.Text("format") == "table" ? OutputFormat::kTable : OutputFormat::kJson;
  flags.summary = arguments.Text("summary");
  if (arguments.Given("step")) flags.step = arguments.Number("step");
  flags.streams = static_cast<int>(arguments.Number("streams"));
  flags.reconnect_timeout = arguments.Duration("timeout");
  for (const std::string& name : InputsOf(arguments)) {
    if (const auto file = InputFile::Open(name); !file.ok()) return Fail(file.status());
  }
  const auto client = Connect(arguments);
  if (!client.ok()) return Fail(client.status());
  const auto output = Output::Open(arguments);
  if (!output.ok()) return Fail(output.status());
  return RunSignals(client->get(), flags, InputsOf(arguments), (*output)->file());
}

int Verify(const Arguments& arguments) {
  if (!arguments.Given("episodes")) return UsageError("verify needs --episodes=FILE", "verify");
  return RunVerify(arguments.All("episodes"), FormatOf(arguments), InputsOf(arguments),
                   arguments.Given("quiet"), stdout);
}

int Fit(const Arguments& arguments) {
  if (!arguments.Given("labels")) return UsageError("fit needs --labels=FILE", "fit");
  const absl::StatusOr<v1::AttributionOptions> options = OptionsOf(arguments);
  if (!options.ok()) return Fail(options.status());
  std::vector<Collection> collections;
  for (const std::string& text : arguments.All("labels")) {
    collections.push_back(CollectionOf(text));
    const auto labels = InputFile::Open(collections.back().file);
    if (!labels.ok()) return Fail(labels.status());
  }
  const auto output = Output::Open(arguments);
  if (!output.ok()) return Fail(output.status());
  return RunFit(collections, FormatOf(arguments), *options, (*output)->file());
}

int Info(const Arguments& arguments) {
  const auto client = Connect(arguments);
  if (!client.ok()) return Fail(client.status());
  const auto info = (*client)->GetServerInfo(arguments.Duration("timeout"));
  if (!info.ok()) {
    absl::FPrintF(stderr, "assay: %s: %s\n", absl::StatusCodeToString(info.status().code()),
                  info.status().message());
    return 1;
  }
  absl::PrintF("%s", ToJson(*info, JsonStyle::kPretty));
  return 0;
}

int PrintCompletion(absl::string_view shell) {
  if (shell != "bash" && shell != "zsh") {
    return UsageError("completion takes bash or zsh", "completion");
  }
  absl::PrintF("%s", CompletionScript(shell, "assay"));
  return 0;
}

// What the scripts of CompletionScript ask: `line` up to the cursor, the program first.
int PrintCandidates(absl::string_view line) {
  std::vector<absl::string_view> words;
  for (const absl::string_view word : absl::StrSplit(line, ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  if (line.empty() || line.back() == ' ') words.emplace_back();
  const std::vector<std::string> found =
      CompletionsOf(absl::MakeConstSpan(words).subspan(words.empty() ? 0 : 1));
  for (const std::string& word : found) absl::PrintF("%s\n", word);
  return 0;
}

int Help(absl::string_view command) {
  if (command.empty()) {
    absl::PrintF("%s", Overview());
    return 0;
  }
  const CommandSyntax* const syntax = FindCommand(command);
  if (syntax == nullptr) return UsageError(NoSuchCommand(command), "");
  absl::PrintF("%s", HelpText(absl::StrCat("assay ", command), *syntax));
  return 0;
}

int Run(absl::Span<const absl::string_view> words) {
  if (words.empty()) {
    absl::FPrintF(stderr, "%s", Overview());
    return kUsageError;
  }
  const absl::string_view command = words[0];
  const absl::Span<const absl::string_view> rest = words.subspan(1);
  for (const absl::string_view word : words) {
    if (word == "--") break;
    if (word == "--version") {
      absl::PrintF("%s\n", VersionLine("assay"));
      return 0;
    }
    if (word == "--help" || word == "-h") {
      return Help(absl::StartsWith(command, "-") || command == "help" ? "" : command);
    }
  }
  if (command == "help" && rest.size() <= 1) return Help(rest.empty() ? "" : rest[0]);
  if (command == "completion" && rest.size() == 2 && rest[0] == "candidates") {
    return PrintCandidates(rest[1]);
  }
  const CommandSyntax* const syntax = FindCommand(command);
  if (syntax == nullptr) return UsageError(NoSuchCommand(command), "");
  const absl::StatusOr<Arguments> arguments = Arguments::Parse(*syntax, rest);
  if (!arguments.ok()) return UsageError(arguments.status().message(), command);
  if (command == "signals") return Signals(*arguments);
  if (command == "verify") return Verify(*arguments);
  if (command == "fit") return Fit(*arguments);
  if (command == "info") return Info(*arguments);
  return PrintCompletion(arguments->names().empty() ? "" : arguments->names().front());
}

}  // namespace
}  // namespace assay::command

int main(int argc, char** argv) {
  const std::vector<absl::string_view> words(argv + 1, argv + argc);
  return assay::command::Run(words);
}
