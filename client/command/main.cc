// The command line: assay signals | verify | fit | info.
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "assay/client.h"
#include "client/command/fit_command.h"
#include "client/command/json.h"
#include "client/command/signals_command.h"
#include "client/command/usage.h"
#include "client/command/verify_command.h"
#include "server/base/version.h"

ABSL_FLAG(std::string, server, "127.0.0.1:50051", "HOST:PORT of assayd");
ABSL_FLAG(bool, tls, false, "encrypt; verified by the system's certificates or --tls_roots");
ABSL_FLAG(std::string, tls_roots, "", "PEM file of the authorities that may sign the server");
ABSL_FLAG(std::string, tls_certificate, "", "PEM file of our own certificate chain, for mTLS");
ABSL_FLAG(std::string, tls_key, "", "PEM file of its key");
ABSL_FLAG(std::string, token_file, "", "file with the bearer token that the server asks for");
ABSL_FLAG(std::string, options, "", "file with AttributionOptions in JSON; none: all defaults");
ABSL_FLAG(std::string, input_format, "episode",
          "episode: one Episode in JSON a line; log: one record of a multi-agent log a line");
ABSL_FLAG(std::string, format, "json", "json: one result a line; table: for people");
ABSL_FLAG(int32_t, streams, 1, "streams to spread the episodes over; a group stays on one");
ABSL_FLAG(
    std::string, labels, "keep",
    "log records: keep labels as annotations of the first error, or drop them; fit: file with "
    "the labelled episodes");
ABSL_FLAG(std::vector<std::string>, context_agents, {},
          "log records: names whose messages are context, such as user,tool:*");
ABSL_FLAG(std::string, episodes, "", "verify: file with the episodes that were sent");
ABSL_FLAG(std::string, output, "", "fit: file for the prior; none: stdout");
ABSL_FLAG(absl::Duration, timeout, absl::Seconds(30), "how long to look for a server that is gone");

