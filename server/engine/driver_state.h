// Where a driver is with its plan.
#ifndef ASSAY_SERVER_ENGINE_DRIVER_STATE_H_
#define ASSAY_SERVER_ENGINE_DRIVER_STATE_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/engine/fan_out.h"
#include "server/evaluation/evaluator.h"

namespace assay::engine {

// Where the plan is. Only a driver takes it on, but for kAnswered, which answers bring about, and
// for the end of kResting, which a timer does.
enum class State : uint8_t {
  kMade,      // there is no plan yet
  kAsking,    // a round is on its way: its questions are being asked or wait for their answers
  kAnswered,  // the round is over: every answer is in, or the first failure
  kResting,   // the plan knows the answers: it is asked for more after a while
  kTold,      // the plan knows the answers: there may be more to ask
  kFinished,  // `done` was called, or is about to be
};

// Why the run must end before its plan is done. A cancel outweighs the timeout.
enum class Stop : uint8_t { kNo, kTimedOut, kCancelled };

// What a driver has to do next.
enum class Event : uint8_t { kNone, kBegin, kCancelled, kDeadline, kAnswered, kAsk };

// The questions of one ask() that go to one evaluator.
struct Part {
  evaluation::Evaluator* evaluator = nullptr;
  size_t size = 0;
  int64_t count = 0;
  absl::Time asked;
  bool open = false;  // asked, not answered
  absl::Status status;
  evaluation::Answers answers;
  evaluation::CancelFn cancel;
  std::shared_ptr<FanOut> fan_out;
};

}  // namespace assay::engine

#endif  // ASSAY_SERVER_ENGINE_DRIVER_STATE_H_
