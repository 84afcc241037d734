#include "server/blame/text/text_domain.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"

namespace assay::blame {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Weight of the identity in the covariance: few episodes say little of how measures go together.
constexpr double kShrinkage = 0.1;
// Episodes that a domain is made of; of more, as many evenly spaced ones.
constexpr size_t kMaxDescribed = 1000;
// A measure that hardly varied must not make every other value a thousand deviations away.
constexpr double kLeastDeviation = 0.05;
constexpr double kRounding = 1e-9;
constexpr Marker kDescribing[] = {kFailed,   kNegation,  kAmends, kAssumes,
                                  kVerifies, kConcludes, kCode};

VectorXd AsVector(const std::vector<double>& values) {
  return Eigen::Map<const VectorXd>(values.data(), static_cast<Eigen::Index>(values.size()));
}

// Mean, deviation and shrunk covariance, ready to measure distances.
struct Shape {
  VectorXd mean, deviation;
  MatrixXd covariance;
  Eigen::LLT<MatrixXd> factor;

  double Distance(const VectorXd& description) const {
    const VectorXd z = (description - mean).cwiseQuotient(deviation);
    return z.dot(factor.solve(z));
  }
};

// Of all rows but one; `without` < 0: of all.
Shape ShapeOf(const std::vector<VectorXd>& rows, int without) {
  const Eigen::Index measures = rows.front().size();
  Shape shape{
      VectorXd::Zero(measures), VectorXd::Zero(measures), MatrixXd::Zero(measures, measures), {}};
  const double count = static_cast<double>(rows.size()) - (without >= 0 ? 1 : 0);
  const auto each = [&](const auto& visit) {
    for (size_t i = 0; i < rows.size(); ++i) {
      if (static_cast<int>(i) != without) visit(rows[i]);
    }
  };
  each([&](const VectorXd& row) { shape.mean += row / count; });
  each([&](const VectorXd& row) { shape.deviation += (row - shape.mean).cwiseAbs2() / count; });
  shape.deviation = shape.deviation.cwiseSqrt().cwiseMax(kLeastDeviation);
  each([&](const VectorXd& row) {
    const VectorXd z = (row - shape.mean).cwiseQuotient(shape.deviation);
    shape.covariance += (1 - kShrinkage) / count * z * z.transpose();
  });
  shape.covariance.diagonal().array() += kShrinkage;
  shape.factor.compute(shape.covariance);
  return shape;
}

Shape ShapeOf(const TextDomain& domain) {
  const auto measures = static_cast<Eigen::Index>(domain.mean.size());
  Shape shape{AsVector(domain.mean),
              AsVector(domain.deviation),
              Eigen::Map<const RowMajor>(domain.covariance.data(), measures, measures),
              {}};
  shape.factor.compute(shape.covariance);
  return shape;
}

std::vector<double> EvenlySpaced(std::vector<double> sorted) {
  if (sorted.size() <= kMaxDistances) return sorted;
  std::vector<double> kept;
  for (size_t i = 0; i < kMaxDistances; ++i) {
    kept.push_back(sorted[i * (sorted.size() - 1) / (kMaxDistances - 1)]);
  }
  return kept;
}

bool AllFinite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
}

}  // namespace

const std::vector<std::string>& DomainMeasures() {
  static const auto* const names = new std::vector<std::string>{
      "log_messages", "log_authors", "context",    "hand_overs",  "mean_length", "spread_of_length",
      "novelty",      "failed",      "negation",   "amends",      "assumes",     "verifies",
      "concludes",    "code",        "log_agents", "side_by_side"};
  return *names;
}

