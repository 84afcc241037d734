// Messages that the client makes or reads itself.
#ifndef ASSAY_CLIENT_CPP_MESSAGES_H_
#define ASSAY_CLIENT_CPP_MESSAGES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "assay/v1/episode.pb.h"
#include "assay/v1/error.pb.h"
#include "assay/v1/signal_service.pb.h"
#include "google/protobuf/duration.pb.h"

namespace assay::client {

absl::Duration FromProto(const google::protobuf::Duration& duration);

// Fills code and message from `status`; a message of more than 1 KiB is cut.
void SetError(const absl::Status& status, v1::Error* error);

// Puts `answers` into `response`, or an error where there are none or not one for each question.
void SetAnswers(absl::StatusOr<v1::Answers> answers, int questions, v1::EvaluateResponse* response);

// Whether a transport that carries `limit` bytes (0: any number) carries the episode in its
// request.
bool Fits(const v1::Episode& episode, int64_t limit);

// The result of an episode that is larger than `limit`, the bytes that the transport carries.
v1::EpisodeResult TooLarge(const v1::Episode& episode, int64_t limit);

}  // namespace assay::client

#endif  // ASSAY_CLIENT_CPP_MESSAGES_H_
