#include "detection/compare_tail.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>
#include <random>
#include <unordered_set>

#include "passes/rewrite.h"

namespace pumice {
namespace {

/// Heads as a network could give them.
struct Sample {
  const char* what;
  std::vector<float> encodings, scores;
};

class Samples {
 public:
  explicit Samples(const RecognizedTail& tail)
      : tail_(tail), n_(static_cast<size_t>(tail.decoding.count)) {}

  std::vector<Sample> make() {
    std::vector<Sample> all;
    all.push_back({"very many detections", encodings(0.3f, -3), scores(n_)});
    all.push_back({"detections as they come", encodings(0.7f, 0), scores(n_)});
    all.push_back({"some detections", encodings(0.7f, 0), scores(40)});
    all.push_back({"a few detections, partly outside the picture", encodings(8, 0.5f), scores(12)});
    all.push_back({"detections that overlap", near_one_anchor(), near_one_anchor_scores_});
    all.push_back({"no detection", encodings(0.7f, 0), std::vector<float>(n_ * columns())});
    return all;
  }

 private:
  size_t columns() const { return static_cast<size_t>(tail_.scores.columns); }
  float lowest() const { return std::max(tail_.parameters.nms_score_threshold, 0.0f); }

  /// Centres moved by about `shift` anchors, sizes about exp(`growth`) of the anchors'.
  std::vector<float> encodings(float shift, float growth) {
    const BoxDecoding& d = tail_.decoding;
    const float scales[] = {d.y_scale, d.x_scale, d.h_scale, d.w_scale};
    std::vector<float> t(4 * n_);
    for (size_t i = 0; i < n_; ++i)
      for (size_t role = 0; role < 4; ++role)
        t[4 * i + static_cast<size_t>(d.columns[role])] =
            scales[role] * (role < 2 ? shift * normal_(random_) : growth + 0.4f * normal_(random_));
    return t;
  }

  /// Scores above the threshold, all different, in `rows` random rows; 0 elsewhere.
  std::vector<float> scores(size_t rows) {
    std::vector<size_t> order(n_);
    std::iota(order.begin(), order.end(), size_t{0});
    std::shuffle(order.begin(), order.end(), random_);
    order.resize(std::min(rows, n_));
    return scores_of(order);
  }
  std::vector<float> scores_of(const std::vector<size_t>& rows) {
    std::vector<float> s(n_ * columns());
    std::vector<float> levels(rows.size() * columns());
    const float low = lowest() + 1e-4f, step = (0.9999f - low) / static_cast<float>(levels.size());
    for (size_t i = 0; i < levels.size(); ++i) levels[i] = low + step * static_cast<float>(i);
    std::shuffle(levels.begin(), levels.end(), random_);
    for (size_t i = 0; i < rows.size(); ++i)
      for (size_t c = 0; c < columns(); ++c) s[rows[i] * columns() + c] = levels[i * columns() + c];
    return s;
  }

  /// The boxes of the anchors nearest to a random one, all about as large: pairs of every overlap.
  std::vector<float> near_one_anchor() {
    const std::vector<float>& a = tail_.decoding.anchors;
    const size_t centre = random_() % n_;
    std::vector<size_t> order(n_);
    std::iota(order.begin(), order.end(), size_t{0});
    auto distance = [&](size_t i) {
      return std::fabs(a[4 * i] - a[4 * centre]) + std::fabs(a[4 * i + 1] - a[4 * centre + 1]) +
             std::fabs(std::log(a[4 * i + 2] / a[4 * centre + 2])) +
             std::fabs(std::log(a[4 * i + 3] / a[4 * centre + 3]));
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t i, size_t j) { return distance(i) < distance(j); });
    order.resize(std::min<size_t>(n_, 60));
    near_one_anchor_scores_ = scores_of(order);
    return encodings(0.3f, 0.7f);
  }

