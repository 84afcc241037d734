#include "tests/fuzz/mutator.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/stubs/logging.h"
#include "google/protobuf/text_format.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace assay::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kMaxDepth = 12;
constexpr size_t kMaxStringGrowth = 16;

// Every message inside, this one included.
void Collect(Message* message, int depth, std::vector<Message*>* all) {
  all->push_back(message);
  if (depth >= kMaxDepth) return;
  const Reflection* reflection = message->GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      Collect(reflection->MutableMessage(message, field), depth + 1, all);
      continue;
    }
    for (int k = 0; k < reflection->FieldSize(*message, field); ++k) {
      Collect(reflection->MutableRepeatedMessage(message, field, k), depth + 1, all);
    }
  }
}

int64_t Integer(int64_t old, Random& random) {
  static constexpr int64_t kEdges[] = {0,   1,    2,         3,         5,         16,
                                       64,  -1,   -2,        100,       255,       256,
                                       257, 1000, INT32_MAX, INT32_MIN, 1'000'000, 1'000'000'000};
  switch (Below(random, 4)) {
    case 0:
      return old + 1;
    case 1:
      return old - 1;
    case 2:
      return static_cast<int64_t>(Below(random, 10));
    default:
      return kEdges[Below(random, std::size(kEdges))];
  }
}

double Real(double old, Random& random) {
  static const double kEdges[] = {0,
                                  -0.0,
                                  1,
                                  -1,
                                  0.5,
                                  2,
                                  1e-12,
                                  -1e-9,
                                  1e-300,
                                  5e-324,
                                  1e12,
                                  1e300,
                                  -1e300,
                                  std::numeric_limits<double>::max(),
                                  std::numeric_limits<double>::infinity(),
                                  -std::numeric_limits<double>::infinity(),
                                  std::numeric_limits<double>::quiet_NaN()};
  switch (Below(random, 8)) {
    case 0:
      return kEdges[Below(random, std::size(kEdges))];
    case 1:
      return old * (1 + 1e-9);
    case 2:
      return -old;
    case 3:
      return std::nextafter(old, Chance(random, 50) ? 1e308 : -1e308);
    case 4:
      return (Below(random, 2001) - 1000.0) / 1000;
    default:
      return Below(random, 11) / 10.0;
  }
}

// proto3 strings are UTF-8; what is not would not parse again.
void KeepUtf8(std::string* text) {
  for (char& c : *text) {
    if ((static_cast<uint8_t>(c) & 0x80) != 0) c = '?';
  }
}

std::string Text(const std::string& old, bool bytes, Random& random) {
  static const char* const kWords[] = {"",
                                       "a",
                                       "b",
                                       "c",
                                       "A",
                                       "B",
                                       "1/2",
                                       "3.5",
                                       "none",
                                       "planner",
                                       "e1",
                                       "e2",
                                       "g",
                                       "fuzz",
                                       "noisy",
                                       "\\boxed{",
                                       "1,000",
                                       "(A)",
                                       "a b c d e f g",
                                       "\xc3\xa9t\xc3\xa9"};
  if (Chance(random, 50)) return kWords[Below(random, std::size(kWords))];
  std::string text = old;
  const size_t size = text.size();
  text.resize(size + kMaxStringGrowth);
  text.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(text.data()), size, text.size()));
  if (!bytes) KeepUtf8(&text);
  return text;
}

int EnumNumber(const FieldDescriptor* field, Random& random) {
  if (Chance(random, 2)) return 77;  // a value that this build does not know
  return field->enum_type()
      ->value(static_cast<int>(Below(random, field->enum_type()->value_count())))
      ->number();
}

// Gives a singular field, or element `k` of a repeated one, another value.
void SetValue(Message* message, const FieldDescriptor* field, int k, Random& random) {
  const Reflection* r = message->GetReflection();
  const bool one = !field->is_repeated();
#define ASSAY_SET(Kind, make)                                                                 \
  {                                                                                           \
    const auto old =                                                                          \
        one ? r->Get##Kind(*message, field) : r->GetRepeated##Kind(*message, field, k);       \
    static_cast<void>(old);                                                                   \
    one ? r->Set##Kind(message, field, make) : r->SetRepeated##Kind(message, field, k, make); \
    return;                                                                                   \
  }
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      ASSAY_SET(Int32, static_cast<int32_t>(Integer(old, random)))
    case FieldDescriptor::CPPTYPE_UINT32:
      ASSAY_SET(UInt32, static_cast<uint32_t>(Integer(old, random)))
    case FieldDescriptor::CPPTYPE_INT64:
      ASSAY_SET(Int64, Integer(old, random))
    case FieldDescriptor::CPPTYPE_UINT64:
      ASSAY_SET(UInt64, static_cast<uint64_t>(Integer(static_cast<int64_t>(old), random)))
    case FieldDescriptor::CPPTYPE_DOUBLE:
      ASSAY_SET(Double, Real(old, random))
    case FieldDescriptor::CPPTYPE_FLOAT:
      ASSAY_SET(Float, static_cast<float>(Real(static_cast<double>(old), random)))
    case FieldDescriptor::CPPTYPE_BOOL:
      ASSAY_SET(Bool, !old)
    case FieldDescriptor::CPPTYPE_ENUM:
      ASSAY_SET(EnumValue, EnumNumber(field, random))
    case FieldDescriptor::CPPTYPE_STRING:
      ASSAY_SET(String, Text(old, field->type() == FieldDescriptor::TYPE_BYTES, random))
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return;
  }
