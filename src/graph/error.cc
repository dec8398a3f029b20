#include "pumice/error.h"

namespace pumice {

const char* error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInternal: return "internal";
    case ErrorCode::kUsage: return "usage";
    case ErrorCode::kNotFound: return "not_found";
    case ErrorCode::kTruncated: return "truncated";
    case ErrorCode::kMalformed: return "malformed";
    case ErrorCode::kTooLarge: return "too_large";
    case ErrorCode::kUnknownFormat: return "unknown_format";
    case ErrorCode::kUnreadable: return "unreadable";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kOptimizerConflict: return "optimizer_conflict";
    case ErrorCode::kDifference: return "difference";
    case ErrorCode::kUnwritable: return "unwritable";
  }
  return "internal";
}

int exit_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInternal: return 1;
    case ErrorCode::kUsage: return 2;
    case ErrorCode::kNotFound:
    case ErrorCode::kTruncated:
    case ErrorCode::kMalformed:
    case ErrorCode::kTooLarge:
    case ErrorCode::kUnknownFormat:
    case ErrorCode::kUnreadable: return 3;
    case ErrorCode::kUnsupported: return 4;
    case ErrorCode::kOptimizerConflict: return 5;
    case ErrorCode::kDifference: return 6;
    case ErrorCode::kUnwritable: return 7;
  }
  return 1;
}

Error Error::in(std::string file) && {
  if (file_.empty()) file_ = std::move(file);
  return std::move(*this);
}
Error Error::at(std::string node, std::string op) && {
  if (node_.empty() && op_.empty()) {
    node_ = std::move(node);
    op_ = std::move(op);
  }
  return std::move(*this);
}
Error Error::expected(std::string what) && {
  expected_ = std::move(what);
  return std::move(*this);
}
Error Error::found(std::string what) && {
  found_ = std::move(what);
  return std::move(*this);
}
Error Error::hint(std::string what) && {
  hint_ = std::move(what);
  return std::move(*this);
}

std::string Error::text() const {
  std::string text;
  if (!file_.empty()) text += file_ + ": ";
  if (!node_.empty()) text += "node '" + node_ + "'";
  if (!op_.empty()) text += (node_.empty() ? "" : " ") + ("(" + op_ + ")");
  if (!node_.empty() || !op_.empty()) text += ": ";
  text += message_;
  if (!expected_.empty()) text += "; expected " + expected_;
  if (!found_.empty()) text += (expected_.empty() ? "; found " : ", found ") + found_;
  if (!hint_.empty()) text += ". " + hint_;
  return text;
}

}  // namespace pumice
