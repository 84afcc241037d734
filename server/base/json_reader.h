// Protobuf messages from JSON that is as programs write it. Protobuf's own parser builds a
// description of every type anew for each message, which takes ten times as long; it is asked
// wherever there is doubt.
#ifndef ASSAY_SERVER_BASE_JSON_READER_H_
#define ASSAY_SERVER_BASE_JSON_READER_H_

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace assay {

// Fills `message`, which must be empty. Returns false where `json` is not JSON, does not fit the
// message, or has something that this reader leaves to protobuf's parser (null, a field twice,
// numbers in quotation marks that are not 64-bit integers, bytes, maps, types of google.protobuf,
// names that are not those of the .proto or of its JSON form); `message` is then filled in part and
// is to be cleared. O(size).
bool ReadPlainJson(absl::string_view json, google::protobuf::Message* message);

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_JSON_READER_H_
