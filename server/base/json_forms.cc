#include "server/base/json_forms.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/wire_format.h"
#include "server/base/mutex.h"

namespace assay {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::OneofDescriptor;
using google::protobuf::internal::WireFormat;
using google::protobuf::internal::WireFormatLite;

std::string TagOf(const FieldDescriptor& field) {
  const auto kind = static_cast<WireFormatLite::FieldType>(field.type());
  std::string tag;
  AppendVarint(WireFormatLite::MakeTag(field.number(), WireFormatLite::WireTypeForFieldType(kind)),
               &tag);
  return tag;
}

// The forms of types, each made when it is first asked for.
class Forms {
 public:
  const TypeForm* Of(const Descriptor& type) {
    std::unique_ptr<TypeForm>& place = forms_[&type];
    if (place != nullptr) return place.get();
    place = std::make_unique<TypeForm>();
    TypeForm* const form = place.get();
    form->plain = !absl::StartsWith(type.full_name(), "google.protobuf.");
    form->duration = &type == google::protobuf::Duration::descriptor();
    if (form->plain) Fill(type, form);
    return form;
  }

 private:
  static constexpr int kMaxNumber = 1000;  // a field with a larger one is taken for unknown

  void Fill(const Descriptor& type, TypeForm* form) {
    std::vector<const OneofDescriptor*> oneofs;  // by place; null: a field that is in none
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      if (field.number() > kMaxNumber) continue;
      const OneofDescriptor* const oneof = field.containing_oneof();
      auto place = oneof == nullptr ? oneofs.end() : std::find(oneofs.begin(), oneofs.end(), oneof);
      if (place == oneofs.end()) place = oneofs.insert(oneofs.end(), oneof);
      FieldForm& own = form->fields.emplace_back();
      own.field = &field;
      own.kind = field.type();
      own.repeated = field.is_repeated();
      own.packed = field.is_packed();
      own.map = field.is_map();
      own.name = field.json_name();
      own.key = absl::StrCat("\"", own.name, "\":");
      own.tag = TagOf(field);
      own.written_tag = WireFormat::MakeTag(&field);
      own.place = static_cast<size_t>(place - oneofs.begin());
      if (field.message_type() != nullptr) own.type = Of(*field.message_type());
    }
    form->places = oneofs.size();
    Index(form);
  }

  static void Index(TypeForm* form) {
    for (const FieldForm& field : form->fields) {
      const auto number = static_cast<size_t>(field.field->number());
      form->by_number.resize(std::max(form->by_number.size(), number + 1));
      form->by_number[number] = &field;
      form->by_name.emplace(field.name, &field);
    }
    for (const FieldForm& field : form->fields) form->by_name.emplace(field.field->name(), &field);
  }

  absl::flat_hash_map<const Descriptor*, std::unique_ptr<TypeForm>> forms_;
};

}  // namespace

const FieldForm* TypeForm::Find(absl::string_view name, size_t* next) const {
  for (size_t i = *next; i < fields.size(); ++i) {
    if (fields[i].name != name) continue;
    *next = i + 1;
    return &fields[i];
  }
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : found->second;
}

std::shared_ptr<const TypeForm> FormOf(const Descriptor& type) {
  if (type.file()->pool() == DescriptorPool::generated_pool()) {
    static Mutex mutex;
    static Forms* const compiled = new Forms();
    const MutexLock lock(&mutex);
    return {std::shared_ptr<void>(), compiled->Of(type)};
  }
  const auto forms = std::make_shared<Forms>();
  return {forms, forms->Of(type)};
}

}  // namespace assay
