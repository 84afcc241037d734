#include "client/input/agent_kinds.h"

#include <regex>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"

namespace assay::command {
namespace {

// Longer names are an agent's own: a pattern that is matched recursively must not meet them.
constexpr size_t kLongestName = 256;

struct NamesOfKind {
  v1::AgentKind kind;
  std::regex pattern;
};

// In lower case without spaces, dashes and underscores. The first that matches.
const std::vector<NamesOfKind>& Names() {
  static const auto* const names = new std::vector<NamesOfKind>{
      {v1::AGENT_KIND_USER_SIMULATOR,
       std::regex("(the)?(human|user|customer)(simulator|sim)(agent)?"
                  "|(simulated|dummy|mock)(user|human|customer)")},
      {v1::AGENT_KIND_HUMAN,
       std::regex(
           "(the)?(human|user|customer)"
           "(input|proxy|simulator|sim|agent|proxyagent|simulatoragent|feedback|message|node)*"
           "|userproxy\\w*|humanproxy\\w*|admin")},
      {v1::AGENT_KIND_TOOL,
       std::regex(
           "tools?|tools?:.+|tool(executor|node|s|output|call)|env|environment|terminal"
           "|computerterminal|codeexecutor(agent)?|codeexecution|executor|interpreter|sandbox"
           "|observation|function|ipython")},
      {v1::AGENT_KIND_FRAMEWORK,
       std::regex(
           "system|chatmanager|groupchatmanager|\\w*groupchatmanager|speakerselection"
           "|checkingagent|digraphstopagent|stopagent|termination\\w*|\\w+termination|start|end"
           "|interrupt")}};
  return *names;
}

}  // namespace

v1::AgentKind KindOfName(absl::string_view name) {
  if (name.size() > kLongestName) return v1::AGENT_KIND_UNSPECIFIED;
  std::string plain;
  for (const char c : name) {
    if (!absl::ascii_isspace(c) && c != '_' && c != '-') plain.push_back(absl::ascii_tolower(c));
  }
  for (const NamesOfKind& names : Names()) {
    if (std::regex_match(plain, names.pattern)) return names.kind;
  }
  return v1::AGENT_KIND_UNSPECIFIED;
}

}  // namespace assay::command
