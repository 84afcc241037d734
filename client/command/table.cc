#include "client/command/table.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "server/signals/credit_parts.h"
#include "server/signals/outcome_parts.h"
#include "server/wire/enums.h"

namespace assay::command {
namespace {

constexpr size_t kContentColumns = 56;
constexpr size_t kLineColumns = 100;

bool ContinuesCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

size_t Columns(absl::string_view text) {
  return text.size() -
         static_cast<size_t>(std::count_if(text.begin(), text.end(), ContinuesCharacter));
}

std::string Pad(absl::string_view text, size_t columns) {
  const size_t used = Columns(text);
  return absl::StrCat(text, std::string(columns > used ? columns - used : 0, ' '));
}

// The beginning of `text` on one line.
std::string Snippet(absl::string_view text) {
  std::string line;
  size_t columns = 0;
  for (const char byte : text) {
    if (columns == kContentColumns && !ContinuesCharacter(byte)) return absl::StrCat(line, "…");
    if (absl::ascii_iscntrl(byte) || byte == ' ') {
      if (line.empty() || line.back() == ' ') continue;
      line += ' ';
      ++columns;
    } else {
      line += byte;
      if (!ContinuesCharacter(byte)) ++columns;
    }
  }
  return line;
}

// LABEL_FIRST_ERROR -> first error
std::string Words(absl::string_view name, absl::string_view prefix) {
  absl::ConsumePrefix(&name, prefix);
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", " "}});
}

// What rounds to zero has no sign.
std::string Signed(double value) {
  if (std::abs(value) < 0.0005) return "0.000";
  return absl::StrFormat("%+.3f", value);
}

size_t AgentColumns(const v1::EpisodeSignals& signals) {
  size_t columns = 5;
  for (const auto& agent : signals.agents()) columns = std::max(columns, Columns(agent.agent_id()));
  return columns;
}

// A kind that has no words yet is told by its name.
std::string EvidenceWords(v1::Evidence evidence) {
  switch (evidence) {
    case v1::EVIDENCE_OWEN:
      return "Owen values, by leaving messages out";
    case v1::EVIDENCE_PREFIX:
      return "the change of the value at each message";
    case v1::EVIDENCE_SCORES:
      return "process scores";
    case v1::EVIDENCE_EQUAL:
      return "equal shares, as nothing tells the messages apart";
    default:
      return v1::Evidence_Name(evidence);
  }
}

bool AnyCredit(const v1::EpisodeSignals& signals) {
  return std::any_of(signals.messages().begin(), signals.messages().end(),
                     [](const auto& message) { return message.has_credit(); });
}

// A failure of which nothing says who or what it was.
bool NothingTells(const v1::EpisodeSignals& signals) {
  return !signals.success() && !AnyCredit(signals) &&
         signals.first_error().tier() == v1::EVIDENCE_TIER_NONE;
}

const char* SuspicionWords(const v1::EpisodeSignals& signals) {
  switch (signals.first_error().tier()) {
    case v1::EVIDENCE_TIER_ANNOTATION:
      return "an annotation";
    case v1::EVIDENCE_TIER_ROLLOUTS:
      return "rollouts";
    case v1::EVIDENCE_TIER_SCORES:
      return "process scores";
    case v1::EVIDENCE_TIER_TEXT:
      return "the text alone";
    default:
      return AnyCredit(signals) ? "the messages' counterfactual credit"
                                : "nothing, so that all share it alike";
  }
}

// Which prior read the texts, where one was asked for.
std::string PriorWords(const v1::FirstError& first_error) {
  const std::string weight = absl::StrFormat("%.2f", first_error.prior_weight());
  switch (first_error.prior_used()) {
    case v1::PRIOR_USED_FITTED:
      return absl::StrCat(" (prior fitted on ", first_error.prior_source(), ", weight ", weight,
                          ")");
    case v1::PRIOR_USED_GENERAL:
      return " (prior of what carries over between teams)";
    case v1::PRIOR_USED_FLAT:
      return first_error.prior_source().empty()
                 ? ""
                 : absl::StrCat(" (the episode is foreign to the fitted prior: its weight is ",
                                weight, ")");
    default:
      return "";
  }
}

std::string WhatItRestsOn(const v1::EpisodeSignals& signals) {
  const v1::Effort& effort = signals.effort();
  std::string text = "  Credit: ";
  if (effort.method() == v1::METHOD_UNSPECIFIED) {
    absl::StrAppend(&text, "the outcome, shared over the messages; no counterfactual was asked.\n");
  } else {
    absl::StrAppendFormat(&text, "Shapley values, %s, from %d questions; answered by %s",
                          Words(v1::Method_Name(effort.method()), "METHOD_"), effort.questions(),
                          effort.evaluator());
    if (effort.ballots() != v1::BALLOTS_UNSPECIFIED) {
      absl::StrAppend(&text, " (ballots: ", Words(v1::Ballots_Name(effort.ballots()), "BALLOTS_"),
                      ")");
    }
    absl::StrAppend(&text, ".\n");
  }
  absl::StrAppend(&text, "  Rewards: ");
  if (signals.success()) {
    return absl::StrCat(text, "each agent's credit over its messages, by ",
                        EvidenceWords(signals.evidence()), ".\n");
  }
  return absl::StrCat(text, "the shortfall, by suspicion that rests on ", SuspicionWords(signals),
                      PriorWords(signals.first_error()), ".\n");
}

std::string AgentRows(const v1::EpisodeSignals& signals, size_t columns) {
  std::string rows =
      absl::StrFormat("  %s  %8s  %8s\n", Pad("agent", columns), "credit", "rewards");
  for (const auto& agent : signals.agents()) {
    absl::StrAppendFormat(&rows, "  %s  %8s  %8s", Pad(agent.agent_id(), columns),
                          Signed(agent.credit()), Signed(agent.reward_total()));
    if (agent.std_error() > 0) {
      absl::StrAppendFormat(&rows, "  (%+.3f to %+.3f)", agent.low(), agent.high());
    }
    if (agent.signs_relaxed()) absl::StrAppend(&rows, "  signs relaxed");
    absl::StrAppend(&rows, "\n");
  }
  return rows;
}

const v1::MessageAdvantage* FindMessage(const v1::EpisodeAdvantages* advantages, int index) {
  if (advantages == nullptr) return nullptr;
  const auto& all = advantages->messages();
  const auto found = std::find_if(
      all.begin(), all.end(), [index](const auto& message) { return message.index() == index; });
  return found == all.end() ? nullptr : &*found;
}

std::string AdvantageColumns(const v1::MessageAdvantage* advantage) {
  if (advantage == nullptr) return absl::StrFormat("%9s  %8s  %8s  ", "", "", "");
  return absl::StrFormat("%9s  %8s  %8s  ", Signed(advantage->advantage()),
                         Signed(advantage->outcome_advantage()),
                         Signed(advantage->local_advantage()));
}

std::string MessageRows(const v1::EpisodeSignals& signals, const v1::Episode* episode,
                        const v1::EpisodeAdvantages* advantages, size_t columns) {
  const bool any_credit = AnyCredit(signals);
  std::string rows = absl::StrFormat("  %3s  %s  ", "#", Pad("agent", columns));
  if (advantages != nullptr) absl::StrAppendFormat(&rows, "%9s  %8s  %8s  ", "advantage", "X", "K");
  if (any_credit) absl::StrAppendFormat(&rows, "%8s  ", "credit");
  absl::StrAppendFormat(&rows, "%8s  %s  %s\n", "reward", Pad("label", 15), "message");
  for (const auto& message : signals.messages()) {
    absl::StrAppendFormat(&rows, "  %3d  %s  ", message.index(), Pad(message.agent_id(), columns));
    if (advantages != nullptr) {
      absl::StrAppend(&rows, AdvantageColumns(FindMessage(advantages, message.index())));
    }
    if (any_credit) absl::StrAppendFormat(&rows, "%8s  ", Signed(message.credit()));
    absl::StrAppendFormat(&rows, "%8s  %s", Signed(message.reward()),
                          Pad(Words(v1::Label_Name(message.label()), "LABEL_"), 15));
    if (episode != nullptr && message.index() < episode->messages_size()) {
      absl::StrAppend(&rows, "  ", Snippet(episode->messages(message.index()).content()));
    }
    absl::StrAppend(&rows, "\n");
  }
  return rows;
}

// What a reader should doubt.
std::string DoubtLines(const v1::EpisodeSignals& signals) {
  std::string text;
  if (signals.outcome_mismatch() && signals.effort().method() != v1::METHOD_UNSPECIFIED) {
    absl::StrAppendFormat(
        &text,
        "  The score is not what the evaluator gives the whole team (%.3f, %.3f): %s "
        "is explained by nobody.\n",
        signals.score(), signals.grand_value(), Signed(signals.unexplained()));
  }
  if (const int count = signals.effort().unreadable_answers(); count > 0) {
    absl::StrAppendFormat(&text, "  %d answer%s could not be read by the grader.\n", count,
                          count == 1 ? "" : "s");
  }
  return text;
}

// What a part of an advantage says of a message. One that this program has no words for, because a
// newer server sent it, goes by its name or number and never by the words of another part.
template <class Domain, class Wire>
std::string PartWords(Wire part, absl::string_view name) {
  const absl::string_view words = signals::WordsOf(service::EnumFromWire<Domain>(part));
  if (!words.empty()) return std::string(words);
  return absl::StrCat("what ", name.empty() ? absl::StrCat("part ", part) : std::string(name),
                      " stands for");
}

std::string OutcomeWords(v1::OutcomePart part) {
  return PartWords<signals::OutcomePart>(part, v1::OutcomePart_Name(part));
}

std::string CreditWords(v1::CreditPart part) {
  return PartWords<signals::CreditPart>(part, v1::CreditPart_Name(part));
}

// Lines of at most this many columns, each indented.
std::string Wrapped(absl::string_view text) {
  std::string lines;
  size_t used = kLineColumns;
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    const size_t columns = Columns(word);
    if (used + 1 + columns > kLineColumns) {
      absl::StrAppend(&lines, lines.empty() ? "  " : "\n  ", word);
      used = 2 + columns;
    } else {
      absl::StrAppend(&lines, " ", word);
      used += 1 + columns;
    }
  }
  return absl::StrCat(lines, "\n");
}

// What the parts are for this group, in one sentence.
std::string WhatAdvantagesAre(const v1::GroupSignals& signals) {
  const double w = signals.weight();
  const bool outcome = w < 1;
  const bool credit = w > 0;
  std::string text = "The advantage is ";
  if (outcome && credit) {
    absl::StrAppendFormat(&text, "%.2f X + %.2f K", 1 - w, w);
  } else {
    absl::StrAppend(&text, outcome ? "X" : "K");
  }
  absl::StrAppend(&text, ": ");
  if (outcome) {
    absl::StrAppend(&text, "X says ", OutcomeWords(signals.outcome_part()));
    if (signals.outcome_part() == v1::OUTCOME_PART_CONTROL && !signals.parallel()) {
      absl::StrAppend(&text,
                      " (taking the others' messages as they are, though they may have read it)");
    }
  }
  if (outcome && credit) absl::StrAppend(&text, ", and ");
  if (credit) {
    absl::StrAppend(&text, "K ", outcome ? "" : "says ", CreditWords(signals.credit_part()));
  }
  return Wrapped(absl::StrCat(text, "."));
}

std::string FirstErrorLine(const v1::EpisodeSignals& signals) {
  const v1::FirstError& error = signals.first_error();
  std::string line = "  ";
  if (error.tier() >= v1::EVIDENCE_TIER_SCORES && error.environment_probability() >= 0.5) {
    absl::StrAppendFormat(
        &line, "It was the environment%s, with probability %.2f. ",
        error.has_context_index() ? absl::StrCat(", at message ", error.context_index()) : "",
        error.environment_probability());
  }
  if (!error.has_first_index() && !error.has_decisive_index()) {
    return signals.success() ? ""
                             : absl::StrCat(line, "No message is claimed to be the first error.\n");
  }
  if (error.has_first_index()) {
    absl::StrAppendFormat(&line, "First error: message %d, probability %.2f. ", error.first_index(),
                          error.probability());
  }
  if (error.has_decisive_index()) {
    absl::StrAppendFormat(&line, "Decisive error: message %d. ", error.decisive_index());
  }
  line.back() = '\n';
  return line;
}

// What would tell, and at what price. Not of an episode that was cut off: nothing is claimed of it.
std::string WaysToFindOut(const v1::EpisodeSignals& signals, const v1::Episode* episode) {
  if (!NothingTells(signals) || episode == nullptr || episode->outcome().truncated()) return "";
  const int spoken = signals.messages_size();
  const auto all = static_cast<unsigned>(episode->messages_size());
  const int rollouts = std::max(8, 8 * static_cast<int>(std::bit_width(all - 1)));
  return Wrapped(absl::StrFormat(
      "Nothing tells the messages apart. To find out, cheapest first: mark the first error by hand "
      "(no calls, %d messages to read); let a judge grade them (assay-rl judge: 1 call for all, or "
      "%d one by one); roll out from the states between them (at most %d calls of an evaluator "
      "that answers QUESTION_KIND_PREFIX).",
      spoken, spoken, rollouts));
}

std::string ErrorText(const v1::Error& error) {
  std::string text = absl::StrFormat(
      "no signals: %s, %s\n", absl::StatusCodeToString(static_cast<absl::StatusCode>(error.code())),
      error.message());
  for (const auto& violation : error.violations()) {
    absl::StrAppend(&text, "  ", violation.field(), ": ", violation.description(), "\n");
  }
  return text;
}

}  // namespace

