// What labelled and rolled out episodes have to teach, in the terms of blame/.
#ifndef ASSAY_CLIENT_COMMAND_LESSONS_H_
#define ASSAY_CLIENT_COMMAND_LESSONS_H_

#include <deque>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "assay/v1/episode.pb.h"
#include "client/input/episode_input.h"
#include "server/blame/judge_fit.h"
#include "server/blame/text/prior_fit.h"
#include "server/wire/resolve_options.h"

namespace assay::command {

// A file of episodes that are of one kind, and what they are called.
struct Collection {
  std::string name;
  std::string file;
};

// "NAME=FILE", without a / in NAME; or "FILE", whose name is then that of the file, without folders
// and endings.
Collection CollectionOf(const std::string& text);

class Lessons {
 public:
  // `options` outlives this. A prior and judges' reliability that they carry do not count: they are
  // what is to be learned.
  explicit Lessons(const service::ResolvedOptions* options);

  // Reads all of the collection. INVALID_ARGUMENT with the place of the first record that cannot be
  // read.
  absl::Status Read(const Collection& collection, const EpisodeFormat& format);

  int episodes() const { return episodes_; }
  // How many episodes have their label on a message of an agent, and how many on context.
  int labelled() const;
  int environment() const;
  // One entry for each collection that was read. Texts are views into this object.
  const std::vector<blame::LabelledCollection>& collections() const { return collections_; }
  // The episodes that have a label and process scores.
  const std::vector<blame::JudgedEpisode>& judged() const { return judged_; }
  // The episodes that have rollouts or process scores, labelled or not, with each judge's scores
  // weighed by what it is worth.
  std::vector<blame::Evidence> Measured(const std::vector<blame::JudgeReliability>& judges) const;

 private:
  void Add(v1::Episode episode, blame::LabelledCollection* collection);
  void AddLabel(const v1::Episode& episode, int first_error, blame::LabelledCollection* collection);

  const service::ResolvedOptions& options_;
  signals::Options bare_;
  int episodes_ = 0;
  std::deque<v1::Episode> kept_;              // a deque never moves what it holds
  std::vector<const v1::Episode*> measured_;  // of `kept_`
  std::vector<blame::LabelledCollection> collections_;
  std::vector<blame::JudgedEpisode> judged_;
};

}  // namespace assay::command

#endif  // ASSAY_CLIENT_COMMAND_LESSONS_H_
