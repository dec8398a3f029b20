#include "graph/strided_copy.h"

#include <algorithm>
#include <cstring>
#include <memory>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace pumice {
namespace {

constexpr int64_t kBlock = 256 * 1024, kLargestBlock = 16 * 1024 * 1024;
/// Rows of the source's fastest dimension that a block should have: a cache line of them, so that
/// no line is fetched for one element alone.
constexpr int64_t kLine = 64;

#ifdef __SSE2__
/// A 4 x 4 transpose of 4-byte elements: out row r is in column r.
void transpose_4x4(const std::byte* in, int64_t in_step, std::byte* out, int64_t out_step) {
  const auto load = [&](int i) {
    return _mm_castsi128_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i * in_step)));
  };
  __m128 a = load(0), b = load(1), c = load(2), d = load(3);
  _MM_TRANSPOSE4_PS(a, b, c, d);
  const auto store = [&](int i, __m128 v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i * out_step), _mm_castps_si128(v));
  };
  store(0, a), store(1, b), store(2, c), store(3, d);
}
#endif

#ifdef __SSE2__
/// A 16 x 16 transpose of 4-byte elements, by way of a buffer: whole cache lines are read and
/// written, however far apart they lie. Asks for the lines of the next 16 columns.
void transpose_16x16(const std::byte* in, int64_t in_step, std::byte* out, int64_t out_step) {
  constexpr int64_t kSide = 16, kRow = kSide * 4;
  alignas(kLine) std::byte square[kSide * kRow];
  for (int64_t c = 0; c < kSide; c += 4) {
    for (int64_t i = c; i < c + 4; ++i) __builtin_prefetch(in + (i + kSide) * in_step);
    for (int64_t r = 0; r < kSide; r += 4)
      transpose_4x4(in + c * in_step + r * 4, in_step, square + r * kRow + c * 4, kRow);
  }
  for (int64_t r = 0; r < kSide; ++r) std::memcpy(out + r * out_step, square + r * kRow, kRow);
}
#endif

/// out[r][c] = in[c][r] for rows of `cols` elements: the source steps by one element along r and by
/// in_step along c; a row of the result begins every out_step. Steps in bytes.
template <size_t Size>
void transpose(const std::byte* in, int64_t in_step, std::byte* out, int64_t out_step, int64_t rows,
               int64_t cols) {
  constexpr int64_t kSide = 16;
  const auto plainly = [&](int64_t r0, int64_t r1, int64_t c0, int64_t c1) {
    for (int64_t r = r0; r < r1; ++r)
      for (int64_t c = c0; c < c1; ++c)
        std::memcpy(out + r * out_step + c * int64_t{Size}, in + c * in_step + r * int64_t{Size},
                    Size);
  };
  for (int64_t c = 0; c < cols; c += kSide) {
    const int64_t end = std::min(c + kSide, cols);
    int64_t r = 0;
#ifdef __SSE2__
    if constexpr (Size == 4) {
      for (; r + kSide <= rows && end - c == kSide; r += kSide)
        transpose_16x16(in + c * in_step + r * 4, in_step, out + r * out_step + c * 4, out_step);
    }
#endif
    plainly(r, rows, c, end);
  }
}

template <size_t Size>
void gather(const std::byte* in, int64_t in_step, std::byte* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) std::memcpy(out + i * Size, in + i * in_step, Size);
}

void transpose(size_t size, const std::byte* in, int64_t in_step, std::byte* out, int64_t out_step,
               int64_t rows, int64_t cols) {
  switch (size) {
    case 1: return transpose<1>(in, in_step, out, out_step, rows, cols);
    case 2: return transpose<2>(in, in_step, out, out_step, rows, cols);
    case 4: return transpose<4>(in, in_step, out, out_step, rows, cols);
    case 8: return transpose<8>(in, in_step, out, out_step, rows, cols);
    default: return transpose<16>(in, in_step, out, out_step, rows, cols);
  }
}

void gather(size_t size, const std::byte* in, int64_t in_step, std::byte* out, int64_t n) {
  switch (size) {
    case 1: return gather<1>(in, in_step, out, n);
    case 2: return gather<2>(in, in_step, out, n);
    case 4: return gather<4>(in, in_step, out, n);
    case 8: return gather<8>(in, in_step, out, n);
    default: return gather<16>(in, in_step, out, n);
  }
}

/// The same view with fewer dimensions: those of size 1 left out, those in sequence joined.
StridedView simplified(const StridedView& view) {
  StridedView out;
  for (size_t i = 0; i < view.dims.size(); ++i) {
    if (view.dims[i] == 1) continue;
    if (!out.dims.empty() && out.strides.back() == view.strides[i] * view.dims[i]) {
      out.dims.back() *= view.dims[i];
      out.strides.back() = view.strides[i];
    } else {
      out.dims.push_back(view.dims[i]);
      out.strides.push_back(view.strides[i]);
    }
  }
  if (out.dims.empty()) return {{1}, {1}};
  return out;
}

/// Copies blocks of a simplified view. A block is a range of one dimension, all of the later ones,
/// at one index of each earlier one.
class BlockCopier {
 public:
  BlockCopier(const StridedView& view, int64_t size) : view_(view), size_(size) {
    const size_t rank = view_.dims.size();
    inner_.assign(rank, 1);
    for (size_t i = rank - 1; i-- > 0;) inner_[i] = inner_[i + 1] * view_.dims[i + 1];
    for (size_t i = 0; i < rank; ++i) {  // the source's fastest dimension
      const bool faster = view_.strides[i] != 0 && view_.strides[i] < view_.strides[fast_];
      if (view_.strides[fast_] == 0 || faster) fast_ = i;
    }
    split_ = rank - 1;
    while (split_ > 0 && inner_[split_ - 1] * size_ <= kBlock) --split_;
    // With the fastest dimension outside, every element would fetch a cache line of its own.
    if (fast_ < split_ && inner_[fast_] * size_ <= kLargestBlock) split_ = fast_;
    const int64_t row = inner_[split_] * size_;
    count_ = std::max<int64_t>(1, kBlock / row);
    if (split_ == fast_ && fast_ + 1 < rank) {
      count_ = std::max(count_, std::min(kLine / size_, kLargestBlock / row));
    }
    count_ = std::clamp<int64_t>(count_, 1, view_.dims[split_]);
  }

