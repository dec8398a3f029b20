#include "runtime/compare.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <unordered_map>

#include <nlohmann/json.hpp>

namespace pumice {
namespace {

// What the walk over two tensors of equal dtype and shape gathers.
struct Differences {
  double magnitude = 0, largest = 0;
  int64_t worst = -1, count = 0;
  bool not_finite = false;

  void add(double a, double b, int64_t i) {
    if (std::isfinite(a)) magnitude = std::max(magnitude, std::fabs(a));
    if (a == b || (std::isnan(a) && std::isnan(b))) return;
    ++count;
    if (!std::isfinite(a) || !std::isfinite(b)) {
      if (!not_finite) worst = i;  // the first such place says more than any number
      not_finite = true;
      return;
    }
    double difference = std::fabs(a - b);
    if (difference > largest) {
      largest = difference;
      if (!not_finite) worst = i;
    }
  }
};

template <typename T>
Differences walk(const Tensor& a, const Tensor& b, int64_t numbers) {
  Differences d;
  for (int64_t i = 0; i < numbers; ++i)
    d.add(static_cast<double>(a.at<T>(i)), static_cast<double>(b.at<T>(i)), i);
  return d;
}

Differences differences(const Tensor& a, const Tensor& b) {
  const int64_t n = a.elements();
  Differences d;
  switch (a.dtype()) {
    case DType::kFloat32: return walk<float>(a, b, n);
    case DType::kFloat64: return walk<double>(a, b, n);
    case DType::kComplex64:
    case DType::kComplex128:
      d = a.dtype() == DType::kComplex64 ? walk<float>(a, b, 2 * n) : walk<double>(a, b, 2 * n);
      if (d.worst >= 0) d.worst /= 2;
      return d;
    case DType::kString:
      for (int64_t i = 0; i < n; ++i) {
        if (a.strings()[i] == b.strings()[i]) continue;
        ++d.count;
        if (d.worst < 0) d.worst = i;
      }
      return d;
    default: break;
  }
  for (int64_t i = 0; i < n; ++i) d.add(a.number_at(i), b.number_at(i), i);
  // A double does not tell large 64-bit integers apart: the bytes decide.
  if (d.count == 0 && !is_float(a.dtype()) && a.bytes().size() == b.bytes().size() && n > 0 &&
      std::memcmp(a.data(), b.data(), a.bytes().size()) != 0)
    d.count = 1;
  return d;
}

OutputComparison compare(const std::string& name, const Tensor& a, const Tensor& b,
                         double tolerance) {
  OutputComparison c;
  c.name = name;
  c.dtype = a.dtype();
  c.dims = a.dims();
  if (a.dtype() != b.dtype()) {
    c.found = dtype_name(b.dtype());
    c.verdict = Verdict::kDtype;
    return c;
  }
  if (a.dims() != b.dims()) {
    c.found = to_string(b.dims());
    c.verdict = Verdict::kShape;
    return c;
  }
  Differences d = differences(a, b);
  c.magnitude = d.magnitude;
  c.largest_absolute = d.largest;
  c.largest_relative = d.largest / (d.magnitude > 0 ? d.magnitude : 1);
  c.worst = d.worst;
  c.differing = d.count;
  const bool inexact = is_float(a.dtype()) || is_complex(a.dtype());
  if (d.count == 0)
    c.verdict = Verdict::kEqual;
  else if (d.not_finite)
    c.verdict = Verdict::kNotFinite;
  else if (inexact && c.largest_relative <= tolerance)
    c.verdict = Verdict::kClose;
  else
    c.verdict = Verdict::kDifferent;
  return c;
}

std::string number(double v) {
  if (v == 0) return "0";
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", v);
  return text;
}

bool measured(Verdict v) {
  return v == Verdict::kEqual || v == Verdict::kClose || v == Verdict::kDifferent ||
         v == Verdict::kNotFinite;
}

OutputComparison unmatched(const NamedTensor& output, Verdict verdict) {
  OutputComparison c;
  c.name = output.name;
  c.dtype = output.tensor.dtype();
  c.dims = output.tensor.dims();
  c.verdict = verdict;
  return c;
}

// Columns that a terminal shows: code points, not bytes.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

const char* verdict_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::kEqual: return "equal";
    case Verdict::kClose: return "close";
    case Verdict::kDifferent: return "DIFFERENT";
    case Verdict::kNotFinite: return "NOT FINITE";
    case Verdict::kDtype: return "OTHER DTYPE";
    case Verdict::kShape: return "OTHER SHAPE";
    case Verdict::kMissing: return "MISSING";
    case Verdict::kExtra: return "EXTRA";
    case Verdict::kNotCompared: return "NOT COMPARED";
  }
  return "?";
}

