// What a simulated client sends, and what the right answer to it is.
#ifndef ASSAY_TESTS_SIMULATION_EPISODES_H_
#define ASSAY_TESTS_SIMULATION_EPISODES_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "assay/v1/signal_service.pb.h"
#include "server/session/episode_work.h"

namespace assay::simulation {

using Random = std::mt19937_64;

inline bool Chance(Random& random, int percent) {
  return static_cast<int>(random() % 100) < percent;
}
inline int Below(Random& random, int limit) { return static_cast<int>(random() % limit); }

enum class Answerer { kCaller, kNamed, kVote, kGiven, kOutcome };

// The name under which the catalog has the simulated remote evaluator.
inline constexpr char kRemote[] = "remote";

v1::AttributionOptions MakeOptions(Answerer answerer, bool may_time_out, Random& random);

// A small episode that validates. `agents`: how many; 0: drawn.
v1::Episode GoodEpisode(const std::string& id, Random& random, int agents = 0);
// Breaks one thing in it.
void Spoil(v1::Episode& episode, Random& random);

// v of a counterfactual: fixed for an episode (or a group) and a question, whoever asks and
// whenever.
double Value(const std::string& id, const v1::Counterfactual& counterfactual);
double Value(const evaluation::EpisodeContext& context, const signals::Question& question);

// The signals of a valid episode, computed without stream, engine or clock.
std::string ExpectedSignals(const service::EpisodeWork& work);

// To the last bit where no rollout failed; where some did, all that an environment without failures
// shows. Where a place was given up there is nothing to compare with.
bool IsWhatWasToBeFound(const std::string& expected, const v1::EpisodeSignals& found,
                        bool may_fail);

}  // namespace assay::simulation

#endif  // ASSAY_TESTS_SIMULATION_EPISODES_H_
