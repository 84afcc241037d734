#include "tests/unit/evaluation/evaluators/log_reader.h"

#include <zlib.h>

#include <array>

#include "google/protobuf/util/json_util.h"
#include "tests/paths.h"

namespace assay::testing_data {
namespace {

bool Parse(const std::string& line, const std::function<void(const Record&)>& visit) {
  Record record;
  if (!google::protobuf::util::JsonStringToMessage(line, &record).ok()) return false;
  visit(record);
  return true;
}

}  // namespace

bool ForEachRecord(const std::string& name, const std::function<void(const Record&)>& visit) {
  gzFile file = gzopen((testing::SharedFolder() / "data" / name).c_str(), "rb");
  if (file == nullptr) return false;
  std::array<char, 1 << 16> buffer;
  std::string line;
  bool ok = true;
  while (ok && gzgets(file, buffer.data(), buffer.size()) != nullptr) {
    line += buffer.data();
    if (line.back() != '\n') continue;
    ok = Parse(line, visit);
    line.clear();
  }
  if (ok && !line.empty()) ok = Parse(line, visit);
  gzclose(file);
  return ok;
}

}  // namespace assay::testing_data
