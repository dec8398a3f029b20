#include "ops/movement.h"

namespace pumice {
namespace {

/// Calls f(element number in row-major order, start + sum(index * step)) for each index of dims.
template <typename F>
void for_each_strided(const Dims& dims, int64_t start, const std::vector<int64_t>& steps, F&& f) {
  int64_t n = element_count(dims).value_or(0);
  std::vector<int64_t> index(dims.size(), 0);
  int64_t at = start;
  for (int64_t i = 0; i < n; ++i) {
    f(i, at);
    for (size_t d = dims.size(); d-- > 0;) {
      at += steps[d];
      if (++index[d] < dims[d]) break;
      at -= steps[d] * dims[d];
      index[d] = 0;
    }
  }
}

/// Copies elements of x to a new tensor: f calls copy(to, from) for each.
template <typename F>
Tensor copied(const Tensor& x, Dims dims, F&& f) {
  if (x.dtype() == DType::kString) {
    std::vector<std::string> strings(static_cast<size_t>(element_count(dims).value_or(0)));
    f([&](int64_t to, int64_t from) {
      strings[static_cast<size_t>(to)] = x.strings()[static_cast<size_t>(from)];
    });
    return Tensor::of_strings(std::move(dims), std::move(strings));
  }
  Tensor out = Tensor::zeros(x.dtype(), std::move(dims));
  std::byte* to_bytes = out.mutable_data();
  const std::byte* from_bytes = x.data();
  // A size known at compile time makes each copy one move.
  auto with_size = [&](auto size) {
    f([=](int64_t to, int64_t from) {
      std::memcpy(to_bytes + to * static_cast<int64_t>(size),
                  from_bytes + from * static_cast<int64_t>(size), size);
    });
  };
  switch (element_size(x.dtype())) {
    case 1: with_size(std::integral_constant<size_t, 1>{}); break;
    case 2: with_size(std::integral_constant<size_t, 2>{}); break;
    case 4: with_size(std::integral_constant<size_t, 4>{}); break;
    case 8: with_size(std::integral_constant<size_t, 8>{}); break;
    case 16: with_size(std::integral_constant<size_t, 16>{}); break;
    default: break;
  }
  return out;
}

}  // namespace

Tensor read_strided(const Tensor& x, Dims dims, int64_t start, const std::vector<int64_t>& steps) {
  Dims sizes = dims;
  return copied(x, std::move(dims),
                [&](auto copy) { for_each_strided(sizes, start, steps, copy); });
}

void write_strided(Tensor& out, const Tensor& x, int64_t start, const std::vector<int64_t>& steps) {
  if (x.dtype() == DType::kString) {
    std::vector<std::string> strings = out.strings();
    for_each_strided(x.dims(), start, steps, [&](int64_t i, int64_t at) {
      strings[static_cast<size_t>(at)] = x.strings()[static_cast<size_t>(i)];
    });
    out = Tensor::of_strings(out.dims(), std::move(strings));
    return;
  }
  size_t size = element_size(x.dtype());
  std::byte* to = out.mutable_data();
  for_each_strided(x.dims(), start, steps, [&](int64_t i, int64_t at) {
    std::memcpy(to + static_cast<size_t>(at) * size, x.data() + static_cast<size_t>(i) * size,
                size);
  });
}

Tensor read_indexed(const Tensor& x, Dims dims, const std::vector<int64_t>& from,
                    const Tensor& otherwise) {
  if (x.dtype() == DType::kString) {
    std::vector<std::string> strings;
    strings.reserve(from.size());
    for (int64_t i : from)
      strings.push_back(i < 0 ? otherwise.strings()[0] : x.strings()[static_cast<size_t>(i)]);
    return Tensor::of_strings(std::move(dims), std::move(strings));
  }
  Tensor out = Tensor::zeros(x.dtype(), std::move(dims));
  size_t size = element_size(x.dtype());
  std::byte* to = out.mutable_data();
  for (int64_t i : from) {
    if (i >= 0)
      std::memcpy(to, x.data() + static_cast<size_t>(i) * size, size);
    else if (otherwise.elements() > 0)
      std::memcpy(to, otherwise.data(), size);
    to += size;
  }
  return out;
}

Tensor filled(const Tensor& scalar, Dims dims) {
  std::vector<int64_t> steps(dims.size(), 0);
  return read_strided(scalar, std::move(dims), 0, steps);
}

Tensor slice_axis(const Tensor& x, size_t axis, int64_t begin, int64_t size) {
  auto steps = strides_of(x.dims());
  Dims dims = x.dims();
  dims[axis] = size;
  return read_strided(x, std::move(dims), begin * steps[axis], steps);
}

}  // namespace pumice
