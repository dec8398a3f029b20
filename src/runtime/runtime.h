// Running models: one small interface, LiteRT behind it. Converting never needs it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "formats/npz/npz.h"
#include "graph/model.h"
#include "pumice/error.h"

namespace pumice {

/// A model that can be run. Not safe for use by several threads at once.
class Runtime {
 public:
  virtual ~Runtime() = default;
  /// The entry points with names, dtypes and shapes (unknown dimensions where they can be resized).
  /// `graph` is empty. A model without signatures has one, its key as the runtime calls it.
  virtual Result<std::vector<Signature>> signatures() = 0;
  /// Runs a signature (empty: the only one). `inputs` are bound by name; unknown dimensions take
  /// their size from them. Outputs come in the signature's order.
  /// Errors: kUsage for names, dtypes and shapes that do not fit; kUnsupported for what the runtime
  /// refuses, with its own words.
  virtual Result<std::vector<NamedTensor>> run(const std::string& signature,
                                               const std::vector<NamedTensor>& inputs) = 0;
};

struct RuntimeOptions {
  int threads = 1;
  /// Isolated runs only: a run that takes longer is ended with an error. 0: no limit.
  int timeout_seconds = 0;
};

/// Where libLiteRt.so is: `library_path` if not empty; otherwise the first of: the environment
/// variable PUMICE_LITERT (the file, or its folder); `.cache/litert`, or the ai_edge_litert package
/// in
/// `.cache/venv`, of the working directory, of this program's folder and of the two above it; the
/// package in the active Python environment (VIRTUAL_ENV, CONDA_PREFIX; only files are looked at).
/// "libLiteRt.so" where none is there: the dynamic loader's own paths decide.
std::string find_litert(const std::string& library_path);

/// Loads LiteRT (2.1.6 or newer) into this process, and the model. A model that makes LiteRT abort
/// takes the process with it, and LiteRT writes its log to standard error: see isolate_litert().
Result<std::unique_ptr<Runtime>> load_litert(const std::string& library_path,
                                             const std::string& model_path,
                                             const RuntimeOptions& options = {});

/// The same model, but each call loads and runs it in a child process of its own: a crash becomes
/// an error that names the signal, and LiteRT's log becomes part of the error texts. Loading errors
/// appear at the first call.
std::unique_ptr<Runtime> isolate_litert(const std::string& library_path,
                                        const std::string& model_path,
                                        const RuntimeOptions& options = {});

/// One isolated run.
Result<std::vector<NamedTensor>> run_isolated(const std::string& library_path,
                                              const std::string& model_path,
                                              const std::string& signature,
                                              const std::vector<NamedTensor>& inputs,
                                              const RuntimeOptions& options = {});

/// Loads the library alone, so that child processes find it in place. For programs that make many
/// isolated runs.
Status preload_litert(const std::string& library_path);

}  // namespace pumice
