// What the parsers of GraphDef's messages share: the file they read, and a budget of memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "graph/tensor.h"
#include "pumice/error.h"

namespace pumice {

class ProtoContext {
 public:
  ProtoContext(Bytes bytes, std::string file)
      : bytes_(std::move(bytes)),
        file_(std::move(file)),
        budget_(kAllowance + 2 * static_cast<uint64_t>(bytes_.size())) {}

  const std::string& file() const { return file_; }
  const Bytes& bytes() const { return bytes_; }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

  /// Part of the file as Bytes that keep the mapping alive.
  Bytes view(std::string_view part) const {
    return Bytes(bytes_.owner(), std::span<const std::byte>(
                                     reinterpret_cast<const std::byte*>(part.data()), part.size()));
  }

  /// Takes memory that content of the file asks for beyond its own bytes (a repeated tail of a
  /// constant, the results of a node), so that a small hostile file cannot ask for gigabytes.
  Status take(uint64_t size) {
    if (size > budget_) {
      return Error(ErrorCode::kTooLarge, "asks for far more memory than the file has bytes")
          .in(file_)
          .found(std::to_string(size) + " bytes")
          .expected("at most " + std::to_string(budget_) + " bytes");
    }
    budget_ -= size;
    return {};
  }

 private:
  static constexpr uint64_t kAllowance = 16 << 20;

  Bytes bytes_;
  std::string file_;
  uint64_t budget_;
};

}  // namespace pumice