std::string EpisodeTable(const v1::EpisodeResult& result, const v1::Episode* episode,
                         const v1::EpisodeAdvantages* advantages) {
  const std::string head = absl::StrCat("episode ", result.episode_id(), ": ");
  if (!result.has_signals()) return absl::StrCat(head, ErrorText(result.error()), "\n");
  const v1::EpisodeSignals& signals = result.signals();
  const v1::Conservation& ledger = signals.conservation();
  const size_t columns = AgentColumns(signals);
  return absl::StrCat(
      head,
      absl::StrFormat("%s, score %.3f (whole team %.3f, nobody %.3f)%s\n",
                      signals.success() ? "success" : "failure", signals.score(),
                      signals.grand_value(), signals.baseline(),
                      signals.partial() ? ", partial" : ""),
      WhatItRestsOn(signals), DoubtLines(signals), "\n", AgentRows(signals, columns), "\n",
      MessageRows(signals, episode, advantages, columns), "\n", FirstErrorLine(signals),
      WaysToFindOut(signals, episode),
      absl::StrFormat(
          "  Conserved: %s to share = %s in rewards and %s unallocated (error %.1e)\n\n",
          Signed(ledger.target()), Signed(ledger.allocated()), Signed(ledger.unallocated()),
          ledger.error()));
}

