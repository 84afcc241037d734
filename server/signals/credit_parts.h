// What tells the messages of an agent apart: part K of an advantage.
#ifndef ASSAY_SERVER_SIGNALS_CREDIT_PARTS_H_
#define ASSAY_SERVER_SIGNALS_CREDIT_PARTS_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/signals/group.h"
#include "server/signals/options.h"

namespace assay::signals {

// K lies in [-kLargestCredit, kLargestCredit], in units of its divisor.
inline constexpr double kLargestCredit = 5;

// The numbers of which K is made, one for every message of the group.
struct CreditNumbers {
  std::vector<double> values;    // in units of CreditRule::unit
  std::vector<double> divisors;  // what makes them comparable with the outcome part, before epsilon
  double reliability = 1;  // share of what tells the values apart that is not noise, in [0, 1]
};

// One way to make K. kAuto is the first of CreditRules() that the group supports.
struct CreditRule {
  CreditPart part;
  double default_blend;  // share of K in an advantage where the options do not say
  double unit;           // what 1 in CreditNumbers::values is worth, as a share of the value range
  // What keeps the group from it: FAILED_PRECONDITION naming the episode and the message.
  absl::Status (*supported)(const Group& group);
  CreditNumbers (*compute)(const Group& group);
  // What K says of a message, for people: it ends a sentence that begins with "K says".
  const char* words;
};

// The words of a part; empty for kAuto, and for a value that this build does not know.
absl::string_view WordsOf(CreditPart part);

// The rule that is asked for. FAILED_PRECONDITION (options.advantages.credit) where the group does
// not support it.
absl::StatusOr<CreditRule> ChooseCreditRule(const Group& group, CreditPart asked);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_CREDIT_PARTS_H_