  Status run(const std::byte* source,
             const std::function<Status(std::span<const std::byte>, int64_t)>& sink) {
    const auto capacity = static_cast<size_t>(count_ * inner_[split_] * size_);
    const std::unique_ptr<std::byte[]> buffer(new std::byte[capacity]);
    int64_t outer = 1;
    for (size_t i = 0; i < split_; ++i) outer *= view_.dims[i];
    int64_t first = 0;
    for (int64_t o = 0; o < outer; ++o) {
      int64_t base = 0, rest = o;
      for (size_t i = split_; i-- > 0; rest /= view_.dims[i]) {
        base += rest % view_.dims[i] * view_.strides[i];
      }
      for (int64_t at = 0; at < view_.dims[split_]; at += count_) {
        const int64_t n = std::min(count_, view_.dims[split_] - at);
        copy_block(source + (base + at * view_.strides[split_]) * size_, buffer.get(), n);
        const auto bytes = static_cast<size_t>(n * inner_[split_] * size_);
        PUMICE_CHECK(sink({buffer.get(), bytes}, first));
        first += n * inner_[split_];
      }
    }
    return {};
  }

 private:
  /// Copies `n` of the split dimension, and everything inside it, row by row or plane by plane.
  void copy_block(const std::byte* in, std::byte* out, int64_t n) {
    const size_t last = view_.dims.size() - 1;
    const auto extent = [&](size_t i) { return i == split_ ? n : view_.dims[i]; };
    const bool planes = fast_ >= split_ && fast_ < last;
    int64_t loops = 1;
    for (size_t i = split_; i < last; ++i) loops *= planes && i == fast_ ? 1 : extent(i);
    for (int64_t loop = 0; loop < loops; ++loop) {
      int64_t from = 0, to = 0, rest = loop;
      for (size_t i = last; i-- > split_;) {
        if (planes && i == fast_) continue;
        const int64_t index = rest % extent(i);
        rest /= extent(i);
        from += index * view_.strides[i];
        to += index * inner_[i];
      }
      const std::byte* source = in + from * size_;
      std::byte* target = out + to * size_;
      const int64_t step = view_.strides[last] * size_, cols = extent(last);
      if (planes && view_.strides[fast_] == 1) {
        transpose(static_cast<size_t>(size_), source, step, target, inner_[fast_] * size_,
                  extent(fast_), cols);
      } else if (planes) {
        for (int64_t r = 0; r < extent(fast_); ++r) {
          gather(static_cast<size_t>(size_), source + r * view_.strides[fast_] * size_, step,
                 target + r * inner_[fast_] * size_, cols);
        }
      } else if (view_.strides[last] == 1) {
        std::memcpy(target, source, static_cast<size_t>(cols * size_));
      } else {
        gather(static_cast<size_t>(size_), source, step, target, cols);
      }
    }
  }

  const StridedView& view_;
  int64_t size_;
  std::vector<int64_t> inner_;  // elements of the result per index of each dimension
  size_t fast_ = 0, split_ = 0;
  int64_t count_ = 1;  // of the split dimension in a block
};

}  // namespace

StridedView StridedView::whole(const Dims& dims) { return {dims, strides_of(dims)}; }

StridedView StridedView::permuted(const std::vector<int>& perm) const {
  StridedView out;
  for (int p : perm) {
    out.dims.push_back(dims[static_cast<size_t>(p)]);
    out.strides.push_back(strides[static_cast<size_t>(p)]);
  }
  return out;
}

bool StridedView::reshape(const Dims& new_dims) {
  const StridedView old = simplified(*this);
  std::vector<int64_t> new_strides(new_dims.size(), 0);
  // From the last dimension outwards: each old one is cut into new ones.
  size_t i = old.dims.size();
  int64_t left = 1, stride = 1;
  for (size_t k = new_dims.size(); k-- > 0;) {
    if (new_dims[k] == 1) continue;
    if (left == 1) {
      if (i == 0) return false;
      --i;
      left = old.dims[i];
      stride = old.strides[i];
    }
    if (new_dims[k] == 0 || left % new_dims[k] != 0) return false;
    new_strides[k] = stride;
    stride *= new_dims[k];
    left /= new_dims[k];
  }
  if (left != 1) return false;
  dims = new_dims;
  strides = std::move(new_strides);
  return true;
}

Status strided_blocks(
    const std::byte* source, const StridedView& view, size_t element_size,
    const std::function<Status(std::span<const std::byte> block, int64_t first)>& sink) {
  if (std::find(view.dims.begin(), view.dims.end(), 0) != view.dims.end()) return {};
  const StridedView simple = simplified(view);
  const auto size = static_cast<int64_t>(element_size);
  if (simple.dims.size() == 1 && (simple.strides[0] == 1 || simple.dims[0] == 1)) {
    const int64_t count = simple.dims[0], step = kBlock / size;
    for (int64_t at = 0; at < count; at += step) {
      const auto bytes = static_cast<size_t>(std::min(step, count - at) * size);
      PUMICE_CHECK(sink({source + at * size, bytes}, at));
    }
    return {};
  }
  return BlockCopier(simple, size).run(source, sink);
}

}  // namespace pumice