namespace assay::command {
namespace {

constexpr int kUsageError = 2;

int UsageError(const std::string& what) {
  absl::FPrintF(stderr, "assay: %s\nTry: assay --help\n", what);
  return kUsageError;
}

int NoSuchCommand(absl::string_view command) {
  const std::string meant = ClosestCommand(command);
  return UsageError(absl::StrCat("no such command: ", command,
                                 meant.empty() ? "" : ". Did you mean ", meant,
                                 meant.empty() ? "" : "?"));
}

// Abseil knows --input_format only.
void NormalizeFlag(char* argument) {
  if (!absl::StartsWith(argument, "--")) return;
  for (char* c = argument + 2; *c != '\0' && *c != '='; ++c) {
    if (*c == '-') *c = '_';
  }
}

bool ReadChoice(const std::string& value, const std::string& first, const std::string& second,
                bool* is_second) {
  *is_second = value == second;
  return *is_second || value == first;
}

bool ReadInputFormat(EpisodeFormat* format) {
  bool is_log = false;
  if (!ReadChoice(absl::GetFlag(FLAGS_input_format), "episode", "log", &is_log)) {
    UsageError("--input-format is episode or log");
    return false;
  }
  format->kind = is_log ? InputFormat::kLog : InputFormat::kEpisode;
  format->log.context_agents = absl::GetFlag(FLAGS_context_agents);
  return true;
}

bool ReadEpisodeFormat(EpisodeFormat* format) {
  if (!ReadInputFormat(format)) return false;
  if (!ReadChoice(absl::GetFlag(FLAGS_labels), "drop", "keep", &format->log.keep_labels)) {
    UsageError("--labels is keep or drop");
    return false;
  }
  return true;
}

// Null, with the reason on stderr, where a file cannot be read.
std::unique_ptr<client::SignalClient> Connect() {
  client::ConnectOptions options;
  options.target = absl::GetFlag(FLAGS_server);
  options.tls = absl::GetFlag(FLAGS_tls);
  const std::pair<std::string, std::string*> files[] = {
      {absl::GetFlag(FLAGS_tls_roots), &options.tls_roots},
      {absl::GetFlag(FLAGS_tls_certificate), &options.tls_certificate},
      {absl::GetFlag(FLAGS_tls_key), &options.tls_key},
      {absl::GetFlag(FLAGS_token_file), &options.token}};
  for (const auto& [path, content] : files) {
    if (path.empty()) continue;
    const absl::StatusOr<std::string> read = ReadFile(path);
    if (!read.ok()) {
      UsageError(std::string(read.status().message()));
      return nullptr;
    }
    *content = std::string(absl::StripAsciiWhitespace(*read));
  }
  return client::SignalClient::Connect(std::move(options));
}

// False, with the reason on stderr, where the file cannot be read.
bool ReadOptions(v1::AttributionOptions* options) {
  const std::string path = absl::GetFlag(FLAGS_options);
  if (path.empty()) return true;
  const absl::Status status = ReadJsonFile(path, options);
  if (!status.ok()) UsageError(std::string(status.message()));
  return status.ok();
}

int Signals() {
  SignalsFlags flags;
  bool choice = false;
  if (!ReadOptions(&flags.options)) return kUsageError;
  if (flags.options.has_caller()) {
    return UsageError("options.caller: the command line has nobody who could answer");
  }
  if (!ReadEpisodeFormat(&flags.input)) return kUsageError;
  if (!ReadChoice(absl::GetFlag(FLAGS_format), "json", "table", &choice)) {
    return UsageError("--format is json or table");
  }
  flags.output = choice ? OutputFormat::kTable : OutputFormat::kJson;
  flags.streams = absl::GetFlag(FLAGS_streams);
  if (flags.streams < 1 || flags.streams > 256) return UsageError("--streams is 1 to 256");
  flags.reconnect_timeout = absl::GetFlag(FLAGS_timeout);
  const auto client = Connect();
  if (client == nullptr) return kUsageError;
  return RunSignals(client.get(), flags, STDIN_FILENO, stdout);
}

int Verify() {
  EpisodeFormat format;
  if (!ReadEpisodeFormat(&format)) return kUsageError;
  const std::string path = absl::GetFlag(FLAGS_episodes);
  if (path.empty()) return UsageError("verify needs --episodes=FILE");
  const int episodes = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (episodes < 0) return UsageError(absl::StrFormat("cannot read %s", path));
  const int code = RunVerify(episodes, format, STDIN_FILENO, stdout);
  close(episodes);
  return code;
}

int Fit() {
  EpisodeFormat format;
  v1::AttributionOptions options;
  if (!ReadOptions(&options)) return kUsageError;
  if (!ReadInputFormat(&format)) return kUsageError;
  const std::string path = absl::GetFlag(FLAGS_labels);
  const int labels = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (labels < 0)
    return UsageError(absl::StrFormat("fit needs --labels=FILE; cannot read %s", path));
  const std::string target = absl::GetFlag(FLAGS_output);
  FILE* const output = target.empty() ? stdout : fopen(target.c_str(), "we");
  int code = kUsageError;
  if (output == nullptr) {
    UsageError(absl::StrFormat("cannot write %s", target));
  } else {
    code = RunFit(labels, format, options, output);
    if (output != stdout) fclose(output);
  }
  close(labels);
  return code;
}

int Info() {
  const auto client = Connect();
  if (client == nullptr) return kUsageError;
  const auto info = client->GetServerInfo(absl::GetFlag(FLAGS_timeout));
  if (!info.ok()) {
    absl::FPrintF(stderr, "assay: %s: %s\n", absl::StatusCodeToString(info.status().code()),
                  info.status().message());
    return 1;
  }
  absl::PrintF("%s", ToPrettyJson(*info));
  return 0;
}

int Help(absl::string_view command) {
  const std::string help = command.empty() ? Overview() : HelpOf(command);
  if (help.empty()) return NoSuchCommand(command);
  absl::PrintF("%s", help);
  return 0;
}

int Run(const std::vector<char*>& arguments) {
  if (arguments.size() < 2) {
    absl::FPrintF(stderr, "%s", Overview());
    return kUsageError;
  }
  const std::string command = arguments[1];
  if (command == "help" && arguments.size() <= 3) {
    return Help(arguments.size() == 3 ? arguments[2] : "");
  }
  if (arguments.size() > 2) return UsageError(absl::StrFormat("unexpected: %s", arguments[2]));
  if (command == "signals") return Signals();
  if (command == "verify") return Verify();
  if (command == "fit") return Fit();
  if (command == "info") return Info();
  return NoSuchCommand(command);
}

// `assay [COMMAND] --help` and `assay --version`, before Abseil answers them with all its own flags
// and exit code 1. Minus 1: neither was asked for.
int AnswerHelpAndVersion(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const absl::string_view argument = argv[i];
    if (argument == "--version") {
      absl::PrintF("%s\n", VersionLine("assay"));
      return 0;
    }
    if (argument == "--help" || argument == "-h")
      return Help(i > 1 && argv[1][0] != '-' ? argv[1] : "");
  }
  return -1;
}

}  // namespace
}  // namespace assay::command

int main(int argc, char** argv) {
  if (const int code = assay::command::AnswerHelpAndVersion(argc, argv); code >= 0) return code;
  for (int i = 1; i < argc; ++i) assay::command::NormalizeFlag(argv[i]);
  return assay::command::Run(absl::ParseCommandLine(argc, argv));
}
