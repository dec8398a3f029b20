// What a child process answers its parent: a Result as bytes. The reader trusts nothing, since a
// child that has gone wrong may have written anything.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pumice/error.h"
#include "runtime/runtime.h"

namespace pumice::wire {

using Buffer = std::vector<std::byte>;

Buffer encode(const Result<std::vector<NamedTensor>>& answer);
Buffer encode(const Result<std::vector<Signature>>& answer);

/// kInternal when the bytes are no complete answer.
Result<std::vector<NamedTensor>> decode_tensors(const Bytes& bytes);
Result<std::vector<Signature>> decode_signatures(const Bytes& bytes);

}  // namespace pumice::wire
