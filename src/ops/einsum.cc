// Einsum of one or two operands: sums, a transposition, and one matrix product.
#include "ops/einsum.h"

#include <algorithm>
#include <map>
#include <optional>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/matmul.h"
#include "ops/window.h"

namespace pumice {
namespace {

using Labels = std::vector<int>;

size_t position(const Labels& labels, int label) {
  return static_cast<size_t>(std::find(labels.begin(), labels.end(), label) - labels.begin());
}

std::vector<int> ranks_of(const Node& node) {
  std::vector<int> ranks;
  for (size_t i = 0; i < node.operand_count(); ++i) {
    const Shape& s = node.operand(i)->shape;
    ranks.push_back(s.known_rank() ? static_cast<int>(s.rank()) : -1);
  }
  return ranks;
}

/// The size of each label; those of an ellipsis are broadcast.
Result<std::map<int, Dim>> sizes_of(const Node& node, const EinsumPlan& plan,
                                    const std::vector<Shape>& shapes) {
  std::map<int, Dim> sizes;
  for (size_t i = 0; i < shapes.size(); ++i) {
    for (size_t d = 0; d < plan.operands[i].size(); ++d) {
      int label = plan.operands[i][d];
      Dim size = shapes[i].known_rank() ? shapes[i][d] : Dim();
      auto [it, fresh] = sizes.emplace(label, size);
      if (fresh) continue;
      auto both =
          label >= EinsumPlan::kEllipsis ? broadcast(it->second, size) : merge(it->second, size);
      if (!both)
        return malformed(node, "the inputs' sizes do not fit the equation")
            .found(to_string(shapes[0]) + " and " + to_string(shapes[i]));
      it->second = *both;
    }
  }
  return sizes;
}

Status infer_einsum(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 2));
  PUMICE_TRY(auto plan, plan_einsum(node, ranks_of(node)));
  Shape out;
  if (plan) {
    std::vector<Shape> shapes;
    for (size_t i = 0; i < node.operand_count(); ++i) shapes.push_back(node.operand(i)->shape);
    PUMICE_TRY(auto sizes, sizes_of(node, *plan, shapes));
    std::vector<Dim> dims;
    for (int label : plan->result) dims.push_back(sizes[label]);
    out = Shape(std::move(dims));
  }
  set_result(node, 0, node.operand(0)->dtype, std::move(out));
  return {};
}

std::vector<int> permutation(const Labels& from, const Labels& to) {
  std::vector<int> perm;
  for (int label : to) perm.push_back(static_cast<int>(position(from, label)));
  return perm;
}

Labels join(std::initializer_list<const Labels*> parts) {
  Labels all;
  for (const Labels* part : parts) all.insert(all.end(), part->begin(), part->end());
  return all;
}

// --- evaluation ---

/// Sums over `summed` and orders the other labels.
Tensor arranged(const Tensor& x, const Labels& labels, const Labels& summed, const Labels& order) {
  Labels all = join({&order, &summed});
  Tensor t = Constant(x).then(Permute{permutation(labels, all)}).materialize();
  if (summed.empty()) return t;
  int64_t inner = 1;
  for (size_t i = order.size(); i < all.size(); ++i) inner *= t.dims()[i];
  Tensor out = Tensor::zeros(
      t.dtype(), Dims(t.dims().begin(), t.dims().begin() + static_cast<long>(order.size())));
  visit_number(t.dtype(), [&](auto type) {
    using T = decltype(type);
    using Sum = std::conditional_t<std::is_integral_v<T>, uint64_t, double>;
    Elements<T> in(t);
    for (int64_t i = 0; i < out.elements(); ++i) {
      Sum sum = 0;
      for (int64_t j = 0; j < inner; ++j) sum += static_cast<Sum>(in[i * inner + j]);
      out.mutable_as<T>()[i] = static_cast<T>(sum);
    }
  });
  return out;
}

