#include "ops/lowering.h"

#include "graph/cast.h"

namespace pumice {

Value* Lowering::emit(std::string op, std::span<Value* const> operands, Attributes attributes,
                      DType dtype, Shape shape) {
  Node* node = emit_node(std::move(op), operands, std::move(attributes), 1);
  node->result()->dtype = dtype;
  node->result()->shape = std::move(shape);
  return node->result();
}

Value* Lowering::emit(std::string op, std::initializer_list<Value*> operands, Attributes attributes,
                      DType dtype, Shape shape) {
  return emit(std::move(op), std::span<Value* const>(operands.begin(), operands.size()),
              std::move(attributes), dtype, std::move(shape));
}

Node* Lowering::emit_node(std::string op, std::span<Value* const> operands, Attributes attributes,
                          size_t results) {
  Node* node = graph_.create(std::move(op), operands, results, before_);
  node->attributes = std::move(attributes);
  if (before_) node->name = before_->name;
  return node;
}

Value* Lowering::constant(Constant value) {
  return graph_.constant(std::move(value), before_, before_ ? before_->name : "");
}

Value* Lowering::scalar(DType dtype, double value) {
  return constant(cast_tensor(Tensor::of<double>(DType::kFloat64, {}, {value}), dtype));
}

Value* Lowering::reshape(Value* x, const Shape& to) {
  if (x->shape == to && to.fully_known()) return x;
  return reshape(x, constant_i32(to.sizes_or_minus_one()), to);
}

Value* Lowering::reshape(Value* x, Value* shape_vector, Shape result) {
  if (const Constant* c = constant_of(x); c && result.fully_known())
    return constant(c->then(Reshape{result.sizes()}));
  Attributes attributes;
  if (const Constant* c = constant_of(shape_vector))
    attributes.set("new_shape", c->materialize().integers());
  return emit("RESHAPE", {x, shape_vector}, std::move(attributes), x->dtype, std::move(result));
}

Value* Lowering::transpose(Value* x, const std::vector<int>& perm) {
  bool identity = true;
  for (size_t i = 0; i < perm.size(); ++i) identity &= perm[i] == static_cast<int>(i);
  if (identity) return x;
  if (const Constant* c = constant_of(x)) return constant(c->then(Permute{perm}));
  Shape shape = Shape::of_rank(perm.size());
  if (x->shape.known_rank())
    for (size_t i = 0; i < perm.size(); ++i) shape[i] = x->shape[static_cast<size_t>(perm[i])];
  return emit("TRANSPOSE", {x, constant_i32({perm.begin(), perm.end()})}, {}, x->dtype, shape);
}

Value* Lowering::cast(Value* x, DType to) {
  if (x->dtype == to) return x;
  if (const Constant* c = constant_of(x); c && castable(c->dtype(), to))
    return constant(c->then(CastTo{to}));
  Attributes attributes{{"in_data_type", x->dtype}, {"out_data_type", to}};
  return emit("CAST", {x}, std::move(attributes), to, x->shape);
}

Value* Lowering::binary(std::string op, Value* a, Value* b, Attributes attributes) {
  Shape shape = broadcast(a->shape, b->shape).value_or(Shape());
  return emit(std::move(op), {a, b}, std::move(attributes), a->dtype, std::move(shape));
}

Value* Lowering::compare(std::string op, Value* a, Value* b) {
  Shape shape = broadcast(a->shape, b->shape).value_or(Shape());
  return emit(std::move(op), {a, b}, {}, DType::kBool, std::move(shape));
}

Value* Lowering::pad(Value* x, const std::vector<std::pair<int64_t, int64_t>>& paddings,
                     Value* value) {
  bool none = true;
  std::vector<int32_t> flat;
  Shape shape = x->shape;
  for (size_t i = 0; i < paddings.size(); ++i) {
    auto [before, after] = paddings[i];
    none &= before == 0 && after == 0;
    flat.push_back(static_cast<int32_t>(before));
    flat.push_back(static_cast<int32_t>(after));
    if (shape.known_rank() && i < shape.rank()) shape[i] = shape[i] + Dim(before + after);
  }
  if (none) return x;
  Value* amounts = constant(
      Tensor::of<int32_t>(DType::kInt32, {static_cast<int64_t>(paddings.size()), 2}, flat));
  if (value) return emit("PADV2", {x, amounts, value}, {}, x->dtype, shape);
  return emit("PAD", {x, amounts}, {}, x->dtype, shape);
}

Value* Lowering::slice(Value* x, const std::vector<int64_t>& begin,
                       const std::vector<int64_t>& size) {
  Shape shape = Shape::of_rank(begin.size());
  for (size_t i = 0; i < begin.size(); ++i) {
    if (size[i] >= 0) {
      shape[i] = size[i];
    } else if (x->shape.known_rank()) {
      shape[i] = x->shape[i] - Dim(begin[i]);
    }
  }
  // Where the input has unknown sizes, SLICE makes a tensor that the runtime allocates while it
  // runs. STRIDED_SLICE does not; of a shape vector, it is computed before the model runs.
  bool shape_vector = x->dtype == DType::kInt32 && x->shape.is_rank(1);
  if (x->shape.fully_known() && !shape_vector)
    return emit("SLICE", {x, constant_i32(begin), constant_i32(size)}, {}, x->dtype, shape);
  std::vector<int64_t> end(begin.size(), 0), ones(begin.size(), 1);
  int64_t to_the_end = 0;
  for (size_t i = 0; i < begin.size(); ++i) {
    if (size[i] >= 0)
      end[i] = begin[i] + size[i];
    else
      to_the_end |= int64_t{1} << i;
  }
  return emit("STRIDED_SLICE", {x, constant_i32(begin), constant_i32(end), constant_i32(ones)},
              {{"begin_mask", int64_t{0}}, {"end_mask", to_the_end}}, x->dtype, shape);
}

Value* Lowering::concat(std::span<Value* const> values, int axis) {
  if (values.size() == 1) return values[0];
  Shape shape = values[0]->shape;
  for (size_t i = 1; i < values.size(); ++i) {
    const Shape& other = values[i]->shape;
    if (!shape.known_rank() || !other.known_rank() || shape.rank() != other.rank()) {
      shape = Shape();
      break;
    }
    for (size_t d = 0; d < shape.rank(); ++d)
      shape[d] = static_cast<int>(d) == axis ? shape[d] + other[d]
                                             : merge(shape[d], other[d]).value_or(Dim());
  }
  return emit("CONCATENATION", values, {{"axis", int64_t{axis}}}, values[0]->dtype, shape);
}

Value* Lowering::shape_of(Value* x) {
  if (x->shape.fully_known()) return constant_i32(x->shape.sizes());
  Shape shape{x->shape.known_rank() ? Dim(static_cast<int64_t>(x->shape.rank())) : Dim()};
  return emit("SHAPE", {x}, {{"out_type", DType::kInt32}}, DType::kInt32, shape);
}

Value* Lowering::as_i32(Value* x) {
  if (x->dtype != DType::kInt64) return cast(x, DType::kInt32);
  // A CAST of a computed shape hides from the runtime, before it runs, what the shape is: the
  // arithmetic is repeated in int32. Each of these nodes has one operand that holds sizes, or more.
  Node* node = x->node();
  const std::string& op = node->op;
  if (op == "SHAPE") {
    Value* sizes = shape_of(node->operand(0));
    return sizes;
  }
  if (op == "CAST" && node->operand(0)->dtype == DType::kInt32) return node->operand(0);
  bool first_only = op == "STRIDED_SLICE" || op == "RESHAPE" || op == "GATHER";
  bool all = op == "CONCATENATION" || op == "MUL";
  if (!first_only && !all) return cast(x, DType::kInt32);
  std::vector<Value*> operands;
  for (size_t i = 0; i < node->operand_count(); ++i)
    operands.push_back(i == 0 || all ? as_i32(node->operand(i)) : node->operand(i));
  return emit(op, operands, node->attributes, DType::kInt32, x->shape);
}

Value* Lowering::size_of(Value* x, size_t axis) {
  if (x->shape.known_rank() && axis < x->shape.rank() && x->shape[axis].known())
    return constant_i32({x->shape[axis].size()});
  return slice(shape_of(x), {static_cast<int64_t>(axis)}, {1});
}

Result<Value*> Lowering::shape_vector(const Shape& target, std::span<Value* const> sources) {
  if (!target.known_rank())
    return Error(ErrorCode::kUnsupported, "a shape of unknown rank is needed at run time");
  if (target.fully_known()) return constant_i32(target.sizes());
  std::vector<Value*> parts;  // vectors to be concatenated
  std::vector<int64_t> pending;
  auto flush = [&] {
    if (!pending.empty()) parts.push_back(constant_i32(pending));
    pending.clear();
  };
  for (Dim d : target.dims()) {
    if (d.known()) {
      pending.push_back(d.size());
      continue;
    }
    Value* part = nullptr;
    for (Value* source : sources) {
      if (!source->shape.known_rank()) continue;
      for (size_t i = 0; i < source->shape.rank() && !part; ++i)
        if (source->shape[i].same_as(d)) part = size_of(source, i);
      if (part) break;
    }
    if (!part)
      return Error(ErrorCode::kUnsupported,
                   "a dimension of the result is not known before run time")
          .found(to_string(target));
    flush();
    parts.push_back(part);
  }
  flush();
  return concat(parts, 0);
}

}  // namespace pumice
