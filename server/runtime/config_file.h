// Reads the configuration file, which is a ServerConfig (server_config.proto) as JSON.
#ifndef ASSAY_SERVER_RUNTIME_CONFIG_FILE_H_
#define ASSAY_SERVER_RUNTIME_CONFIG_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "server/runtime/config.h"

namespace assay::runtime {

// Adds what the file, or its text, says to `config`. INVALID_ARGUMENT: the file cannot be read, is
// not JSON, or has an unknown field or a value out of its range; the message names evaluator and
// field.
absl::Status ReadConfigFile(const std::string& path, Config* config);
absl::Status ParseConfig(const std::string& json, Config* config);

}  // namespace assay::runtime

#endif  // ASSAY_SERVER_RUNTIME_CONFIG_FILE_H_
