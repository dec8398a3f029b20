// The public face of src/training.
#include "pumice/optimizers.h"

#include <algorithm>
#include <filesystem>

#include "cleaning/clean.h"
#include "conflict_pages.h"
#include "formats/file.h"
#include "tflite/reader.h"
#include "training/registration.h"

namespace pumice {
namespace {

constexpr struct {
  OptimizerPolicy policy;
  const char* name;
} kPolicies[] = {
    {OptimizerPolicy::kStrip, "strip"},         {OptimizerPolicy::kKeepFirst, "keep-first"},
    {OptimizerPolicy::kKeepLast, "keep-last"},  {OptimizerPolicy::kUnify, "unify"},
    {OptimizerPolicy::kNamespace, "namespace"}, {OptimizerPolicy::kError, "error"},
};

/// A folder's copy cannot stand inside it.
Status outside(const std::string& input, const std::string& output) {
  namespace fs = std::filesystem;
  std::error_code fault;
  const fs::path from = fs::weakly_canonical(input, fault);
  const fs::path to = fs::weakly_canonical(output, fault);
  if (fault || !is_folder(input)) return {};
  const auto [end, rest] = std::mismatch(from.begin(), from.end(), to.begin(), to.end());
  if (end != from.end()) return {};
  return Error(ErrorCode::kUnwritable, "the output is the input, or lies in it")
      .in(output)
      .hint("Name a folder elsewhere.");
}

}  // namespace

const char* policy_name(OptimizerPolicy policy) {
  for (const auto& known : kPolicies)
    if (known.policy == policy) return known.name;
  return "strip";
}

Result<OptimizerPolicy> policy_from_name(const std::string& name) {
  for (const auto& known : kPolicies)
    if (name == known.name) return known.policy;
  return Error(ErrorCode::kUsage, "there is no such policy")
      .expected("strip, keep-first, keep-last, unify, namespace or error")
      .found("'" + name + "'");
}

Result<OptimizersReport> analyze_optimizers(const std::string& input,
                                            const OptimizersOptions& options) {
  OptimizerFindings findings;
  Bytes bytes;
  if (is_file(input)) {
    PUMICE_TRY(bytes, map_file(input));
  }
  if (is_tflite(bytes.view())) {
    findings.resolution.policy = options.policy;  // a .tflite carries no optimizer's definition
  } else {
    PUMICE_TRY(const Source source, read_source(input, {options.tags}));
    auto found = find_optimizers(source, options.policy);
    if (!found.ok()) return std::move(found).error().in(input);
    findings = std::move(found).value();
  }
  return OptimizersReport{findings.registrations.size(), findings.conflicts.size(),
                          to_text(findings), to_json(findings)};
}

Result<OptimizersReport> fix_optimizers(const std::string& input, const std::string& output,
                                        const OptimizersOptions& options) {
  Bytes bytes;
  if (is_file(input)) {
    PUMICE_TRY(bytes, map_file(input));
  }
  const auto unsupported = [&](const std::string& what) {
    return Error(ErrorCode::kUnsupported, what + " is not rewritten")
        .in(input)
        .expected("a SavedModel, a .keras or an .h5 file");
  };
  if (is_tflite(bytes.view())) return unsupported("a .tflite (it carries no optimizer)");
  PUMICE_CHECK(outside(input, output));
  PUMICE_TRY(const Source source, read_source(input, {options.tags}));
  auto found = find_optimizers(source, options.policy);
  if (!found.ok()) return std::move(found).error().in(input);
  OptimizerFindings findings = std::move(found).value();
  Status done;
  if (source.format == "saved_model") {
    done = clean_saved_model(input, source, output, {options.tags}, &findings);
  } else if (source.format == "keras" || source.format == "h5") {
    done = clean_keras(input, source, output, &findings);
  } else {
    return unsupported(source.format == "graph_def" || source.format == "checkpoint"
                           ? "a TensorFlow graph or checkpoint on its own"
                           : "a source of the format " + source.format);
  }
  if (!done.ok()) return std::move(done).error().in(input);
  return OptimizersReport{findings.registrations.size(), findings.conflicts.size(),
                          to_text(findings), to_json(findings)};
}

Result<std::string> explain_conflict(const std::string& kind) {
  std::string known;
  for (const auto& page : kConflictPages) {
    if (kind == page.kind) return std::string(page.text);
    known += (known.empty() ? "" : ", ") + std::string(page.kind);
  }
  return Error(ErrorCode::kUsage, "there is no such kind of conflict")
      .expected(known)
      .found("'" + kind + "'");
}

}  // namespace pumice
