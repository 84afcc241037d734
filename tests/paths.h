// Where the project's own files and the shared data lie, for every test program.
#ifndef ASSAY_TESTS_PATHS_H_
#define ASSAY_TESTS_PATHS_H_

#include <filesystem>

namespace assay::testing {

// The repository.
std::filesystem::path SourceFolder();

// Real logs: ASSAY_SHARED, or `shared` beside the repository. May not exist: such a test says
// "skipped".
std::filesystem::path SharedFolder();

}  // namespace assay::testing

#endif  // ASSAY_TESTS_PATHS_H_
