#include "detection/score_columns.h"

#include <numeric>

namespace pumice {
namespace {

/// All different numbers must be exact in float32.
constexpr int64_t kMostNumbers = 1 << 24;  // 64 MiB

/// Which column of a matrix [count, columns] of the numbers 0, 1, 2… a vector is; -1: none.
int64_t column(const std::vector<float>& all, size_t first, size_t step, int64_t count,
               int64_t columns) {
  const auto c = static_cast<int64_t>(all[first]);
  if (c < 0 || c >= columns) return -1;
  for (int64_t i = 0; i < count; ++i)
    if (all[first + static_cast<size_t>(i) * step] != static_cast<float>(i * columns + c))
      return -1;
  return c;
}

std::vector<int64_t> columns_of(const std::vector<Tensor>& found, int64_t count, int64_t classes,
                                int64_t columns) {
  std::vector<int64_t> result;
  for (const Tensor& t : found) {
    if (t.dtype() != DType::kFloat32 || t.elements() != count * classes) return {};
    const auto values = t.values<float>();
    for (int64_t k = 0; k < classes; ++k) {
      result.push_back(
          column(values, static_cast<size_t>(k), static_cast<size_t>(classes), count, columns));
      if (result.back() < 0) return {};
    }
  }
  return result;
}

/// The op that made probabilities of predictions, through what only moves numbers.
std::string conversion_of(const Value* scores) {
  for (int steps = 0; steps < 8; ++steps) {
    const Node& node = *scores->node();
    if (node.is("Sigmoid")) return "sigmoid";
    if (node.is("Softmax")) return "softmax";
    const bool moves = node.is("Reshape") || node.is("Identity") || node.is("Squeeze") ||
                       node.is("ExpandDims") || node.is("ConcatV2");
    if (!moves || node.operand_count() == 0) return {};
    scores = node.operand(0);
  }
  return {};
}

}  // namespace

Result<ScoreColumns> find_score_columns(const Model& model, const Graph& graph,
                                        std::span<Value* const> wanted, int64_t count,
                                        int64_t classes) {
  ScoreColumns best;
  for (Value* candidate : bottlenecks(graph, wanted)) {
    const auto dims = sizes_of_one(candidate);
    const auto elements = dims ? element_count(*dims) : std::nullopt;
    if (!elements || candidate->dtype != DType::kFloat32) {
      if (best.scores) break;
      continue;
    }
    const int64_t columns = *elements / count;
    if (*elements % count != 0 || columns < 1 || *elements > kMostNumbers) continue;
    Value* const inputs[] = {candidate};
    auto probe = Probe::make(model, graph, inputs, wanted);
    if (!probe) continue;
    std::vector<std::vector<float>> numbers(1, std::vector<float>(static_cast<size_t>(*elements)));
    std::iota(numbers[0].begin(), numbers[0].end(), 0.0f);
    auto found = probe->run(numbers);
    auto of = found.ok() ? columns_of(*found, count, classes, columns) : std::vector<int64_t>();
    if (of.empty()) {
      if (best.scores) break;
      continue;
    }
    // Farther back is better where it drops a slice; a reshape alone is not worth it.
    if (!best.scores || columns != best.columns || candidate->shape.is_rank(3))
      best = {candidate, columns, std::move(of), {}};
  }
  if (!best.scores)
    return Error(ErrorCode::kUnsupported,
                 "the class scores before the non-max suppression are not recognized")
        .at(wanted[0]->node()->name, wanted[0]->node()->op)
        .expected("columns of one tensor [1,N,classes]")
        .found(std::to_string(wanted.size()) + " tensors of scores that come of none");
  best.conversion = conversion_of(best.scores);
  return best;
}

}  // namespace pumice
