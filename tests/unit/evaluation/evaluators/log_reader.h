// Reads the gzip JSON lines of ../shared/data for tests that compare with real logs.
#ifndef ASSAY_TESTS_UNIT_EVALUATION_EVALUATORS_LOG_READER_H_
#define ASSAY_TESTS_UNIT_EVALUATION_EVALUATORS_LOG_READER_H_

#include <functional>
#include <string>

#include "google/protobuf/struct.pb.h"

namespace assay::testing_data {

using Record = google::protobuf::Struct;

// Calls `visit` for each line of ../shared/data/name (or $ASSAY_SHARED/data/name). False: the file
// cannot be read.
bool ForEachRecord(const std::string& name, const std::function<void(const Record&)>& visit);

}  // namespace assay::testing_data

#endif  // ASSAY_TESTS_UNIT_EVALUATION_EVALUATORS_LOG_READER_H_
