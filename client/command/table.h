// Results as people read them.
#ifndef ASSAY_CLIENT_COMMAND_TABLE_H_
#define ASSAY_CLIENT_COMMAND_TABLE_H_

#include <string>

#include "assay/v1/episode.pb.h"
#include "assay/v1/signal_service.pb.h"

namespace assay::command {

// Who earned what, message by message. The texts are those of `episode`; null where it is not
// known. `advantages` are those of the episode in its group, or null; they come first, because a
// trainer puts them on the tokens.
std::string EpisodeTable(const v1::EpisodeResult& result, const v1::Episode* episode,
                         const v1::EpisodeAdvantages* advantages = nullptr);

// What the advantages of a group are made of, and those of its episodes at a glance.
std::string GroupTable(const v1::GroupResult& result);

}  // namespace assay::command

#endif  // ASSAY_CLIENT_COMMAND_TABLE_H_
