// Protobuf messages as JSON by protobuf's mapping, written in one go. Protobuf's own printer builds
// a description of every type anew for each message, which takes ten times as long.
#ifndef ASSAY_SERVER_BASE_JSON_WRITER_H_
#define ASSAY_SERVER_BASE_JSON_WRITER_H_

#include <string>

#include "google/protobuf/message.h"

namespace assay {

// Appends `message` on one line, without fields that have their default. Numbers have as many
// digits as tell them from their neighbours. False: it holds what only protobuf's printer writes
// (maps and the types of google.protobuf but durations), and `json` is to be thrown away.
bool AppendJson(const google::protobuf::Message& message, std::string* json);

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_JSON_WRITER_H_
