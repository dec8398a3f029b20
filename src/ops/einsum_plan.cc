#include <algorithm>
#include <cctype>
#include <optional>

#include "ops/einsum.h"
#include "ops/infer.h"

namespace pumice {
namespace {

bool contains(const std::vector<int>& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

constexpr int kDots = -1;  // an ellipsis that is not resolved yet

Result<std::vector<int>> parse_labels(const Node& node, std::string_view text) {
  std::vector<int> labels;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    if (text.substr(i, 3) == "...") {
      if (contains(labels, kDots)) return malformed(node, "two ellipses in one operand");
      labels.push_back(kDots);
      i += 2;
    } else if (std::isalpha(static_cast<unsigned char>(text[i]))) {
      if (contains(labels, text[i]))
        return unsupported(node, "a repeated label (a diagonal) is not supported")
            .found(std::string(text));
      labels.push_back(text[i]);
    } else {
      return malformed(node, "the equation has an unknown character").found(std::string(text));
    }
  }
  return labels;
}

/// Puts `count` labels of dimensions in the place of the ellipsis.
void resolve(std::vector<int>& labels, int count) {
  auto dots = std::find(labels.begin(), labels.end(), kDots);
  if (dots == labels.end()) return;
  auto at = labels.erase(dots);
  std::vector<int> dims;
  for (int i = count; i-- > 0;) dims.push_back(EinsumPlan::kEllipsis + i);
  labels.insert(at, dims.begin(), dims.end());
}

void sort_labels(EinsumPlan& plan) {
  const auto& a = plan.operands[0];
  if (plan.operands.size() == 1) {
    for (int label : a)
      (contains(plan.result, label) ? plan.batch : plan.summed[0]).push_back(label);
    return;
  }
  const auto& b = plan.operands[1];
  for (int label : a) {
    bool both = contains(b, label), kept = contains(plan.result, label);
    (both ? (kept ? plan.batch : plan.contracted) : (kept ? plan.free[0] : plan.summed[0]))
        .push_back(label);
  }
  for (int label : b) {
    if (contains(a, label)) continue;
    (contains(plan.result, label) ? plan.free[1] : plan.summed[1]).push_back(label);
  }
}

}  // namespace

Result<std::optional<EinsumPlan>> plan_einsum(const Node& node, const std::vector<int>& ranks) {
  std::string equation = node.attributes.string("equation");
  size_t arrow = equation.find("->");
  if (arrow == std::string::npos) return malformed(node, "the equation has no ->").found(equation);
  EinsumPlan plan;
  std::string_view left = std::string_view(equation).substr(0, arrow);
  while (true) {
    size_t comma = left.find(',');
    PUMICE_TRY(auto labels, parse_labels(node, left.substr(0, comma)));
    plan.operands.push_back(std::move(labels));
    if (comma == std::string_view::npos) break;
    left.remove_prefix(comma + 1);
  }
  PUMICE_TRY(plan.result, parse_labels(node, std::string_view(equation).substr(arrow + 2)));
  if (plan.operands.size() != ranks.size() || ranks.size() > 2)
    return malformed(node, "the equation does not fit the number of inputs")
        .expected(std::to_string(plan.operands.size()))
        .found(std::to_string(ranks.size()));
  int widest = 0;
  for (size_t i = 0; i < ranks.size(); ++i) {
    auto& labels = plan.operands[i];
    int named = static_cast<int>(labels.size()), dots = 0;
    if (contains(labels, kDots)) {
      if (ranks[i] < 0) return std::optional<EinsumPlan>();
      dots = ranks[i] - --named;
    }
    if (dots < 0 || (ranks[i] >= 0 && named + dots != ranks[i]))
      return malformed(node, "the equation does not fit an input's rank")
          .expected(std::to_string(named))
          .found(std::to_string(ranks[i]));
    resolve(labels, dots);
    widest = std::max(widest, dots);
  }
  if (widest > 0 && !contains(plan.result, kDots))
    return unsupported(node, "a sum over the ellipsis is not supported").found(equation);
  resolve(plan.result, widest);
  for (int label : plan.result)
    if (std::none_of(plan.operands.begin(), plan.operands.end(),
                     [&](const auto& labels) { return contains(labels, label); }))
      return malformed(node, "a label of the result is in no input").found(equation);
  sort_labels(plan);
  return std::optional<EinsumPlan>(std::move(plan));
}

}  // namespace pumice
