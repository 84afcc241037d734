#ifndef ASSAY_TESTS_SIMULATION_BLAME_SHARED_DATA_H_
#define ASSAY_TESTS_SIMULATION_BLAME_SHARED_DATA_H_

#include <google/protobuf/struct.pb.h>

#include <string>
#include <vector>

namespace assay::blame {

// Records of a gzip JSON-lines file of ../shared/data (or $ASSAY_SHARED/data); none where the
// folder is absent.
std::vector<google::protobuf::Struct> ReadShared(const std::string& file);

}  // namespace assay::blame

#endif  // ASSAY_TESTS_SIMULATION_BLAME_SHARED_DATA_H_
