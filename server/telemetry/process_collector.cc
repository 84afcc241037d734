#include "server/telemetry/process_collector.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace assay::telemetry {
namespace {

prometheus::MetricFamily Family(const char* name, const char* help, prometheus::MetricType type,
                                double value) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  prometheus::ClientMetric metric;
  if (type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(metric);
  return family;
}

// Fields of /proc/self/stat behind the command's closing parenthesis; the first one is number 3.
std::vector<std::string> ReadStat() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const size_t end = text.rfind(')');
  std::vector<std::string> fields;
  if (end == std::string::npos) return fields;
  std::istringstream rest(text.substr(end + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

double BootTime() {
  std::ifstream file("/proc/stat");
  for (std::string key; file >> key;) {
    double value = 0;
    if (key == "btime" && file >> value) return value;
    file.ignore(1 << 16, '\n');
  }
  return 0;
}

double OpenFiles() {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  if (error) return 0;
  return static_cast<double>(std::distance(begin(files), end(files)));
}

}  // namespace

std::vector<prometheus::MetricFamily> ProcessCollector::Collect() const {
  constexpr size_t kFirst = 3, kUtime = 14, kStime = 15, kThreads = 20, kStart = 22, kVsize = 23,
                   kRss = 24;
  const std::vector<std::string> stat = ReadStat();
  if (stat.size() <= kRss - kFirst) return {};
  const auto field = [&stat](size_t number) { return std::stod(stat[number - kFirst]); };
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  using prometheus::MetricType;
  return {
      Family("process_cpu_seconds_total", "CPU time spent, user and system.", MetricType::Counter,
             (field(kUtime) + field(kStime)) / ticks),
      Family("process_resident_memory_bytes", "Resident memory.", MetricType::Gauge,
             field(kRss) * static_cast<double>(sysconf(_SC_PAGESIZE))),
      Family("process_virtual_memory_bytes", "Virtual memory.", MetricType::Gauge, field(kVsize)),
      Family("process_start_time_seconds", "Start time since the Unix epoch.", MetricType::Gauge,
             BootTime() + field(kStart) / ticks),
      Family("process_open_fds", "Open file descriptors.", MetricType::Gauge, OpenFiles()),
      Family("process_max_fds", "Limit of open file descriptors.", MetricType::Gauge,
             static_cast<double>(files.rlim_cur)),
      Family("process_threads", "Threads of the process.", MetricType::Gauge, field(kThreads)),
  };
}

}  // namespace assay::telemetry
