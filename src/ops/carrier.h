// Dtypes that a kernel lacks go through it in another one ("carried"), without loss.
#pragma once

#include <initializer_list>

#include "ops/lowering.h"

namespace pumice {

/// What the kernel does with elements: only moves them (their bits may wear any dtype of the same
/// width), counts with them (minimum and maximum, too), or only adds and multiplies, so that int32's
/// wrap-around is uint32's.
enum class Carriage { kMoves, kCounts, kWraps };

/// What the kernels of products and of sums with a bias take.
inline constexpr std::initializer_list<DType> kProductTypes = {DType::kFloat32, DType::kInt32,
                                                               DType::kInt64};

/// What the kernels that only move elements take: GATHER, PADV2, REVERSE_V2, STRIDED_SLICE.
inline constexpr std::initializer_list<DType> kMovedTypes = {
    DType::kFloat32, DType::kFloat16, DType::kInt8,  DType::kInt16,
    DType::kInt32,   DType::kInt64,   DType::kUInt8, DType::kBool};

/// The dtype in which elements of `dtype` go through a kernel that takes `taken`: itself where it
/// is among them, else the first that holds every value. Narrow integers ride in int32 (casting
/// back wraps around as TensorFlow does), float16 in float32. kUnsupported, naming the dtype, when
/// no dtype of `taken` will do.
Result<DType> carrier_of(const Node& node, DType dtype, std::initializer_list<DType> taken,
                         Carriage carriage = Carriage::kMoves);

/// x as `to`: CAST, or BITCAST between dtypes of 8 bytes. Nothing where it is of that dtype.
Value* carry(Lowering& lowering, Value* x, DType to);

/// A run-time integer vector as int32. Values beyond int32 are clamped to its range: right for
/// positions (the begin and end of slices), where anything beyond the tensor means its end.
Value* as_clamped_i32(Lowering& lowering, Value* x);

/// A constant int32 vector from int64 values, clamped to int32's range.
Value* clamped_constant_i32(Lowering& lowering, const std::vector<int64_t>& values);

/// RESHAPE of x to `to`, whose elements are x's in the same order, with any number of unknown
/// dimensions: one is written as -1, more are taken from x's run-time shape. kUnsupported when a
/// dimension is known nowhere.
Result<Value*> reshape_to(const Node& node, Lowering& lowering, Value* x, const Shape& to);

/// The same rank, and every dimension surely the same size at run time.
bool surely_same(const Shape& a, const Shape& b);

/// Whether one -1 can stand for what is unknown of `to`.
bool one_minus_one(const Shape& to);

/// An int32 vector with the sizes of x's dimensions [first, last), constant where they are known.
Value* sizes_of(Lowering& lowering, Value* x, size_t first, size_t last);

}  // namespace pumice
