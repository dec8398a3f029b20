// The public face of src/training.
#include "pumice/optimizers.h"

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

Result<OptimizersReport> analyze_optimizers(const std::string& input, const OptimizersOptions& options) {
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
  return OptimizersReport{findings.registrations.size(), findings.conflicts.size(), to_text(findings),
                          to_json(findings)};
}

Result<std::string> explain_conflict(const std::string& kind) {
  std::string known;
  for (const auto& page : kConflictPages) {
    if (kind == page.kind) return std::string(page.text);
    known += (known.empty() ? "" : ", ") + std::string(page.kind);
  }
  return Error(ErrorCode::kUsage, "there is no such kind of conflict").expected(known).found("'" + kind + "'");
}

}  // namespace pumice
