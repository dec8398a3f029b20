// Errors and results: every operation of pumice that can fail returns a Result.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace pumice {

/// What went wrong. The command line maps each code to one exit status (see exit_status()).
enum class ErrorCode {
  kInternal,           ///< a fault of pumice itself (exit 1)
  kUsage,              ///< the call makes no sense: flags, array names, shapes (exit 2)
  kNotFound,           ///< a file or folder that is not there (exit 3)
  kTruncated,          ///< the input ends before its content does (exit 3)
  kMalformed,          ///< the input contradicts its own format (exit 3)
  kTooLarge,           ///< the input asks for more than the documented limits (exit 3)
  kUnknownFormat,      ///< no reader knows this content (exit 3)
  kUnreadable,         ///< the operating system refuses to read the input (exit 3)
  kUnsupported,        ///< an op, dtype or feature that pumice does not convert (exit 4)
  kOptimizerConflict,  ///< optimizers conflict and the policy is `error` (exit 5)
  kDifference,         ///< verification found a difference (exit 6)
  kUnwritable,         ///< the output cannot be written (exit 7)
};

/// The stable, lower-case name of a code, as JSON reports show it: "malformed", "unsupported", ….
const char* error_code_name(ErrorCode code);

/// The command line's exit status for a code (docs: exit statuses 1–7).
int exit_status(ErrorCode code);

/// One failure: what was expected, what was found, where, and what the user can do about it.
/// Built in one expression:
///   return Error(ErrorCode::kMalformed, "the tensor's bytes do not fit its shape")
///       .in(path).at("conv/kernel", "Const").expected("864 bytes").found("860 bytes").hint("…");
class Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  /// The file that the failure concerns. Keeps an earlier, more exact one.
  Error in(std::string file) &&;
  /// The node and its op. Keeps an earlier, more exact one.
  Error at(std::string node, std::string op = {}) &&;
  Error expected(std::string what) &&;
  Error found(std::string what) &&;
  /// What the user can do.
  Error hint(std::string what) &&;

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& file() const { return file_; }
  const std::string& node() const { return node_; }
  const std::string& op() const { return op_; }
  const std::string& expected() const { return expected_; }
  const std::string& found() const { return found_; }
  const std::string& hint() const { return hint_; }

  /// The whole error as one line of text: "FILE: node 'N' (Op): message; expected …, found ….
  /// Hint".
  std::string text() const;

 private:
  ErrorCode code_;
  std::string message_, file_, node_, op_, expected_, found_, hint_;
};

/// A value or an Error. `Result<void>` (alias Status) carries success or an Error.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  Error& error() & { return *error_; }
  const Error& error() const& { return *error_; }
  Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace pumice

#define PUMICE_CONCAT_INNER(a, b) a##b
#define PUMICE_CONCAT(a, b) PUMICE_CONCAT_INNER(a, b)

/// PUMICE_TRY(auto tensor, read_tensor(...)): binds the value, or returns the error to the caller.
#define PUMICE_TRY(declaration, expression) \
  PUMICE_TRY_INNER(PUMICE_CONCAT(pumice_result_, __COUNTER__), declaration, expression)
#define PUMICE_TRY_INNER(result, declaration, expression) \
  auto result = (expression);                             \
  if (!result.ok()) return std::move(result).error();     \
  declaration = std::move(result).value()

/// PUMICE_CHECK(validate(...)): returns the error of a Status to the caller.
#define PUMICE_CHECK(expression)                                \
  do {                                                          \
    if (auto pumice_status = (expression); !pumice_status.ok()) \
      return std::move(pumice_status).error();                  \
  } while (false)
