#include "server/base/message_memory.h"

#include <limits>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"

namespace assay {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Of a message: its head, and each field with room for a pointer, a length and a mark; and what the
// list that holds it keeps for it.
constexpr int64_t kMessageBytes = 64;
constexpr int64_t kFieldBytes = 24;
// Of a text that is not short: the string and the pointer to it.
constexpr int64_t kTextBytes = 48;
constexpr int64_t kNumberBytes = 16;
// Of a field that the type does not know: its record, and its share of the list, which may be twice
// as long as it must be.
constexpr int64_t kUnknownBytes = 96;
constexpr int kMaxDepth = 100;

class Counter {
 public:
  Counter(CodedInputStream* bytes, int64_t limit) : bytes_(*bytes), limit_(limit) {}

  // False: counting is over, at the limit or at a fault.
  bool Message(const Descriptor& type, int depth) {
    total_ += kMessageBytes + kFieldBytes * type.field_count();
    if (depth > kMaxDepth) return false;
    while (total_ <= limit_) {
      const uint32_t tag = bytes_.ReadTag();
      if (tag == 0) return bytes_.ConsumedEntireMessage() || depth == 0;
      const FieldDescriptor* const field =
          type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
      if (field == nullptr ? !Unknown(tag) : !Field(*field, tag, depth)) return false;
    }
    return false;
  }

  int64_t total() const { return total_; }

 private:
  bool Field(const FieldDescriptor& field, uint32_t tag, int depth) {
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      total_ += kNumberBytes;
      return WireFormatLite::SkipField(&bytes_, tag);
    }
    uint32_t size = 0;
    if (!bytes_.ReadVarint32(&size)) return false;
    if (field.type() == FieldDescriptor::TYPE_MESSAGE) {
      const CodedInputStream::Limit outer = bytes_.PushLimit(static_cast<int>(size));
      if (!Message(*field.message_type(), depth + 1)) return false;
      bytes_.PopLimit(outer);
      return true;
    }
    const bool text = field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
    // Packed numbers: each takes at least a byte, and the list may be twice as long as it must be.
    total_ += text ? kTextBytes + int64_t{size} : kNumberBytes * (int64_t{size} + 1);
    return bytes_.Skip(static_cast<int>(size));
  }

  bool Unknown(uint32_t tag) {
    const int before = bytes_.CurrentPosition();
    if (!WireFormatLite::SkipField(&bytes_, tag)) return false;
    const int64_t size = bytes_.CurrentPosition() - before;
    const bool group = WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_START_GROUP;
    // In a group each two bytes may be a field.
    total_ += kUnknownBytes + (group ? kUnknownBytes / 2 * size : size);
    return true;
  }

  CodedInputStream& bytes_;
  const int64_t limit_;
  int64_t total_ = 0;
};

}  // namespace

int64_t MemoryOnceParsed(const Descriptor& type, google::protobuf::io::ZeroCopyInputStream* bytes,
                         int64_t limit) {
  CodedInputStream coded(bytes);
  coded.SetTotalBytesLimit(std::numeric_limits<int>::max());
  Counter counter(&coded, limit);
  counter.Message(type, 0);
  return counter.total();
}

}  // namespace assay
