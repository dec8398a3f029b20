// Node attributes: a small sorted map from name to value.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "graph/constant.h"
#include "graph/dtype.h"
#include "graph/shape.h"

namespace pumice {

class Attributes;

/// A function by name, with its own attributes (TensorFlow's NameAttrList). Names a graph of the
/// Model.
struct FunctionRef {
  std::string name;
  std::shared_ptr<const Attributes> attributes;  // may be null
};

/// A Constant as an attribute holds it: shared, because copies of a node show the same one.
class SharedConstant {
 public:
  template <typename T>
  requires std::is_convertible_v<T&&, Constant> &&(!std::is_same_v<std::decay_t<T>, SharedConstant>)
      SharedConstant(T&& constant)  // NOLINT: converts
      : constant_(std::make_shared<const Constant>(std::forward<T>(constant))) {}
  const Constant& operator*() const { return *constant_; }
  const Constant* operator->() const { return constant_.get(); }

 private:
  std::shared_ptr<const Constant> constant_;
};

using Attribute = std::variant<bool, int64_t, float, std::string, DType, Shape, SharedConstant,
                               FunctionRef, std::vector<bool>, std::vector<int64_t>,
                               std::vector<float>, std::vector<std::string>, std::vector<DType>,
                               std::vector<Shape>, std::vector<FunctionRef>>;

/// Copies share their entries until one of them is changed: a copied node has the attributes of the
/// node that it is a copy of.
class Attributes {
 public:
  using Entry = std::pair<std::string, Attribute>;

  Attributes() = default;
  Attributes(std::initializer_list<Entry> entries);
  /// Entries in any order; the last of several with one name counts.
  explicit Attributes(std::vector<Entry> entries);
  Attributes(const Attributes& other);
  Attributes(Attributes&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Attributes& operator=(Attributes other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Attributes() { release(); }

  /// The value if it is there and of type T, otherwise null.
  template <typename T>
  const T* find(std::string_view name) const {
    const Attribute* a = find_any(name);
    if constexpr (std::is_same_v<T, Constant>) {
      const auto* shared = a ? std::get_if<SharedConstant>(a) : nullptr;
      return shared ? &**shared : nullptr;
    } else {
      return a ? std::get_if<T>(a) : nullptr;
    }
  }
  /// The value, or `fallback` where it is missing or of another type.
  template <typename T>
  T get(std::string_view name, T fallback = {}) const {
    const T* v = find<T>(name);
    return v ? *v : std::move(fallback);
  }
  int64_t integer(std::string_view name, int64_t fallback = 0) const {
    return get<int64_t>(name, fallback);
  }
  bool boolean(std::string_view name, bool fallback = false) const {
    return get<bool>(name, fallback);
  }
  float real(std::string_view name, float fallback = 0) const { return get<float>(name, fallback); }
  std::string string(std::string_view name, std::string fallback = {}) const {
    return get<std::string>(name, std::move(fallback));
  }
  DType dtype(std::string_view name, DType fallback = DType::kInvalid) const {
    return get<DType>(name, fallback);
  }
  /// An empty TensorFlow list has no type: it reads as an empty list of any type.
  std::vector<int64_t> integers(std::string_view name) const {
    return get<std::vector<int64_t>>(name);
  }

  bool has(std::string_view name) const { return find_any(name) != nullptr; }
  const Attribute* find_any(std::string_view name) const;
  void set(std::string name, Attribute value);
  void remove(std::string_view name);
  bool empty() const { return size() == 0; }
  size_t size() const { return block_ ? block_->size : 0; }
  const Entry* begin() const { return block_ ? block_->entries() : nullptr; }
  const Entry* end() const { return begin() + size(); }
  /// The very same entries (false says nothing).
  bool shares_with(const Attributes& other) const { return block_ == other.block_; }

 private:
  /// Entries sorted by name, behind this head in one allocation; shared by copies.
  struct alignas(alignof(Entry)) Block {
    std::atomic<uint32_t> references{1};
    uint32_t size = 0;
    Entry* entries() { return std::launder(reinterpret_cast<Entry*>(this + 1)); }

    /// With room for `capacity` entries, none of which is there yet.
    static Block* make(size_t capacity);
    void add(Entry entry) {
      new (reinterpret_cast<Entry*>(this + 1) + size++) Entry(std::move(entry));
    }
  };
  void release();
  bool shared() const { return block_->references.load(std::memory_order_acquire) > 1; }
  void replace(Block* block) {
    release();
    block_ = block;
  }

  Block* block_ = nullptr;  // null: no entries
};

}  // namespace pumice