  const RecognizedTail& tail_;
  size_t n_;
  std::mt19937 random_{7};
  std::normal_distribution<float> normal_{0, 1};
  std::vector<float> near_one_anchor_scores_;
};

struct Row {
  float box[4];
  float label, score;
};

bool by_score(const Row& a, const Row& b) { return a.score > b.score; }

bool has_area(const Row& r) { return r.box[2] > r.box[0] && r.box[3] > r.box[1]; }

struct OperatorRows {
  std::vector<Row> rows;  // best first
  bool cut = false;       // boxes outside the picture took places of further detections
};

/// What the operator finds. The suppression runs on the graph's own boxes, so that rounding in the
/// decoding cannot tip an overlap over the threshold.
DetectionRows run_operator(const RecognizedTail& tail, const Sample& sample,
                           const std::vector<float>& decoded) {
  std::vector<BoxCorners> boxes(decoded.size() / 4);
  for (size_t i = 0; i < boxes.size(); ++i)
    boxes[i] = {decoded[4 * i], decoded[4 * i + 1], decoded[4 * i + 2], decoded[4 * i + 3]};
  const ScoreColumns& s = tail.scores;
  const auto classes = static_cast<int64_t>(s.column_of.size());
  std::vector<float> scores(boxes.size() * static_cast<size_t>(classes));
  for (size_t i = 0; i < boxes.size(); ++i)
    for (int64_t c = 0; c < classes; ++c)
      scores[i * static_cast<size_t>(classes) + static_cast<size_t>(c)] =
          sample.scores[i * static_cast<size_t>(s.columns) +
                        static_cast<size_t>(s.column_of[static_cast<size_t>(c)])];
  return select_detections(boxes, scores.data(), classes, tail.parameters);
}

OperatorRows finish_rows(const DetectionRows& found, const Finish& finish, int64_t most) {
  OperatorRows result;
  for (int64_t i = 0; i < found.count; ++i) {
    const auto k = static_cast<size_t>(i);
    Row row{{}, found.classes[k] + finish.label_offset, found.scores[k]};
    for (size_t c = 0; c < 4; ++c) {
      float& v = row.box[c] = found.boxes[4 * k + c];
      if (finish.scaled_first) v *= finish.scale[c % 2];
      if (finish.clipped) v = std::clamp(v, 0.0f, 1.0f);
      if (!finish.scaled_first) v *= finish.scale[c % 2];
    }
    if (!finish.filled || has_area(row)) result.rows.push_back(row);
  }
  std::stable_sort(result.rows.begin(), result.rows.end(), by_score);
  result.cut = found.count == most && result.rows.size() < static_cast<size_t>(found.count);
  return result;
}

/// The graph's outputs on one sample, those that could be detections.
struct Seen {
  std::vector<Tensor> outputs;
  std::vector<float> decoded;  // the boxes that non-max suppression took
};

struct Roles {
  size_t boxes, classes, scores;
};

bool is_rows(const Tensor& t, int64_t rows) {
  return t.elements() == rows && (t.rank() == 1 || (t.rank() == 2 && t.dims()[0] == 1)) &&
         (t.dtype() == DType::kFloat32 || t.dtype() == DType::kInt32 || t.dtype() == DType::kInt64);
}
/// The samples' scores lie between 0 and 1, and are no whole numbers.
bool may_be_scores(const Tensor& t) {
  bool parts = false;
  for (int64_t i = 0; i < t.elements(); ++i) {
    const double v = t.number_at(i);
    if (!(v <= 1)) return false;
    parts |= v > 0 && v < 1;
  }
  return parts;
}
/// Rows of a box output; -1: it is none.
int64_t rows_of_boxes(const Tensor& t) {
  const bool ranked = t.rank() == 2 || (t.rank() == 3 && t.dims()[0] == 1);
  return ranked && t.dtype() == DType::kFloat32 && t.dims().back() == 4 ? t.dims()[t.rank() - 2]
                                                                        : -1;
}

/// The graph's detections, best first; padding has no positive score above the threshold.
std::vector<Row> graph_rows(const RecognizedTail& tail, const Seen& seen, const Roles& roles) {
  std::vector<Row> rows;
  const Tensor &boxes = seen.outputs[roles.boxes], &labels = seen.outputs[roles.classes],
               &scores = seen.outputs[roles.scores];
  for (int64_t i = 0, n = rows_of_boxes(boxes); i < n; ++i) {
    Row row{{}, static_cast<float>(labels.number_at(i)), static_cast<float>(scores.number_at(i))};
    for (size_t c = 0; c < 4; ++c) row.box[c] = boxes.at<float>(4 * i + static_cast<int64_t>(c));
    if (row.score > 0 && row.score >= tail.parameters.nms_score_threshold) rows.push_back(row);
  }
  std::stable_sort(rows.begin(), rows.end(), by_score);
  return rows;
}

std::string shown(const Row& r) {
  char text[160];
  std::snprintf(text, sizeof(text), "class %g, score %.4f, box %.4f %.4f %.4f %.4f",
                static_cast<double>(r.label), static_cast<double>(r.score),
                static_cast<double>(r.box[0]), static_cast<double>(r.box[1]),
                static_cast<double>(r.box[2]), static_cast<double>(r.box[3]));
  return text;
}

/// How many rows agree before the first that does not; `difference` says which.
size_t agreement(const std::vector<Row>& graph, const std::vector<Row>& op,
                 const std::array<float, 2>& scale, std::string& difference) {
  for (size_t i = 0; i < std::max(graph.size(), op.size()); ++i) {
    const char* nothing = "no further detection";
    bool same = i < graph.size() && i < op.size();
    if (same) {
      same = std::fabs(graph[i].score - op[i].score) <= 1e-5f &&
             std::fabs(graph[i].label - op[i].label) < 0.1f;  // labels may be quantized weights
      for (size_t c = 0; same && c < 4; ++c)
        same = std::fabs(graph[i].box[c] - op[i].box[c]) <=
               1e-5f * std::max(scale[c % 2], std::fabs(op[i].box[c]));
    }
    if (same) continue;
    difference = "detection " + std::to_string(i + 1) + ": the graph has " +
                 (i < graph.size() ? shown(graph[i]) : nothing) + "; the operator " +
                 (i < op.size() ? shown(op[i]) : nothing);
    return i;
  }
  return std::max(graph.size(), op.size());
}

/// What the graph multiplies boxes by, along an axis, told by boxes that end within the picture;
/// else 1.
float scale_between(const std::vector<Row>& graph, const std::vector<Row>& op, size_t axis) {
  std::vector<float> ratios;
  for (size_t i = 0; i < std::min(graph.size(), op.size()); ++i)
    if (op[i].box[2 + axis] > 0.1f && op[i].box[2 + axis] < 0.999f)
      ratios.push_back(graph[i].box[2 + axis] / op[i].box[2 + axis]);
  if (ratios.empty()) return 1;
  auto middle = ratios.begin() + static_cast<std::ptrdiff_t>(ratios.size() / 2);
  std::nth_element(ratios.begin(), middle, ratios.end());
  return *middle > 0 && std::isfinite(*middle) && std::fabs(*middle - 1) > 1e-6f ? *middle : 1;
}

/// What a graph may do to boxes in the end, the simplest first.
constexpr Finish kFinishes[] = {{},
                                {.clipped = true},
                                {.clipped = true, .filled = true},
                                {.clipped = true, .scaled_first = true},
                                {.clipped = true, .filled = true, .scaled_first = true}};

class Comparison {
 public:
  Comparison(const Model& model, const Graph& graph, RecognizedTail& tail)
      : model_(model), graph_(graph), tail_(tail), samples_(Samples(tail).make()) {}

