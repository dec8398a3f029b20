#include "detection/box_decoding.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace pumice {
namespace {

constexpr size_t kMostCandidates = 24;
/// A few megabytes; detectors have some ten thousand boxes.
constexpr int64_t kMostBoxes = 1 << 20;

/// The decoding from one candidate for the encodings.
class Decoder {
 public:
  Decoder(const Probe& probe, int64_t count) : probe_(probe), n_(static_cast<size_t>(count)) {}

  /// The boxes for encodings whose column c holds t[c] in every row; empty where the part fails.
  std::vector<float> boxes(std::array<float, 4> t) const {
    std::vector<float> encodings(4 * n_);
    for (size_t i = 0; i < encodings.size(); ++i) encodings[i] = t[i % 4];
    return run(std::move(encodings));
  }
  std::vector<float> run(std::vector<float> encodings) const {
    const std::vector<float> inputs[] = {std::move(encodings)};
    auto out = probe_.run(inputs);
    if (!out.ok() || (*out)[0].elements() != static_cast<int64_t>(4 * n_) ||
        (*out)[0].dtype() != DType::kFloat32)
      return {};
    return (*out)[0].values<float>();
  }

  /// Fills in all but the value; false where this is no decoding.
  bool read(BoxDecoding& d) const {
    const std::vector<float> zero = boxes({0, 0, 0, 0});
    if (zero.empty() ||
        !std::all_of(zero.begin(), zero.end(), [](float v) { return std::isfinite(v); }))
      return false;
    std::array<bool, 4> taken{};
    for (int c = 0; c < 4; ++c) {
      std::array<float, 4> t{};
      t[static_cast<size_t>(c)] = 1;
      const int role = role_of(zero, boxes(t));
      if (role < 0 || taken[static_cast<size_t>(role)]) return false;
      taken[static_cast<size_t>(role)] = true;
      d.columns[static_cast<size_t>(role)] = c;
    }
    return measure(d, zero) && agrees(d);
  }

 private:
  float size(const std::vector<float>& b, size_t i, int axis) const {
    return b[4 * i + 2 + static_cast<size_t>(axis)] - b[4 * i + static_cast<size_t>(axis)];
  }
  float centre(const std::vector<float>& b, size_t i, int axis) const {
    return (b[4 * i + 2 + static_cast<size_t>(axis)] + b[4 * i + static_cast<size_t>(axis)]) / 2;
  }

  /// What a column does: 0, 1 move the centre along y, x; 2, 3 change the size; -1 anything else.
  int role_of(const std::vector<float>& zero, const std::vector<float>& moved) const {
    if (moved.empty()) return -1;
    int role = -2;
    for (size_t i = 0; i < n_; ++i) {
      int here = -1;
      for (int axis = 0; axis < 2; ++axis) {
        const auto a = static_cast<size_t>(axis);
        const float low = moved[4 * i + a] - zero[4 * i + a],
                    high = moved[4 * i + 2 + a] - zero[4 * i + 2 + a];
        const float reach =
            std::max({std::fabs(zero[4 * i + a]), std::fabs(zero[4 * i + 2 + a]), 1e-3f});
        const float slack = 4e-6f * reach + 1e-3f * (std::fabs(low) + std::fabs(high));
        if (std::fabs(low) <= 4e-6f * reach && std::fabs(high) <= 4e-6f * reach) continue;
        if (here >= 0) return -1;  // both axes
        if (std::fabs(low - high) <= slack && low > 0)
          here = axis;
        else if (std::fabs(low + high) <= slack && high > 0)
          here = 2 + axis;
        else
          return -1;
      }
      if (here < 0 || (role >= 0 && here != role)) return -1;
      role = here;
    }
    return role;
  }