std::vector<double> DescribeEpisode(const TextEpisode& episode) {
  const std::vector<TextMessage>& messages = episode.messages;
  std::vector<double> out(DomainMeasures().size(), 0.0);
  if (messages.empty()) return out;
  const auto count = static_cast<double>(messages.size());
  TextReader reader;
  std::vector<bool> seen;
  // Share of the words that nobody had said.
  const auto novelty = [&](const ScannedText& text) {
    seen.resize(reader.words(), false);
    double fresh = 0;
    for (const int word : text.words) {
      fresh += !seen[word];
      seen[word] = true;
    }
    return fresh / (static_cast<double>(text.words.size()) + 1);
  };
  novelty(reader.Read(episode.task));
  std::set<absl::string_view> authors, agents;
  std::map<int, std::set<absl::string_view>> of_round;
  double squares = 0;
  for (size_t t = 0; t < messages.size(); ++t) {
    const ScannedText text = reader.Read(messages[t].content);
    const double length = std::log1p(static_cast<double>(messages[t].content.size()));
    authors.insert(messages[t].agent);
    if (!messages[t].is_context) {
      agents.insert(messages[t].agent);
      if (messages[t].round > 0) of_round[messages[t].round].insert(messages[t].agent);
    }
    out[2] += (messages[t].is_context || IsTerminal(messages[t])) / count;
    if (t > 0) out[3] += (messages[t].agent != messages[t - 1].agent) / (count - 1);
    out[4] += length / count;
    squares += length * length / count;
    out[6] += novelty(text) / count;
    size_t measure = 7;
    for (const Marker marker : kDescribing) out[measure++] += (text.counts[marker] > 0) / count;
  }
  out[0] = std::log(count);
  out[1] = std::log(static_cast<double>(authors.size()));
  out[14] = std::log(static_cast<double>(std::max<size_t>(agents.size(), 1)));
  const auto shared =
      std::count_if(messages.begin(), messages.end(), [&of_round](const TextMessage& message) {
        return !message.is_context && message.round > 0 && of_round[message.round].size() > 1;
      });
  out[15] = static_cast<double>(shared) / count;
  out[5] = std::sqrt(std::fmax(0.0, squares - out[4] * out[4]));
  return out;
}

absl::Status Validate(const TextDomain& domain) {
  const size_t measures = DomainMeasures().size();
  if (domain.mean.size() != measures || domain.deviation.size() != measures ||
      domain.covariance.size() != measures * measures) {
    return absl::InvalidArgumentError(absl::StrCat(
        "domain: ", measures, " means and deviations and ", measures * measures, " covariances"));
  }
  if (domain.distances.empty() || domain.distances.size() > kMaxDistances ||
      !std::is_sorted(domain.distances.begin(), domain.distances.end())) {
    return absl::InvalidArgumentError(
        absl::StrCat("domain.distances: 1 to ", kMaxDistances, ", ascending"));
  }
  for (const auto* values :
       {&domain.mean, &domain.deviation, &domain.covariance, &domain.distances}) {
    if (!AllFinite(*values)) return absl::InvalidArgumentError("domain: not finite");
  }
  if (std::any_of(domain.deviation.begin(), domain.deviation.end(),
                  [](double x) { return x <= 0; })) {
    return absl::InvalidArgumentError("domain.deviation: not above 0");
  }
  if (ShapeOf(domain).factor.info() != Eigen::Success) {
    return absl::InvalidArgumentError("domain.covariance: not positive definite");
  }
  return absl::OkStatus();
}

absl::StatusOr<TextDomain> FitDomain(absl::Span<const std::vector<double>> descriptions) {
  if (descriptions.size() < 3) {
    return absl::InvalidArgumentError("a domain needs three episodes at least");
  }
  std::vector<VectorXd> rows;
  const size_t used = std::min(descriptions.size(), kMaxDescribed);
  for (size_t i = 0; i < used; ++i) {
    rows.push_back(AsVector(descriptions[i * descriptions.size() / used]));
  }
  const Shape shape = ShapeOf(rows, -1);
  TextDomain domain;
  domain.mean.assign(shape.mean.begin(), shape.mean.end());
  domain.deviation.assign(shape.deviation.begin(), shape.deviation.end());
  domain.covariance.assign(shape.covariance.data(),
                           shape.covariance.data() + shape.covariance.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    domain.distances.push_back(ShapeOf(rows, static_cast<int>(i)).Distance(rows[i]));
  }
  std::sort(domain.distances.begin(), domain.distances.end());
  domain.distances = EvenlySpaced(std::move(domain.distances));
  return domain;
}

double Familiarity(const TextDomain& domain, const std::vector<double>& description) {
  // Episodes that are all alike are at no distance but their rounding.
  const double distance =
      ShapeOf(domain).Distance(AsVector(description)) * (1 - kRounding) - kRounding;
  const auto& all = domain.distances;
  const auto count = static_cast<double>(all.size());
  const auto further = all.end() - std::lower_bound(all.begin(), all.end(), distance);
  if (further > 0) return static_cast<double>(further) / count;
  // One in so many is a little further out than all others, and nobody is far beyond.
  return std::pow(all.back() / distance, 4) / (count + 1);
}

}  // namespace assay::blame
