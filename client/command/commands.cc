#include "client/command/commands.h"

#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace assay::command {
namespace {

constexpr size_t kAnyNumber = 1'000'000;

constexpr Flag kServer[] = {
    {"server", "HOST:PORT", "127.0.0.1:50051", "address of assayd; unix:PATH for a Unix socket"},
    {"timeout", "DURATION", "30s", "how long to look for a server that is gone"},
    {"tls", "", "", "encrypt; the other --tls flags mean it too"},
    {"tls-roots", "PEM", "", "authorities that may have signed the server; else the system's"},
    {"tls-certificate", "PEM", "", "our own certificate chain, for mutual TLS"},
    {"tls-key", "PEM", "", "its key"},
    {"token-file", "FILE", "", "a bearer token"},
};
constexpr Flag kInputFormat = {"input-format", "episode|log", "episode",
                               "one Episode a line, or one record of a multi-agent log"};
constexpr Flag kContextAgents = {"context-agents", "NAME,...", "",
                                 "whose messages are context, such as user,tool:*"};
constexpr Flag kKinds = {"kinds", "", "",
                         "people, tools and frameworks keep their names, as agents of that kind"};
constexpr Flag kEpisodeFlags[] = {
    kInputFormat,
    kContextAgents,
    kKinds,
    {"labels", "keep|drop", "keep", "what becomes of annotated first errors"},
};
constexpr Flag kLabelledFlags[] = {kInputFormat, kContextAgents, kKinds};
constexpr FlagGroup kOfServer = {"Of the server", kServer};
constexpr FlagGroup kOfEpisodes = {"Of the episodes", kEpisodeFlags};

constexpr Flag kSignalsFlags[] = {
    {"options", "FILE", "", "AttributionOptions in JSON; else all defaults"},
    {"format", "json|table", "json", "a table is for people"},
    {"grade", "choice|number|exact|math", "",
     "how answers are compared with the reference answer; math: assay-rl"},
    {"streams", "1..256", "1", "streams to spread the episodes over; a group stays on one"},
    {"output", "FILE", "", "else standard output", 'o'},
    {"summary", "FILE", "", "also a small file about this training step, for report"},
    {"step", "0..1000000000", "", "of --summary; else the number in the file's name"},
};
constexpr FlagGroup kSignalsGroups[] = {{"", kSignalsFlags}, kOfEpisodes, kOfServer};

constexpr Flag kVerifyFlags[] = {
    {"episodes", "FILE", "", "the episodes that were sent; may be given several times"},
    {"quiet", "", "", "say nothing but what is wrong", 'q'},
};
constexpr FlagGroup kVerifyGroups[] = {{"", kVerifyFlags}, kOfEpisodes};

constexpr Flag kFitFlags[] = {
    {"labels", "[NAME=]FILE", "", "the episodes of one collection; may be given several times"},
    {"options", "FILE", "", "AttributionOptions in JSON that they are read with"},
    {"output", "FILE", "", "else standard output", 'o'},
};
constexpr FlagGroup kFitGroups[] = {{"", kFitFlags}, {"Of the episodes", kLabelledFlags}};

constexpr FlagGroup kInfoGroups[] = {kOfServer};

constexpr CommandSyntax kCommands[] = {
    {"signals", "send episodes to a server, write one result a line", "[FILE...]", kAnyNumber,
     R"(Sends episodes to a server and writes one EpisodeResult or GroupResult in JSON a line, in the
order of completion. Without FILE, or where it is -, standard input is read. Files may be gzip.
Exit code: 0 every episode was answered with signals, 1 not every one, 2 the call, a file or a record
of it cannot be read.
)",
     kSignalsGroups},
    {"verify", "compute signals again from their audit, without a server", "[FILE...]", kAnyNumber,
     R"(Computes the signals of FILE, else of standard input, again from their AUDIT_FULL records and the
episodes. Exit code: 0 all are right, 1 something is wrong, 2 the call or a file cannot be read.
)",
     kVerifyGroups},
    {"fit", "learn where errors tend to be, from labelled episodes", "", 0,
     R"(Learns from episodes with an annotated first error where errors tend to be, from a collection and
between them, and what judges are worth; from those with rollouts or process scores the numbers of
the model. Each is validated by question and by leaving a collection out, and what does not beat
uniform shares is not called fitted. The result is for the configuration of assayd, or for the
options (firstError.fitted). Exit code: 0 written, 1 nothing was learned, 2 the call or a file
cannot be read.
)",
     kFitGroups},
    {"info", "tell the version, limits and evaluators of a server", "", 0,
     R"(Prints GetServerInfoResponse in JSON. Exit code: 0 printed, 1 the server gave none, 2 the call
cannot be read.
)",
     kInfoGroups},
    {"completion",
     "print what a shell needs to complete commands and flags",
     "bash|zsh",
     1,
     R"(Prints a script for the shell: source <(assay completion bash)
)",
     {}},
};

constexpr absl::string_view kBash = R"(_PROGRAM_complete() {
  local IFS=$'\n'
  local line=${COMP_LINE:0:COMP_POINT}
  COMPREPLY=($(PROGRAM completion candidates "$line" 2>/dev/null))
  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
}
complete -o default -F _PROGRAM_complete PROGRAM
)";
constexpr absl::string_view kZsh = R"(#compdef PROGRAM
_PROGRAM_complete() {
  local -a found
  found=("${(@f)$(PROGRAM completion candidates "${(j: :)words[1,CURRENT]}" 2>/dev/null)}")
  [[ $PREFIX == --*=* ]] && compset -P '*='
  if [[ -n $found[1] ]]; then
    compadd -S ' ' -- ${found:#*=}
    compadd -S '' -- ${(M)found:#*=}
  else
    _files
  fi
}
compdef _PROGRAM_complete PROGRAM
)";

std::vector<absl::string_view> Names() {
  std::vector<absl::string_view> names;
  for (const CommandSyntax& command : kCommands) names.push_back(command.name);
  return names;
}

}  // namespace

absl::Span<const CommandSyntax> Commands() { return kCommands; }

const CommandSyntax* FindCommand(absl::string_view name) {
  for (const CommandSyntax& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

std::string NoSuchCommand(absl::string_view name) {
  return absl::StrCat("no such command: ", name, DidYouMean(Closest(name, Names())));
}

std::string Overview() {
  std::string text = "usage: assay COMMAND [FLAGS]\n\n";
  for (const CommandSyntax& command : kCommands) {
    absl::StrAppendFormat(&text, "  %-11s %s\n", command.name, command.summary);
  }
  absl::StrAppend(&text, "\nassay help COMMAND tells its flags; assay --version the version.\n");
  return text;
}

std::vector<std::string> CompletionsOf(absl::Span<const absl::string_view> words) {
  std::vector<std::string> found;
  if (words.empty()) return found;
  if (words.size() == 1 || (words.size() == 2 && words[0] == "help")) {
    std::vector<absl::string_view> names = Names();
    names.insert(names.end(), {"help", "--help", "--version"});
    for (const absl::string_view name : names) {
      if (absl::StartsWith(name, words.back())) found.emplace_back(name);
    }
    return found;
  }
  const CommandSyntax* const command = FindCommand(words[0]);
  return command == nullptr ? found : Completions(*command, words.subspan(1));
}

std::string CompletionScript(absl::string_view shell, absl::string_view program) {
  return absl::StrReplaceAll(shell == "zsh" ? kZsh : kBash, {{"PROGRAM", program}});
}

}  // namespace assay::command