  static float median(std::vector<float> values) {
    auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  }
  /// The number of four digits that is equal within what float32 told.
  static float tidy(float v) {
    if (!(v > 0) || !std::isfinite(v)) return v;
    const double unit = std::pow(10.0, std::floor(std::log10(static_cast<double>(v))) - 3);
    const double round = std::round(static_cast<double>(v) / unit) * unit;
    return std::fabs(round - static_cast<double>(v)) < 2e-5 * round ? static_cast<float>(round) : v;
  }
  std::array<float, 4> in_columns(const BoxDecoding& d, std::array<float, 4> by_role) const {
    std::array<float, 4> t{};
    for (size_t role = 0; role < 4; ++role) t[static_cast<size_t>(d.columns[role])] = by_role[role];
    return t;
  }

  bool measure(BoxDecoding& d, const std::vector<float>& zero) const {
    // Sizes grow by exp(t / scale): roughly from t = 1, then exactly from boxes 400 times as large.
    const std::vector<float> grown = boxes(in_columns(d, {0, 0, 1, 1}));
    if (grown.empty()) return false;
    std::array<float, 2> scale{};
    for (int axis = 0; axis < 2; ++axis) {
      std::vector<float> of_box;
      for (size_t i = 0; i < n_; ++i)
        of_box.push_back(1 / std::log(size(grown, i, axis) / size(zero, i, axis)));
      scale[static_cast<size_t>(axis)] = median(std::move(of_box));
      if (!(scale[static_cast<size_t>(axis)] > 0) ||
          !std::isfinite(scale[static_cast<size_t>(axis)]))
        return false;
    }
    constexpr float kGrowth = 6;
    const std::array<float, 2> t = {kGrowth * scale[0], kGrowth * scale[1]};
    const std::vector<float> large = boxes(in_columns(d, {0, 0, t[0], t[1]}));
    const std::vector<float> small = boxes(in_columns(d, {0, 0, -30 * scale[0], -30 * scale[1]}));
    if (large.empty() || small.empty()) return false;
    for (int axis = 0; axis < 2; ++axis) {
      std::vector<float> of_box;
      for (size_t i = 0; i < n_; ++i)
        of_box.push_back(t[static_cast<size_t>(axis)] /
                         std::log(size(large, i, axis) / size(zero, i, axis)));
      scale[static_cast<size_t>(axis)] = tidy(median(std::move(of_box)));
    }
    d.h_scale = scale[0];
    d.w_scale = scale[1];
    d.anchors.resize(4 * n_);
    for (size_t i = 0; i < n_; ++i)
      for (int axis = 0; axis < 2; ++axis) {
        const auto a = static_cast<size_t>(axis);
        d.anchors[4 * i + a] = centre(small, i, axis);
        d.anchors[4 * i + 2 + a] =
            static_cast<float>(static_cast<double>(size(large, i, axis)) /
                               std::exp(static_cast<double>(t[a]) / static_cast<double>(scale[a])));
        if (!(d.anchors[4 * i + 2 + a] > 0)) return false;
      }
    constexpr float kShift = 100;
    const std::vector<float> moved = boxes(in_columns(d, {kShift, kShift, 0, 0}));
    if (moved.empty()) return false;
    for (int axis = 0; axis < 2; ++axis) {
      const auto a = static_cast<size_t>(axis);
      std::vector<float> of_box;
      for (size_t i = 0; i < n_; ++i)
        of_box.push_back(kShift * d.anchors[4 * i + 2 + a] /
                         (centre(moved, i, axis) - d.anchors[4 * i + a]));
      (axis ? d.x_scale : d.y_scale) = tidy(median(std::move(of_box)));
    }
    return d.y_scale > 0 && d.x_scale > 0 && std::isfinite(d.y_scale) && std::isfinite(d.x_scale);
  }