#undef ASSAY_SET
}

void AddElement(Message* message, const FieldDescriptor* field, Random& random) {
  const Reflection* r = message->GetReflection();
  const int size = r->FieldSize(*message, field);
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    Message* added = r->AddMessage(message, field);
    if (size > 0 && Chance(random, 80)) {
      added->CopyFrom(
          r->GetRepeatedMessage(*message, field, static_cast<int>(Below(random, size))));
    }
    if (Chance(random, 50)) Mutate(added, random);
    return;
  }
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      r->AddInt32(message, field, 0);
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      r->AddDouble(message, field, 0);
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      r->AddEnumValue(message, field, 0);
      break;
    case FieldDescriptor::CPPTYPE_STRING:
      r->AddString(message, field, "");
      break;
    default:
      return;  // no input has a list of any other type
  }
  SetValue(message, field, size, random);
}

void ChangeList(Message* message, const FieldDescriptor* field, Random& random) {
  const Reflection* r = message->GetReflection();
  const int size = r->FieldSize(*message, field);
  const uint32_t choice = Below(random, 10);
  if (size == 0 || choice < 5) return AddElement(message, field, random);
  const int k = static_cast<int>(Below(random, size));
  if (choice < 7) {
    r->SwapElements(message, field, k, size - 1);
    r->RemoveLast(message, field);
  } else if (choice < 8 || field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    r->SwapElements(message, field, k, static_cast<int>(Below(random, size)));
  } else {
    SetValue(message, field, k, random);
  }
}

void ChangeField(Message* message, const FieldDescriptor* field, Random& random) {
  const Reflection* r = message->GetReflection();
  if (field->is_repeated()) return ChangeList(message, field, random);
  if (r->HasField(*message, field) && Chance(random, 20)) return r->ClearField(message, field);
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    return SetValue(message, field, 0, random);
  }
  Message* inner = r->MutableMessage(message, field);
  if (inner->ByteSizeLong() == 0) Mutate(inner, random);
}

size_t Serialise(const Message& message, uint8_t* data, size_t max_size) {
  const std::string bytes = message.SerializeAsString();
  if (bytes.size() > max_size) return 0;
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}

}  // namespace

bool Parse(const uint8_t* data, size_t size, Message* message) {
  static const bool quiet = [] {
    google::protobuf::SetLogHandler(nullptr);
    return true;
  }();
  static_cast<void>(quiet);
  if (size > 0 && data[0] == '#') {
    return google::protobuf::TextFormat::ParseFromString(
        std::string(reinterpret_cast<const char*>(data), size), message);
  }
  return message->ParseFromArray(data, static_cast<int>(size));
}

void Mutate(Message* message, Random& random) {
  std::vector<Message*> all;
  Collect(message, 0, &all);
  Message* node = all[Below(random, static_cast<uint32_t>(all.size()))];
  const int fields = node->GetDescriptor()->field_count();
  if (fields == 0) return;
  ChangeField(node, node->GetDescriptor()->field(static_cast<int>(Below(random, fields))), random);
}

size_t MutateInput(uint8_t* data, size_t size, size_t max_size, uint32_t seed, Message* scratch,
                   Mend mend) {
  Random random(seed);
  // Now and then the bytes themselves: the parser is part of what is tried.
  if (Chance(random, 2) || !Parse(data, size, scratch)) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  for (uint32_t changes = 1 + Below(random, 4); changes > 0; --changes) Mutate(scratch, random);
  if (mend != nullptr && Chance(random, 85)) mend(scratch, random);
  const size_t written = Serialise(*scratch, data, max_size);
  return written > 0 ? written : LLVMFuzzerMutate(data, size, max_size);
}

size_t CrossInputs(const uint8_t* data1, size_t size1, const uint8_t* data2, size_t size2,
                   uint8_t* out, size_t max_size, uint32_t seed, Message* into, Message* from) {
  if (!Parse(data1, size1, into) || !Parse(data2, size2, from)) return 0;
  Random random(seed);
  std::vector<Message*> donors;
  std::vector<Message*> places;
  Collect(from, 0, &donors);
  Collect(into, 0, &places);
  const Message* donor = donors[Below(random, static_cast<uint32_t>(donors.size()))];
  std::vector<Message*> fitting;
  std::copy_if(
      places.begin(), places.end(), std::back_inserter(fitting),
      [donor](const Message* place) { return place->GetDescriptor() == donor->GetDescriptor(); });
  if (fitting.empty()) return 0;
  Message* place = fitting[Below(random, static_cast<uint32_t>(fitting.size()))];
  if (Chance(random, 50)) {
    place->CopyFrom(*donor);
  } else {
    place->MergeFrom(*donor);
  }
  return Serialise(*into, out, max_size);
}

}  // namespace assay::fuzz
