#include "server/telemetry/log.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <future>
#include <iterator>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/peer.h"
#include "server/base/utf8.h"
#include "server/wire/errors.h"
#include "spdlog/async.h"
#include "spdlog/details/null_mutex.h"
#include "spdlog/sinks/base_sink.h"
#include "spdlog/spdlog.h"

namespace assay::telemetry {
namespace {

constexpr size_t kQueueLines = 8192;
constexpr size_t kMaxTextBytes = 1024;
constexpr std::chrono::seconds kForLastLines{1};

void AppendText(absl::string_view text, std::string* line) {
  line->push_back('"');
  for (const char c : CutText(text, kMaxTextBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      line->push_back('\\');
      line->push_back(c);
    } else if (byte < 0x20 || byte == 0x7F) {
      absl::StrAppendFormat(line, "\\u%04x", byte);
    } else {
      line->push_back(c);
    }
  }
  line->push_back('"');
}

struct AppendValue {
  std::string* line;
  void operator()(int64_t value) const { absl::StrAppend(line, value); }
  void operator()(double value) const {
    if (std::isfinite(value)) {
      absl::StrAppend(line, value);
    } else {
      absl::StrAppend(line, "null");
    }
  }
  void operator()(absl::string_view value) const { AppendText(value, line); }
};

spdlog::level::level_enum ToSpdlog(Level level) {
  switch (level) {
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// Not by stdio, as exit() would wait for the lock that a blocked write holds. A line that cannot be
// written is lost.
class StandardError final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    for (size_t sent = 0; sent < line.size();) {
      const ssize_t n = write(STDERR_FILENO, line.data() + sent, line.size() - sent);
      if (n <= 0 && errno != EINTR) return;
      if (n > 0) sent += static_cast<size_t>(n);
    }
  }
  void flush_() override {}
};

std::shared_ptr<spdlog::logger> MakeLogger(
    const std::shared_ptr<spdlog::details::thread_pool>& pool) {
  auto logger =
      std::make_shared<spdlog::async_logger>("assay", std::make_shared<StandardError>(), pool,
                                             spdlog::async_overflow_policy::overrun_oldest);
  return logger;
}

// The message is a complete run of JSON members.
void SetPattern(spdlog::logger* logger) {
  logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})",
                      spdlog::pattern_time_type::utc);
}

}  // namespace

Log::Log()
    : pool_(std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1)),
      logger_(MakeLogger(pool_)) {
  SetPattern(logger_.get());
}

Log::Log(std::shared_ptr<spdlog::logger> logger) : logger_(std::move(logger)) {
  SetPattern(logger_.get());
}

Log::~Log() {
  logger_->flush();
  if (pool_ == nullptr) return;
  auto written = std::make_shared<std::promise<void>>();
  std::thread([pool = std::move(pool_), written]() mutable {
    pool.reset();  // joins the thread that writes
    written->set_value();
  }).detach();
  written->get_future().wait_for(kForLastLines);
}

void Log::Write(Level level, absl::string_view event, std::initializer_list<Field> fields) const {
  std::string line = "\"event\":";
  AppendText(event, &line);
  for (const auto& [name, value] : fields) {
    line.push_back(',');
    AppendText(name, &line);
    line.push_back(':');
    absl::visit(AppendValue{&line}, value);
  }
  logger_->log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

void ServiceLog::OnEpisode(const v1::EpisodeResult& result, double /*value_range*/,
                           absl::Duration elapsed, const service::Origin& origin) {
  if (result.has_signals()) return;
  const std::string source = absl::StrCat("stream ", origin.stream);
  const auto left_out = lines_.Admit(source, std::chrono::steady_clock::now());
  if (!left_out.has_value()) return;
  const v1::Error& error = result.error();
  const absl::string_view field =
      error.violations_size() > 0 ? absl::string_view(error.violations(0).field()) : "";
  log_->Write(Level::kWarning, "episode failed",
              {{"stream", static_cast<int64_t>(origin.stream)},
               {"trace_id", origin.trace_id},
               {"episode", absl::string_view(result.episode_id())},
               {"code", service::CodeLabel(static_cast<absl::StatusCode>(error.code()))},
               {"field", field},
               {"message", absl::string_view(error.message())},
               {"seconds", absl::ToDoubleSeconds(elapsed)},
               {"left_out", *left_out}});
}

void ServiceLog::OnStreamClosed(const service::StreamSummary& summary) {
  const auto left_out = lines_.Admit(NetworkOf(summary.peer), std::chrono::steady_clock::now());
  if (!left_out.has_value()) return;
  log_->Write(summary.status.ok() ? Level::kInfo : Level::kWarning, "stream",
              {{"stream", static_cast<int64_t>(summary.stream)},
               {"peer", absl::string_view(summary.peer)},
               {"trace_id", absl::string_view(summary.trace_id)},
               {"code", service::CodeLabel(summary.status.code())},
               {"message", summary.status.message()},
               {"seconds", absl::ToDoubleSeconds(summary.elapsed)},
               {"episodes", summary.episodes},
               {"answered", summary.answered},
               {"failed", summary.failed},
               {"groups", summary.groups},
               {"questions", summary.questions},
               {"left_out", *left_out}});
}

}  // namespace assay::telemetry