std::string GroupTable(const v1::GroupResult& result) {
  const std::string head = absl::StrCat("group ", result.group_id(), ": ");
  if (!result.has_signals()) return absl::StrCat(head, ErrorText(result.error()), "\n");
  const v1::GroupSignals& signals = result.signals();
  std::string text = absl::StrCat(
      head, absl::StrFormat("%d episodes, score %.3f, standard deviation %.3f\n", signals.used(),
                            signals.mean_score(), signals.std_score()));
  if (signals.missing_episode_ids_size() > 0) {
    absl::StrAppend(
        &text, "  without signals: ", absl::StrJoin(signals.missing_episode_ids(), ", "), "\n");
  }
  if (signals.never_sent() > 0) {
    absl::StrAppend(&text, "  never sent: ", signals.never_sent(), "\n");
  }
  absl::StrAppend(&text, WhatAdvantagesAre(signals));
  size_t columns = 7;
  for (const auto& episode : signals.episodes()) {
    columns = std::max(columns, Columns(episode.episode_id()));
  }
  absl::StrAppendFormat(&text, "\n  %s  %s\n", Pad("episode", columns),
                        "advantage of each message");
  for (const auto& episode : signals.episodes()) {
    std::vector<std::string> advantages;
    for (const auto& message : episode.messages()) {
      advantages.push_back(absl::StrCat("#", message.index(), " ", Signed(message.advantage())));
    }
    absl::StrAppendFormat(&text, "  %s  %s\n", Pad(episode.episode_id(), columns),
                          absl::StrJoin(advantages, "  "));
  }
  return absl::StrCat(text, "\n");
}

}  // namespace assay::command
