// What a group keeps of a member that was answered with signals.
#ifndef ASSAY_SERVER_SESSION_ANSWERED_MEMBER_H_
#define ASSAY_SERVER_SESSION_ANSWERED_MEMBER_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "assay/v1/episode.pb.h"
#include "assay/v1/signals.pb.h"
#include "server/signals/group.h"

namespace assay::service {

// The turns of an episode without their text: enough to see where two episodes part.
struct Transcript {
  struct Turn {
    int32_t agent;                // index into `agents`; -1: context
    int32_t round;                // 0: unknown
    std::array<char, 16> digest;  // of the content
  };
  std::string task;                 // digest of the task
  bool parallel = false;            // the client says that nobody had read anybody
  std::vector<std::string> agents;  // ids
  std::vector<Turn> turns;

  explicit Transcript(const v1::Episode& episode);
};

// The scores, credits and values of a member, without any text.
class AnsweredMember {
 public:
  explicit AnsweredMember(const v1::EpisodeSignals& signals,
                          std::optional<Transcript> transcript = std::nullopt);

  const signals::GroupMember& numbers() const { return numbers_; }
  // v(N): the value of the team as it was played.
  double value() const { return value_; }
  // The digest of the episode as it was read; empty without AUDIT_FULL.
  const std::string& episode_sha256() const { return episode_sha256_; }
  // Unset where only the signals are known (ComputeAdvantages); there are no pairs between episodes
  // then.
  const std::optional<Transcript>& transcript() const { return transcript_; }

  // What a member with this episode will take once it is answered; at least its real size.
  static int64_t BytesFor(const v1::Episode& episode);

 private:
  signals::GroupMember numbers_;
  double value_;
  std::string episode_sha256_;
  std::optional<Transcript> transcript_;
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_SESSION_ANSWERED_MEMBER_H_