Status evaluate_plain(EvalContext& context) {
  std::vector<int> ranks;
  std::vector<Shape> shapes;
  for (const Tensor& t : context.inputs) {
    ranks.push_back(static_cast<int>(t.rank()));
    shapes.push_back(t.dims());
    if (t.dtype() != context.in(0).dtype() || !castable(t.dtype(), DType::kFloat32))
      return unsupported(context.node, "an Einsum of " + std::string(dtype_name(t.dtype())));
  }
  if (context.inputs.empty()) return malformed(context.node, "an Einsum needs an input");
  PUMICE_TRY(auto plan, plan_einsum(context.node, ranks));
  PUMICE_TRY(auto sizes, sizes_of(context.node, *plan, shapes));
  if (context.inputs.size() == 1) {
    context.outputs = {arranged(context.in(0), plan->operands[0], plan->summed[0], plan->result)};
    return {};
  }
  Tensor parts[2];
  for (int i : {0, 1}) {
    Labels order = i == 0 ? join({&plan->batch, &plan->free[0], &plan->contracted})
                          : join({&plan->batch, &plan->contracted, &plan->free[1]});
    Tensor t = arranged(context.inputs[static_cast<size_t>(i)],
                        plan->operands[static_cast<size_t>(i)], plan->summed[i], order);
    size_t batch = plan->batch.size(),
           middle = batch + (i == 0 ? plan->free[0].size() : plan->contracted.size());
    Dims dims(t.dims().begin(), t.dims().begin() + static_cast<long>(batch));
    int64_t rows = 1, columns = 1;
    for (size_t d = batch; d < t.rank(); ++d) (d < middle ? rows : columns) *= t.dims()[d];
    dims.push_back(rows);
    dims.push_back(columns);
    parts[i] = t.reshaped(dims);
  }
  PUMICE_TRY(Tensor product, matmul_of(context, parts[0], parts[1], false, false));
  Labels order = join({&plan->batch, &plan->free[0], &plan->free[1]});
  Dims dims;
  for (int label : order) dims.push_back(sizes[label].size());
  context.outputs = {Constant(product.reshaped(dims))
                         .then(Permute{permutation(order, plan->result)})
                         .materialize()};
  return {};
}

Status evaluate_einsum(EvalContext& context) {
  if (!context.inputs.empty() && is_half(context.in(0).dtype()))
    return evaluate_in_float32(context, context.in(0).dtype(), evaluate_plain);
  return evaluate_plain(context);
}

// --- lowering ---

Value* sum_over(Value* x, Labels& labels, const Labels& summed, Lowering& lowering) {
  if (summed.empty()) return x;
  std::vector<int64_t> axes;
  Labels kept;
  std::vector<Dim> dims;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (position(summed, labels[i]) < summed.size()) {
      axes.push_back(static_cast<int64_t>(i));
    } else {
      kept.push_back(labels[i]);
      dims.push_back(x->shape.known_rank() ? x->shape[i] : Dim());
    }
  }
  labels = kept;
  return lowering.emit("SUM", {x, lowering.constant_i32(axes)}, {{"keep_dims", false}}, x->dtype,
                       Shape(std::move(dims)));
}

/// Dimensions [from, to) of x as one; the size at run time as well.
struct Group {
  Dim size = 1;
  size_t from, to;
};

Value* run_time_size(Value* x, const Group& group, Lowering& lowering) {
  Value* size = nullptr;
  for (size_t i = group.from; i < group.to; ++i) {
    Value* d = lowering.size_of(x, i);
    size = size ? lowering.binary("MUL", size, d) : d;
  }
  return size ? size : lowering.constant_i32({1});
}

Value* regroup(Value* x, const std::vector<Group>& groups, Lowering& lowering) {
  bool same = groups.size() == x->shape.rank();
  for (const Group& g : groups) same &= g.to == g.from + 1;
  if (same) return x;
  std::vector<Dim> dims;
  for (const Group& g : groups) dims.push_back(g.size);
  Shape to(std::move(dims));
  std::vector<Value*> sizes(groups.size(), nullptr);
  if (to.unknown_dims() > 1)
    for (size_t i = 0; i < groups.size(); ++i) sizes[i] = run_time_size(x, groups[i], lowering);
  return reshape_to(x, to, sizes, lowering);
}

Group group_of(const Shape& shape, size_t from, size_t count) {
  Group g{1, from, from + count};
  for (size_t i = from; i < g.to; ++i) g.size = g.size * shape[i];
  return g;
}

