// What an episode says, made fit to stand in a judge's prompt: as data that cannot pass for the
// prompt around it, whatever its author wrote.
//
//   <<<DATA 0123456789abcdef      the number is a hash of the data
//   | first line
//   | second line
//   DATA>>> 0123456789abcdef
//
// Neutral text holds no character that breaks a line but '\n', no control or invisible character,
// and nothing that chat templates and tokenizers read as a token of theirs (<|im_end|>, [INST],
// </s>, <start_of_turn>): a blank is put into each.
#ifndef ASSAY_SERVER_EVALUATION_JUDGE_FENCE_H_
#define ASSAY_SERVER_EVALUATION_JUDGE_FENCE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace assay::evaluation {

// The text made neutral, with a mark in front of each line.
std::string Marked(absl::string_view text);

// The text made neutral, on one line: for names.
std::string OneLine(absl::string_view text);

// `data`, which the two functions above have made, between the two lines of the fence.
std::string Fence(absl::string_view data);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_JUDGE_FENCE_H_