  Status run() {
    PUMICE_CHECK(run_graph());
    for (const Roles& roles : possible_roles()) {
      // How many there are at most: the padded rows; all that non-max suppression may give; or what
      // very many detections show.
      const int64_t limit = tail_.parameters.max_detections;
      const int64_t padded = rows_of_boxes(seen_.back().outputs[roles.boxes]);
      const auto many = static_cast<int64_t>(graph_rows(tail_, seen_[0], roles).size());
      for (int64_t most : {padded > 0 ? padded : limit, std::max<int64_t>(many, 1)})
        for (Finish finish : kFinishes) {
          tail_.parameters.max_detections = most;
          if (compare(roles, finish)) return accept(roles);
        }
      tail_.parameters.max_detections = limit;
    }
    const Node& node = *tail_.boxes->node();
    return Error(ErrorCode::kUnsupported,
                 "the graph's post-processing is not what the operator computes")
        .at(node.name, node.op)
        .expected("the same detections on " + std::to_string(samples_.size()) + " samples")
        .found(best_difference_.empty()
                   ? "no outputs boxes [..,M,4], classes [..,M] and scores [..,M]"
                   : best_difference_)
        .hint("--postprocess builtin keeps the graph as it is");
  }

 private:
  /// The outputs on every sample; those that need more than the heads are left out.
  Status run_graph() {
    std::vector<Value*> wanted;
    Value* const heads[] = {tail_.decoding.encodings, tail_.scores.scores};
    std::unordered_set<const Value*> taken;
    for (size_t i = 0; i < graph_.output_count(); ++i) {
      Value* const one[] = {graph_.output(i)};
      if (!taken.insert(graph_.output(i)).second || !cut_out(graph_, heads, one)) continue;
      wanted.push_back(graph_.output(i));
      numbers_.push_back(i);
    }
    if (wanted.empty())
      return Error(ErrorCode::kUnsupported, "the detections depend on more than the raw heads")
          .at(tail_.boxes->node()->name, tail_.boxes->node()->op)
          .hint("--postprocess builtin keeps the graph as it is");
    wanted.push_back(tail_.boxes);
    auto probe = Probe::make(model_, graph_, heads, wanted);
    if (!probe) return Error(ErrorCode::kInternal, "the tail cannot be taken out of the graph");
    for (const Sample& sample : samples_) {
      const std::vector<float> inputs[] = {sample.encodings, sample.scores};
      PUMICE_TRY(std::vector<Tensor> found, probe->run(inputs));
      Seen seen;
      seen.decoded = found.back().values<float>();
      found.pop_back();
      seen.outputs = std::move(found);
      seen_.push_back(std::move(seen));
    }
    return {};
  }

