// How the messages of each type stand in JSON and in binary: what the reader and the writer of JSON
// look up for every field, found once.
#ifndef ASSAY_SERVER_BASE_JSON_FORMS_H_
#define ASSAY_SERVER_BASE_JSON_FORMS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"

namespace assay {

struct TypeForm;

// Of a field.
struct FieldForm {
  const google::protobuf::FieldDescriptor* field = nullptr;
  google::protobuf::FieldDescriptor::Type kind = google::protobuf::FieldDescriptor::TYPE_DOUBLE;
  bool repeated = false;
  bool packed = false;  // in binary
  bool map = false;
  std::string name;          // in JSON
  std::string key;           // `"name":`
  std::string tag;           // what goes before each value in binary, where none is packed
  size_t place = 0;          // among those that can be set at once: members of a oneof share one
  uint32_t written_tag = 0;  // likewise, as protobuf writes it: one for all that is packed
  const TypeForm* type = nullptr;  // of the messages that it holds, null where it holds none
};

// Of a type.
struct TypeForm {
  bool plain = true;  // false: a type of google.protobuf, which has a form of its own
  bool duration = false;
  std::vector<FieldForm> fields;  // as declared
  size_t places = 0;              // FieldForm.place is below it

  // By its number in binary; null: there is none.
  const FieldForm* Find(int number) const {
    const auto i = static_cast<size_t>(number);
    return i < by_number.size() ? by_number[i] : nullptr;
  }
  // By its name in JSON or in the .proto; null: there is none. Most writers keep the order of the
  // fields: the one that is looked for is `*next` or soon after, which is then moved behind it.
  const FieldForm* Find(absl::string_view name, size_t* next) const;

  std::vector<const FieldForm*> by_number;
  absl::flat_hash_map<absl::string_view, const FieldForm*> by_name;
};

// Appends a whole number as binary has it, seven bits a byte.
inline void AppendVarint(uint64_t value, std::string* binary) {
  for (; value >= 0x80; value >>= 7) binary->push_back(static_cast<char>(value | 0x80));
  binary->push_back(static_cast<char>(value));
}

// Thread safe. Forms of types that were compiled in are kept; those of others only as long as they
// are used, as such types can end.
std::shared_ptr<const TypeForm> FormOf(const google::protobuf::Descriptor& type);

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_JSON_FORMS_H_
