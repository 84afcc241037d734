#include "tests/benchmarks/estimators/plot.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>

#include "absl/strings/str_format.h"

namespace assay::benchmarks {
namespace {

constexpr int kWidth = 230;
constexpr int kHeight = 170;
constexpr int kMargin = 34;
constexpr const char* kColours[] = {"#1b6ca8", "#d1495b", "#66a182",
                                    "#edae49", "#8d5a97", "#444444"};

struct Axis {
  double low = INFINITY;
  double high = -INFINITY;
  void Cover(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  double At(double value, double from, double to) const {
    return high > low ? from + (value - low) / (high - low) * (to - from) : (from + to) / 2;
  }
};

using Panel = std::map<std::string, std::map<int, double>>;  // series -> budget -> error

std::string DrawPanel(const Panel& panel, const std::string& title,
                      const std::map<std::string, std::string>& colours) {
  Axis x;
  Axis y;
  for (const auto& [series, line] : panel) {
    for (const auto& [budget, error] : line) {
      x.Cover(std::log10(budget));
      y.Cover(std::log10(std::max(error, 1e-12)));
    }
  }
  std::string svg = absl::StrFormat(
      "<text x='%d' y='14' font-size='12'>%s</text>"
      "<rect x='%d' y='20' width='%d' height='%d' fill='none' stroke='#999'/>\n",
      kMargin, title, kMargin, kWidth - kMargin - 8, kHeight - 40);
  for (double tick : {std::ceil(y.low), std::floor(y.high)}) {
    if (tick < y.low || tick > y.high) continue;
    svg += absl::StrFormat("<text x='2' y='%.1f' font-size='9'>1e%.0f</text>\n",
                           y.At(tick, kHeight - 24, 26) + 3, tick);
  }
  for (double end : {x.low, x.high}) {
    svg += absl::StrFormat("<text x='%.1f' y='%d' font-size='9'>%.0f</text>\n",
                           x.At(end, kMargin + 4, kWidth - 24), kHeight - 8, std::pow(10, end));
  }
  for (const auto& [series, line] : panel) {
    std::string path;
    for (const auto& [budget, error] : line) {
      path += absl::StrFormat("%.1f,%.1f ", x.At(std::log10(budget), kMargin + 6, kWidth - 16),
                              y.At(std::log10(std::max(error, 1e-12)), kHeight - 26, 26));
    }
    svg += absl::StrFormat("<polyline points='%s' fill='none' stroke='%s' stroke-width='1.6'/>\n",
                           path, colours.at(series));
  }
  return svg;
}

}  // namespace

void WritePlot(const std::string& path, const std::vector<PlotPoint>& points) {
  std::map<std::pair<int, std::string>, Panel> panels;
  std::map<std::string, std::string> colours;
  std::set<std::string> families;
  std::set<int> sizes;
  for (const PlotPoint& point : points) {
    panels[{point.n, point.family}][point.series][point.budget] = point.error;
    families.insert(point.family);
    sizes.insert(point.n);
    if (!colours.contains(point.series)) {
      const std::string colour = kColours[std::min<std::size_t>(colours.size(), 5)];
      colours[point.series] = colour;
    }
  }
  std::ofstream svg(path);
  const int width = static_cast<int>(families.size()) * kWidth;
  const int height = static_cast<int>(sizes.size()) * kHeight + 30;
  svg << absl::StrFormat(
      "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' font-family='sans-serif'>\n"
      "<rect width='100%%' height='100%%' fill='white'/>\n",
      width, height);
  int row = 0;
  for (int n : sizes) {
    int column = 0;
    for (const std::string& family : families) {
      const auto panel = panels.find({n, family});
      if (panel != panels.end()) {
        svg << absl::StrFormat("<g transform='translate(%d,%d)'>", column * kWidth, row * kHeight)
            << DrawPanel(panel->second, absl::StrFormat("%s, n = %d", family, n), colours)
            << "</g>\n";
      }
      ++column;
    }
    ++row;
  }
  int legend = kMargin;
  for (const auto& [series, colour] : colours) {
    svg << absl::StrFormat("<text x='%d' y='%d' font-size='12' fill='%s'>%s</text>\n", legend,
                           height - 10, colour, series);
    legend += 30 + 8 * static_cast<int>(series.size());
  }
  svg << absl::StrFormat(
      "<text x='%d' y='%d' font-size='11'>mean squared error by number of questions, "
      "log-log</text>\n"
      "</svg>\n",
      legend, height - 10);
}

}  // namespace assay::benchmarks
