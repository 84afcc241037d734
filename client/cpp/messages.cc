#include "client/cpp/messages.h"

#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace assay::client {

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

// The beginning of a text, without a part of a UTF-8 character at its end.
static absl::string_view Cut(absl::string_view text, size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

void SetError(const absl::Status& status, v1::Error* error) {
  error->set_code(static_cast<int>(status.code()));
  error->set_message(std::string(Cut(status.message(), 1024)));
}

void SetAnswers(absl::StatusOr<v1::Answers> answers, int questions,
                v1::EvaluateResponse* response) {
  if (answers.ok() && answers->answers_size() != questions) {
    answers =
        absl::InternalError(absl::StrCat("the client's evaluator gave ", answers->answers_size(),
                                         " answers to ", questions, " questions"));
  }
  if (answers.ok()) {
    *response->mutable_answers() = *std::move(answers);
  } else {
    SetError(answers.status(), response->mutable_error());
  }
}

bool Fits(const v1::Episode& episode, int64_t limit) {
  constexpr int64_t kFramingBytes = 1024;  // what a request adds to the episode in it
  return limit == 0 || static_cast<int64_t>(episode.ByteSizeLong()) + kFramingBytes <= limit;
}

v1::EpisodeResult TooLarge(const v1::Episode& episode, int64_t limit) {
  v1::EpisodeResult result;
  result.set_episode_id(episode.id());
  SetError(absl::OutOfRangeError(absl::StrCat("messages: the episode has ", episode.ByteSizeLong(),
                                              " bytes, the transport carries ", limit)),
           result.mutable_error());
  v1::FieldViolation* violation = result.mutable_error()->add_violations();
  violation->set_field("messages");
  violation->set_description("larger than the transport carries");
  return result;
}

}  // namespace assay::client
