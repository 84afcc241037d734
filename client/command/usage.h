// What `assay help` prints, command by command.
#ifndef ASSAY_CLIENT_COMMAND_USAGE_H_
#define ASSAY_CLIENT_COMMAND_USAGE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace assay::command {

// One line a command, and how to learn more.
std::string Overview();

// How to use one command, with its flags; empty where there is no such command.
std::string HelpOf(absl::string_view command);

// The command that was probably meant: the one fewest letters away, at most two; empty where none
// is.
std::string ClosestCommand(absl::string_view word);

}  // namespace assay::command

#endif  // ASSAY_CLIENT_COMMAND_USAGE_H_
