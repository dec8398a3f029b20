// Sorted string tables: the `.index` file of a TensorFlow checkpoint.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "pumice/error.h"

namespace pumice {

/// Called with each key and value, in the table's order; both only live during the call. Keys may
/// hold any byte.
using TableSink = std::function<Status(std::string_view key, std::string_view value)>;

/// Walks a whole table once, checking every block's checksum. Blocks may be compressed with snappy;
/// one is in memory at a time. Errors: kTruncated, kMalformed, kTooLarge.
Status read_sstable(std::string_view table, const TableSink& sink);

}  // namespace pumice
