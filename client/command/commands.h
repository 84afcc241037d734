// The commands of `assay` and their flags, in one table: parsing, help, the advice on misspelt
// words and completion all read it. `assay-rl` has the same, and more (assay_rl.cli.commands).
#ifndef ASSAY_CLIENT_COMMAND_COMMANDS_H_
#define ASSAY_CLIENT_COMMAND_COMMANDS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/command_line.h"

namespace assay::command {

// In the order of the overview.
absl::Span<const CommandSyntax> Commands();

// Null where there is no such command.
const CommandSyntax* FindCommand(absl::string_view name);

// "no such command: NAME", and the one that was probably meant.
std::string NoSuchCommand(absl::string_view name);

// One line a command, and how to learn more.
std::string Overview();

// What may stand in place of the last of the words behind the program's name.
std::vector<std::string> CompletionsOf(absl::Span<const absl::string_view> words);

// What a shell ("bash" or "zsh") has to read in order to complete `program`.
std::string CompletionScript(absl::string_view shell, absl::string_view program);

}  // namespace assay::command

#endif  // ASSAY_CLIENT_COMMAND_COMMANDS_H_