  /// On numbers as a network gives them, each row others. To a thousandth of the box and of how far
  /// it moved: graphs may hold an anchor's size twice, for centres and for sizes, each rounded to
  /// float16.
  bool agrees(const BoxDecoding& d) const {
    std::mt19937 random(20);
    std::normal_distribution<float> normal(0, 1);
    const std::array<float, 4> scales = {d.y_scale, d.x_scale, d.h_scale, d.w_scale};
    std::vector<float> encodings(4 * n_);
    for (size_t i = 0; i < n_; ++i)
      for (size_t role = 0; role < 4; ++role)
        encodings[4 * i + static_cast<size_t>(d.columns[role])] =
            scales[role] * (role < 2 ? 0.7f : 0.4f) * normal(random);
    const std::vector<float> found = run(encodings);
    if (found.empty()) return false;
    for (size_t i = 0; i < n_; ++i)
      for (size_t a = 0; a < 2; ++a) {
        const float moved = encodings[4 * i + static_cast<size_t>(d.columns[a])] / scales[a] *
                            d.anchors[4 * i + 2 + a];
        const float centre = moved + d.anchors[4 * i + a];
        const float half =
            0.5f *
            std::exp(encodings[4 * i + static_cast<size_t>(d.columns[2 + a])] / scales[2 + a]) *
            d.anchors[4 * i + 2 + a];
        const float slack = 1e-3f * (half + std::fabs(moved)) + 2e-6f * (std::fabs(centre) + half);
        if (!(std::fabs(found[4 * i + a] - (centre - half)) <= slack) ||
            !(std::fabs(found[4 * i + 2 + a] - (centre + half)) <= slack))
          return false;
      }
    return true;
  }

  const Probe& probe_;
  size_t n_;
};

/// Ops that hand the encodings on, or scale their columns: the raw head lies before them.
bool passes_on(const Node& node) {
  for (const char* op :
       {"Reshape", "Squeeze", "ExpandDims", "Identity", "Mul", "RealDiv", "Div", "Unpack", "Pack"})
    if (node.is(op)) return true;
  return false;
}

}  // namespace

Result<BoxDecoding> find_box_decoding(const Model& model, const Graph& graph, Value* boxes) {
  const auto elements = sizes_of_one(boxes) ? element_count(*sizes_of_one(boxes)) : std::nullopt;
  auto refused = [&](const std::string& found) {
    return Error(ErrorCode::kUnsupported,
                 "the box decoding before the non-max suppression is not recognized")
        .at(boxes->node()->name, boxes->node()->op)
        .expected(
            "boxes [N,4] of centres and sizes relative to constant anchors, neither clipped nor "
            "turned")
        .found(found);
  };
  if (!elements || *elements == 0 || *elements % 4 != 0 || *elements / 4 > kMostBoxes)
    return refused("boxes of shape " + to_string(boxes->shape));
  Value* const targets[] = {boxes};
  std::optional<BoxDecoding> best;
  const Node* last = nullptr;  // what made the candidate that decoded last
  size_t tried = 0;
  for (Value* candidate : bottlenecks(graph, targets)) {
    const auto dims = sizes_of_one(candidate);
    const bool fits =
        dims && element_count(*dims) == elements && candidate->dtype == DType::kFloat32;
    if (last && !passes_on(*last)) break;
    if (!fits || candidate == boxes) continue;
    if (++tried > kMostCandidates) break;
    Value* const inputs[] = {candidate};
    auto probe = Probe::make(model, graph, inputs, targets);
    if (!probe) continue;
    BoxDecoding decoding;
    decoding.encodings = candidate;
    decoding.count = *elements / 4;
    if (!Decoder(*probe, decoding.count).read(decoding)) {
      if (best) break;
      continue;
    }
    last = candidate->node();
    // A reshape alone is worth nothing where the heads have their usual shape already.
    const bool usual = best && best->encodings->shape.is_rank(3) &&
                       best->y_scale == decoding.y_scale && best->h_scale == decoding.h_scale;
    if (!usual) best = std::move(decoding);
  }
  if (!best)
    return refused(tried == 0 ? "nothing of as many numbers that all boxes come of"
                              : std::to_string(tried) +
                                    " candidates for the encodings, none of which decodes so");
  return *std::move(best);
}

}  // namespace pumice
