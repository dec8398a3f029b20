#include "ops/infer.h"

namespace pumice {
namespace {

constexpr int64_t kMostKnownElements = 1024;

Status infer_broadcast(Node& node, bool compare) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  const Value *a = node.operand(0), *b = node.operand(1);
  auto shape = broadcast(a->shape, b->shape);
  if (!shape)
    return malformed(node, "the operands' shapes cannot be broadcast")
        .found(to_string(a->shape) + " and " + to_string(b->shape));
  set_result(node, 0, compare ? DType::kBool : a->dtype, *std::move(shape));
  return {};
}

}  // namespace

std::optional<std::vector<Dim>> known_elements(const Value* value) {
  if (const Constant* constant = constant_of(value)) {
    if (!is_integer(constant->dtype()) && constant->dtype() != DType::kBool) return std::nullopt;
    if (constant->elements() > kMostKnownElements) return std::nullopt;
    std::vector<Dim> dims;
    for (int64_t v : constant->materialize().integers()) {
      if (v < 0) return std::nullopt;
      dims.emplace_back(v);
    }
    return dims;
  }
  if (value && !value->partial.empty()) return value->partial;
  // An empty vector is fully known.
  if (value && value->shape.is_rank(1) && value->shape[0] == Dim(0)) return std::vector<Dim>{};
  return std::nullopt;
}

std::optional<std::vector<Dim>> elements_as_dims(const Value* value) {
  if (!value) return std::nullopt;
  if (auto constant = constant_integers(value, kMostKnownElements))
    return std::vector<Dim>(constant->begin(), constant->end());
  if (!value->partial.empty()) return value->partial;
  if (value->dtype != DType::kInt32 && value->dtype != DType::kInt64) return std::nullopt;
  auto n = value->shape.elements();
  if (!n || *n > kMostKnownElements) return std::nullopt;
  return std::vector<Dim>(static_cast<size_t>(*n));
}

std::optional<std::vector<int64_t>> constant_integers(const Value* value, int64_t limit) {
  const Constant* constant = constant_of(value);
  if (!constant || constant->elements() > limit) return std::nullopt;
  if (!is_integer(constant->dtype()) && constant->dtype() != DType::kBool) return std::nullopt;
  return constant->materialize().integers();
}

std::optional<int64_t> constant_integer(const Value* value) {
  auto v = constant_integers(value, 1);
  if (!v || v->size() != 1) return std::nullopt;
  return v->front();
}

std::optional<double> constant_number(const Value* value) {
  const Constant* constant = constant_of(value);
  if (!constant || constant->elements() != 1 || constant->dtype() == DType::kString)
    return std::nullopt;
  return constant->materialize().number_at(0);
}

Error malformed(const Node& node, std::string message) {
  return Error(ErrorCode::kMalformed, std::move(message)).at(node.name, node.op);
}

Error unsupported(const Node& node, std::string message) {
  return Error(ErrorCode::kUnsupported, std::move(message)).at(node.name, node.op);
}

Status expect_operands(const Node& node, size_t least, size_t most) {
  if (node.operand_count() >= least && node.operand_count() <= most) return {};
  return malformed(node, "wrong number of inputs")
      .expected(least == most ? std::to_string(least)
                              : std::to_string(least) + " to " + std::to_string(most))
      .found(std::to_string(node.operand_count()));
}

Status infer_same_as_first(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, SIZE_MAX));
  set_result(node, 0, node.operand(0)->dtype, node.operand(0)->shape);
  return {};
}

Status infer_broadcast_binary(Node& node) { return infer_broadcast(node, false); }
Status infer_broadcast_compare(Node& node) { return infer_broadcast(node, true); }

}  // namespace pumice