Result<Value*> lower_product(const Node& node, const EinsumPlan& plan, Value* x,
                             const Labels& x_labels, Value* y, const Labels& y_labels,
                             Lowering& lowering) {
  const Labels &batch = plan.batch, &contracted = plan.contracted;
  // An operand whose order is [batch, K, M] (or [batch, N, K]) goes in as a transposed one.
  Labels first = join({&batch, &contracted, &plan.free[0]});
  bool transpose_x = x_labels == first && !contracted.empty() && !plan.free[0].empty();
  Labels second = join({&batch, &plan.free[1], &contracted});
  bool transpose_y = y_labels == second && !contracted.empty() && !plan.free[1].empty();
  Labels x_order = transpose_x ? first : join({&batch, &plan.free[0], &contracted});
  Labels y_order = transpose_y ? second : join({&batch, &contracted, &plan.free[1]});
  if (!x->shape.known_rank()) x->shape = Shape::of_rank(x_labels.size());
  if (!y->shape.known_rank()) y->shape = Shape::of_rank(y_labels.size());
  x = lowering.transpose(x, permutation(x_labels, x_order));
  y = lowering.transpose(y, permutation(y_labels, y_order));

  size_t nb = batch.size(), nk = contracted.size();
  auto groups = [&](Value* v, size_t rows, size_t columns, bool split_rows) {
    std::vector<Group> g;
    for (size_t i = 0; i < nb; ++i) g.push_back(group_of(v->shape, i, 1));
    if (split_rows) {
      for (size_t i = 0; i < rows; ++i) g.push_back(group_of(v->shape, nb + i, 1));
    } else {
      g.push_back(group_of(v->shape, nb, rows));
    }
    g.push_back(group_of(v->shape, nb + rows, columns));
    return g;
  };
  // Without batch dimensions the rows of x may stay apart: they are batch dimensions of a product
  // with one matrix.
  size_t n0 = plan.free[0].size(), n1 = plan.free[1].size();
  bool split = nb == 0 && !transpose_x && n0 >= 1 && n0 <= 4;
  Value* a = transpose_x ? regroup(x, groups(x, nk, n0, false), lowering)
                         : regroup(x, groups(x, n0, nk, split), lowering);
  Value* b = transpose_y ? regroup(y, groups(y, n1, nk, false), lowering)
                         : regroup(y, groups(y, nk, n1, false), lowering);
  PUMICE_TRY(Value * z, lower_to_matmul(node, a, b, transpose_x, transpose_y, lowering));

  // [batch…, M, N] to [batch…, free of x…, free of y…].
  if (!z->shape.known_rank()) z->shape = Shape::of_rank(nb + 2);
  std::vector<Dim> dims;
  std::vector<std::pair<Value*, size_t>> sources;
  auto add = [&](Value* v, size_t axis) {
    dims.push_back(v->shape[axis]);
    sources.emplace_back(v, axis);
  };
  for (size_t i = 0; i < nb; ++i) add(z, i);
  for (size_t i = 0; i < n0; ++i) add(x, transpose_x ? nb + nk + i : nb + i);
  for (size_t i = 0; i < n1; ++i) add(y, transpose_y ? nb + i : nb + nk + i);
  Shape apart(std::move(dims));
  bool done = apart.rank() == z->shape.rank() && n1 == 1 && (split || n0 == 1);
  if (!done) {
    std::vector<Value*> sizes(apart.rank(), nullptr);
    if (apart.unknown_dims() > 1)
      for (size_t i = 0; i < sizes.size(); ++i)
        sizes[i] = lowering.size_of(sources[i].first, sources[i].second);
    z = reshape_to(z, apart, sizes, lowering);
  }
  Labels order = join({&batch, &plan.free[0], &plan.free[1]});
  return lowering.transpose(z, permutation(order, plan.result));
}

Status lower_einsum(Node& node, Lowering& lowering) {
  PUMICE_TRY(auto plan, plan_einsum(node, ranks_of(node)));
  if (!plan) return unsupported(node, "the rank is not known before run time");
  DType dtype = node.result()->dtype;
  PUMICE_TRY(DType in, carrier_of(node, dtype, kProductTypes, Carriage::kWraps));
  if (is_integer(dtype)) {
    // lower_to_matmul() makes a dimension more of integer products.
    size_t rank = plan->batch.size() + 2;
    if (node.operand_count() == 2 && rank > 4)
      return unsupported(node, "a product of integers of more than four dimensions");
  }
  Value* parts[2] = {};
  for (size_t i = 0; i < node.operand_count(); ++i)
    parts[i] =
        sum_over(lowering.cast(node.operand(i), in), plan->operands[i], plan->summed[i], lowering);
  Value* z;
  if (node.operand_count() == 1) {
    z = lowering.transpose(parts[0], permutation(plan->operands[0], plan->result));
  } else {
    PUMICE_TRY(z, lower_product(node, *plan, parts[0], plan->operands[0], parts[1],
                                plan->operands[1], lowering));
  }
  lowering.replace(node, 0, lowering.cast(z, dtype));
  return {};
}

constexpr OpDef kOps[] = {
    {"Einsum", infer_einsum, evaluate_einsum, lower_einsum,
     "SUM + TRANSPOSE + RESHAPE + BATCH_MATMUL",
     "one or two inputs; no repeated labels; no float64"},
};

}  // namespace

std::span<const OpDef> einsum_ops() { return kOps; }

}  // namespace pumice
