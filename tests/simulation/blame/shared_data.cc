#include "tests/simulation/blame/shared_data.h"

#include <google/protobuf/util/json_util.h>
#include <zlib.h>

#include <cstdio>
#include <stdexcept>

#include "tests/paths.h"

namespace assay::blame {
namespace {

std::string Unzip(gzFile file) {
  std::string text;
  char buffer[1 << 16];
  for (int n; (n = gzread(file, buffer, sizeof(buffer))) > 0;) text.append(buffer, n);
  return text;
}

}  // namespace

std::vector<google::protobuf::Struct> ReadShared(const std::string& file) {
  const std::string path = testing::SharedFolder() / "data" / file;
  gzFile handle = gzopen(path.c_str(), "rb");
  std::vector<google::protobuf::Struct> records;
  if (!handle) return records;
  const std::string text = Unzip(handle);
  gzclose(handle);
  for (size_t at = 0, end; at < text.size(); at = end + 1) {
    end = std::min(text.find('\n', at), text.size());
    google::protobuf::Struct record;
    const auto status =
        google::protobuf::util::JsonStringToMessage(text.substr(at, end - at), &record);
    if (!status.ok()) throw std::runtime_error(path + ": " + status.ToString());
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace assay::blame