  std::vector<Roles> possible_roles() const {
    std::vector<Roles> all;
    const auto& first = seen_[0].outputs;
    for (size_t b = 0; b < first.size(); ++b) {
      const int64_t rows = rows_of_boxes(first[b]);
      if (rows < 1) continue;
      for (size_t s = 0; s < first.size(); ++s)
        for (size_t c = 0; c < first.size(); ++c)
          if (s != c && s != b && c != b && is_rows(first[s], rows) && is_rows(first[c], rows) &&
              first[s].dtype() == DType::kFloat32 && may_be_scores(first[s]))
            all.push_back({b, c, s});
    }
    return all;
  }

  /// The operator's detections on sample k; each is computed once.
  const DetectionRows& found_by_operator(size_t k) {
    auto [slot, added] = found_.try_emplace({k, tail_.parameters.max_detections});
    if (added) slot->second = run_operator(tail_, samples_[k], seen_[k].decoded);
    return slot->second;
  }

  /// Whether all samples agree; notes the difference of the attempt that came farthest.
  bool compare(const Roles& roles, Finish& finish) {
    size_t agreed = 0;
    bool first = true;
    for (size_t k = 0; k < samples_.size(); ++k) {
      auto graph = graph_rows(tail_, seen_[k], roles);
      const int64_t most = tail_.parameters.max_detections;
      OperatorRows op = finish_rows(found_by_operator(k), finish, most);
      if (first && !graph.empty() && !op.rows.empty()) {
        finish.label_offset = std::round(graph[0].label - op.rows[0].label);
        finish.scale = {scale_between(graph, op.rows, 0), scale_between(graph, op.rows, 1)};
        const float off = std::max(std::fabs(finish.scale[0] - 1), std::fabs(finish.scale[1] - 1));
        if (finish.scaled_first && (off == 0 || off > 1e-3f)) return false;
        first = false;
        op = finish_rows(found_by_operator(k), finish, most);
      }
      if (op.cut && graph.size() > op.rows.size()) graph.resize(op.rows.size());
      std::string difference;
      agreed += agreement(graph, op.rows, finish.scale, difference);
      if (difference.empty()) continue;
      if (best_difference_.empty() || agreed > farthest_) {
        farthest_ = agreed;
        best_difference_ = std::string("with ") + samples_[k].what + ", " + difference;
      }
      return false;
    }
    tail_.finish = finish;
    return !first;
  }

  Status accept(const Roles& roles) {
    tail_.outputs = {numbers_[roles.boxes], numbers_[roles.classes], numbers_[roles.scores]};
    tail_.samples = static_cast<int>(samples_.size());
    for (size_t i = 0; i < numbers_.size(); ++i) {
      if (i == roles.boxes || i == roles.classes || i == roles.scores) continue;
      bool counts = true;
      for (const Seen& seen : seen_) {
        const Tensor& t = seen.outputs[i];
        counts &= t.elements() == 1 && t.dtype() != DType::kString &&
                  t.number_at(0) == static_cast<double>(graph_rows(tail_, seen, roles).size());
      }
      if (counts && tail_.outputs.size() == 3) tail_.outputs.push_back(numbers_[i]);
    }
    return {};
  }

  const Model& model_;
  const Graph& graph_;
  RecognizedTail& tail_;
  std::vector<Sample> samples_;
  std::vector<Seen> seen_;
  std::map<std::pair<size_t, int64_t>, DetectionRows> found_;
  std::vector<size_t> numbers_;  // of the outputs that were run
  size_t farthest_ = 0;
  std::string best_difference_;
};

}  // namespace

Status compare_tail(const Model& model, const Graph& graph, RecognizedTail& tail) {
  return Comparison(model, graph, tail).run();
}

}  // namespace pumice
