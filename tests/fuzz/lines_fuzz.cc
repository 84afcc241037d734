// Streaming requests over HTTP: lines of JSON, nearly right or not, in whatever pieces they arrive,
// and peers that leave. The engine behind is the real one, on threads of its own.
#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/struct.pb.h"
#include "server/base/json.h"
#include "server/engine/asio_executor.h"
#include "server/engine/engine.h"
#include "server/transport/http_routes.h"
#include "tests/fuzz/cases.pb.h"
#include "tests/fuzz/episodes.h"
#include "tests/fuzz/invariants.h"
#include "tests/fuzz/mutator.h"

namespace assay::fuzz {
namespace {

std::string Text(const Line& line) {
  switch (line.form_case()) {
    case Line::kEpisode:
      return ToJson(line.episode());
    case Line::kOptions:
      return absl::StrCat("{\"options\":", ToJson(line.options()), "}");
    default:
      return line.raw();
  }
}

std::string Body(const LinesCase& input) {
  std::string body;
  for (const Line& line : input.lines()) absl::StrAppend(&body, Text(line), "\n");
  if (input.no_end_of_line() && !body.empty()) body.pop_back();
  return body;
}

// The body in pieces, and whatever is answered.
class Peer {
 public:
  Peer(std::string body, const LinesCase& input)
      : body_(std::move(body)),
        pieces_(input.pieces().begin(), input.pieces().end()),
        writes_(input.writes()) {}

  service::HttpDuplex Duplex() {
    service::HttpDuplex duplex;
    duplex.read = [this](char* data, size_t size) { return Read(data, size); };
    duplex.write = [this](absl::string_view data) {
      answer_.append(data.data(), data.size());
      return writes_ == 0 || --writes_ > 0;
    };
    duplex.stop_reading = [this] {
      const std::lock_guard<std::mutex> lock(mutex_);
      read_ = body_.size();
    };
    return duplex;
  }

  const std::string& answer() const { return answer_; }

 private:
  int Read(char* data, size_t size) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const size_t wanted = pieces_.empty() ? size : 1 + pieces_[next_++ % pieces_.size()] % size;
    const size_t taken = std::min({wanted, size, body_.size() - read_});
    std::copy_n(body_.data() + read_, taken, data);
    read_ += taken;
    return static_cast<int>(taken);
  }

  const std::string body_;
  const std::vector<uint32_t> pieces_;
  std::mutex mutex_;
  size_t read_ = 0;
  size_t next_ = 0;
  uint32_t writes_;
  std::string answer_;
};

// Each line of the answer is a result, a group, a notice or, at the end, an error, which looks like
// the result of a line without an id.
struct Counts {
  int results = 0;
  bool may_be_cut = false;  // the last line is such an error
};
Counts CheckAnswer(const std::string& answer) {
  Counts counts;
  for (const absl::string_view line : absl::StrSplit(answer, '\n', absl::SkipEmpty())) {
    google::protobuf::Struct any;
    Check(FromJson(line, &any).ok(), "a line of JSON:", std::string(line).c_str());
    v1::EpisodeResult result;
    v1::GroupResult group;
    if (any.fields().contains("groupId")) {
      Check(FromJson(line, &group).ok(), "a group");
      CheckGroup(group);
    } else if (any.fields().contains("notice")) {
      continue;
    } else {
      counts.may_be_cut = any.fields_size() == 1 && any.fields().contains("error");
      Check(FromJson(line, &result).ok(), "a result");
      ++counts.results;
      if (result.has_error()) CheckError(result.error());
    }
  }
  return counts;
}

int EpisodesIn(const std::string& body) {
  int lines = 0;
  bool first = true;
  for (const absl::string_view line : absl::StrSplit(body, '\n')) {
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (text.empty()) continue;
    const bool options =
        std::exchange(first, false) && text.front() == '{' &&
        absl::StartsWith(absl::StripLeadingAsciiWhitespace(text.substr(1)), "\"options\"");
    lines += options ? 0 : 1;
  }
  return lines;
}

void MendCase(google::protobuf::Message* message, Random& random) {
  auto* input = static_cast<LinesCase*>(message);
  v1::AttributionOptions options;
  for (Line& line : *input->mutable_lines()) {
    if (line.has_options()) {
      MendOptions(line.mutable_options(), random);
      options = line.options();
    } else if (line.has_episode()) {
      MendEpisode(options, line.mutable_episode(), random);
    }
  }
}

void Run(const LinesCase& input) {
  auto executor = std::make_unique<engine::AsioExecutor>(1, nullptr);
  engine::Engine engine(executor.get(), nullptr);
  service::SessionConfig config;
  const service::Load most = {64, int64_t{1} << 20};
  service::Admission admission(most);
  service::Callers callers(most, &admission);
  service::ServiceDeps deps;
  deps.engine = &engine;
  deps.executor = executor.get();
  deps.config = &config;
  deps.catalog = &HashEvaluators();
  deps.callers = &callers;
  const service::HttpRoutes routes(deps, nullptr);

  const std::string body = Body(input);
  Peer peer(body, input);
  service::HttpCall call;
  call.path = "/v1/signals";
  call.content_type = "application/x-ndjson";
  call.peer = "127.0.0.1:1";
  const std::optional<service::HttpReply> refused = routes.Stream(call, peer.Duplex());
  executor.reset();  // a stream whose peer left ends before what it was computing
  if (refused.has_value()) {
    Check(peer.answer().empty(), "what is refused has no answer");
    Check(refused->status >= 400 && refused->status <= 504, "status");
  } else if (input.writes() == 0) {
    const Counts counts = CheckAnswer(peer.answer());
    const int lines = EpisodesIn(body);
    Check(counts.results == lines || (counts.may_be_cut && counts.results <= lines + 1),
          "a result for each line, or an end that says why");
  }
}

}  // namespace
}  // namespace assay::fuzz

ASSAY_FUZZ_TARGET(assay::fuzz::LinesCase, assay::fuzz::Run, assay::fuzz::MendCase)
