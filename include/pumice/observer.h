// What the library tells while it works. It prints nothing itself.
#pragma once

#include <string>

namespace pumice {

/// Something the caller should know, though the work goes on.
struct Warning {
  std::string code;  // stable, lower case: "batch_pinned", "interpreter_only", …
  std::string message;
  std::string node;  // empty where it concerns no single node
};

class Observer {
 public:
  virtual ~Observer() = default;
  /// `stage` names what is being done ("read", "simplify", "lower", "optimize", "write", "run");
  /// `fraction` of the whole job is done, from 0 to 1.
  virtual void progress(const std::string& stage, double fraction) {}
  virtual void warning(const Warning& warning) {}
};

}  // namespace pumice