bool Comparison::ok() const {
  return std::all_of(outputs.begin(), outputs.end(),
                     [](const OutputComparison& o) { return o.ok(); });
}

Comparison compare_outputs(const std::vector<NamedTensor>& reference,
                           const std::vector<NamedTensor>& tested, double tolerance) {
  std::unordered_map<std::string, const Tensor*> by_name;
  for (const NamedTensor& t : tested) by_name.emplace(t.name, &t.tensor);
  Comparison result;
  result.tolerance = tolerance;
  for (const NamedTensor& t : reference) {
    auto it = by_name.find(t.name);
    if (it != by_name.end()) {
      result.outputs.push_back(compare(t.name, t.tensor, *it->second, tolerance));
      by_name.erase(it);
    } else {
      result.outputs.push_back(unmatched(t, Verdict::kMissing));
    }
  }
  for (const NamedTensor& t : tested)
    if (by_name.count(t.name)) result.outputs.push_back(unmatched(t, Verdict::kExtra));
  return result;
}

Comparison without_reference(const std::vector<NamedTensor>& tested, double tolerance) {
  Comparison result = compare_outputs({}, tested, tolerance);
  for (OutputComparison& output : result.outputs) output.verdict = Verdict::kNotCompared;
  return result;
}

std::string to_table(const Comparison& comparison) {
  std::vector<std::vector<std::string>> rows = {
      {"output", "shape", "dtype", "largest abs diff", "largest rel diff", "verdict"}};
  for (const OutputComparison& o : comparison.outputs) {
    const bool numbers = measured(o.verdict) && o.dtype != DType::kString;
    std::string verdict = verdict_text(o.verdict);
    if (!o.found.empty()) verdict += " " + o.found;
    rows.push_back({o.name, to_string(o.dims), std::string(dtype_name(o.dtype)),
                    numbers ? number(o.largest_absolute) : "-",
                    numbers ? number(o.largest_relative) : "-", verdict});
  }
  std::vector<size_t> widths(rows[0].size());
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string fill(widths[i] - width_of(row[i]), ' ');
      const bool right = i == 3 || i == 4;  // numbers
      if (i > 0) text += "  ";
      text += right ? fill + row[i] : i + 1 < row.size() ? row[i] + fill : row[i];
    }
    text += "\n";
  }
  return text;
}

nlohmann::json to_json(const Comparison& comparison) {
  nlohmann::json outputs = nlohmann::json::array();
  for (const OutputComparison& o : comparison.outputs) {
    std::string verdict = verdict_text(o.verdict);
    for (char& c : verdict) c = c == ' ' ? '_' : static_cast<char>(std::tolower(c));
    nlohmann::json row = {{"name", o.name},
                          {"dtype", dtype_name(o.dtype)},
                          {"shape", o.dims},
                          {"verdict", verdict},
                          {"ok", o.ok()}};
    if (measured(o.verdict)) {
      row["reference_magnitude"] = o.magnitude;
      row["largest_absolute_difference"] = o.largest_absolute;
      row["largest_relative_difference"] = o.largest_relative;
      row["differing_elements"] = o.differing;
      if (o.worst >= 0) row["worst_element"] = o.worst;
    }
    if (!o.found.empty()) row["found"] = o.found;
    outputs.push_back(std::move(row));
  }
  return {{"ok", comparison.ok()}, {"tolerance", comparison.tolerance}, {"outputs", outputs}};
}

}  // namespace pumice
