// Structured logs: one JSON object a line on standard error. Never a payload.
#ifndef ASSAY_SERVER_TELEMETRY_LOG_H_
#define ASSAY_SERVER_TELEMETRY_LOG_H_

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/types/variant.h"
#include "server/session/session_observer.h"
#include "server/telemetry/line_limiter.h"

namespace spdlog {
class logger;
namespace details {
class thread_pool;
}
}  // namespace spdlog

namespace assay::telemetry {

enum class Level : uint8_t { kInfo, kWarning, kError };

class Log {
 public:
  using Value = absl::variant<int64_t, double, absl::string_view>;
  using Field = std::pair<absl::string_view, Value>;

  // A log to standard error, written by a thread of its own. A full queue drops its oldest lines
  // rather than make an episode wait.
  Log();
  explicit Log(std::shared_ptr<spdlog::logger> logger);
  // Waits for the last lines to be written, but not for a reader that has stopped reading.
  ~Log();

  // {"time":...,"level":...,"event":EVENT,FIELDS...}; text is escaped, NaN becomes null.
  void Write(Level level, absl::string_view event, std::initializer_list<Field> fields) const;

 private:
  std::shared_ptr<spdlog::details::thread_pool> pool_;  // null: the logger needs none
  const std::shared_ptr<spdlog::logger> logger_;
};

// Writes one line for each stream that has ended and one for each episode that failed. For one
// address and one stream there are no more than LineLimiter lets through; "left_out" says how many
// were left out since the last line.
class ServiceLog final : public service::SessionObserver {
 public:
  // `log` outlives this.
  explicit ServiceLog(const Log* log) : log_(log) {}

  void OnEpisode(const v1::EpisodeResult& result, double value_range, absl::Duration elapsed,
                 const service::Origin& origin) override;
  void OnStreamClosed(const service::StreamSummary& summary) override;

 private:
  const Log* const log_;
  LineLimiter lines_;
};

}  // namespace assay::telemetry

#endif  // ASSAY_SERVER_TELEMETRY_LOG_H_
