// Writes sorted string tables as LevelDB does: what read_sstable() and TensorFlow read.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "pumice/error.h"

namespace pumice {

/// Gathers a table in memory (a checkpoint's index is small beside its data). Blocks are not
/// compressed, as TensorFlow writes them.
class TableWriter {
 public:
  /// Keys must come in ascending order of their bytes; kInternal otherwise.
  Status add(std::string_view key, std::string_view value);
  /// The whole table. To be called once, after the last add().
  std::string finish();

 private:
  struct Block {
    std::string bytes, last_key;
    std::string restarts;  // fixed32 each
    uint32_t restart_count = 0;
    size_t since_restart = 0;
    void add(std::string_view key, std::string_view value);
  };
  /// Appends a block and gives its handle.
  std::string append(Block* block);
  void flush();

  std::string table_;
  Block data_, index_;
  bool any_ = false;
  std::string last_key_;
};

}  // namespace pumice
