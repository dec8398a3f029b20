#include "pumice/verify.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "evaluate/evaluate.h"
#include "formats/file.h"
#include "formats/npz/npz.h"
#include "formats/source.h"
#include "import/import.h"
#include "passes/lists_to_tensors.h"
#include "passes/simplify.h"
#include "runtime/compare.h"
#include "runtime/runtime.h"
#include "selection.h"
#include "tflite/reader.h"

namespace pumice {
namespace {

/// What of the source the .tflite was made of, as far as its signatures tell.
ImportOptions import_options_for(const Source& source, const Model& tflite,
                                 const Selection& selection) {
  ImportOptions options = import_options(selection);
  if (!options.input_arrays.empty() || !options.output_arrays.empty() ||
      !options.signatures.empty())
    return options;
  if (tflite.signatures.empty()) return options;
  auto has = [&](const std::string& key) {
    return std::any_of(source.signatures.begin(), source.signatures.end(),
                       [&](const SourceSignature& s) { return s.key == key; });
  };
  for (const Signature& signature : tflite.signatures)
    if (has(signature.key)) options.signatures.push_back(signature.key);
  if (!options.signatures.empty()) return options;
  const Signature& signature = tflite.signatures.front();
  for (const SignatureTensor& t : signature.inputs) {
    options.input_arrays.push_back(t.name);
    options.input_shapes.push_back(t.shape);
  }
  for (const SignatureTensor& t : signature.outputs) options.output_arrays.push_back(t.name);
  return options;
}

Result<std::vector<NamedTensor>> make_inputs(const Signature& signature, const Graph& graph,
                                             const Signature* in_tflite,
                                             const VerifyOptions& options) {
  if (!options.inputs_file.empty()) return read_npz(options.inputs_file);
  std::vector<SignatureTensor> tensors;
  for (size_t i = 0; i < signature.inputs.size(); ++i) {
    SignatureTensor t{signature.inputs[i].name, graph.inputs()[i]->dtype, graph.inputs()[i]->shape};
    // The converted model may have fixed what the source leaves open.
    if (in_tflite)
      for (const SignatureTensor& other : in_tflite->inputs)
        if (other.name == t.name)
          if (auto both = merge(t.shape, other.shape)) t.shape = *both;
    tensors.push_back(std::move(t));
  }
  return generate_inputs(tensors, {options.seed, options.batch});
}

Result<std::vector<Tensor>> in_order(const Signature& signature,
                                     const std::vector<NamedTensor>& named) {
  std::vector<Tensor> tensors;
  for (const SignatureTensor& input : signature.inputs) {
    auto it = std::find_if(named.begin(), named.end(),
                           [&](const NamedTensor& t) { return t.name == input.name; });
    if (it == named.end())
      return Error(ErrorCode::kUsage, "the inputs lack an array named '" + input.name + "'");
    tensors.push_back(it->tensor);
  }
  return tensors;
}

/// Loops are unrolled for the shapes of these inputs: the evaluator runs straight graphs.
Result<std::vector<Tensor>> run_reference(const Source& source, ImportOptions import_options,
                                          const Model& model, const Signature& signature,
                                          const std::vector<Tensor>& inputs) {
  if (!has_loops(model)) return evaluate(model, *model.find(signature.graph), inputs);
  if (!source.signatures.empty() && import_options.output_arrays.empty())
    import_options.signatures = {signature.key};
  import_options.input_shapes.clear();
  for (const Tensor& input : inputs) import_options.input_shapes.push_back(Shape(input.dims()));
  PUMICE_TRY(Model straight, import_source(source, import_options));
  Graph& graph = *straight.find(straight.signatures.front().graph);
  if (auto done = simplify(straight, graph); !done.ok()) return std::move(done).error();
  straight.drop_unreached_graphs();
  for (auto& [name, each] : straight.graphs)
    if (auto done = lists_to_tensors(straight, *each); !done.ok()) return std::move(done).error();
  return evaluate(straight, graph, inputs);
}

}  // namespace

Result<VerifyReport> verify(const std::string& source_path, const std::string& model_path,
                            const VerifyOptions& options) {
  auto progress = [&](const char* stage, double fraction) {
    if (options.observer) options.observer->progress(stage, fraction);
  };
  progress("read", 0);
  PUMICE_TRY(Bytes bytes, map_file(model_path));
  PUMICE_TRY(TfliteFile tflite, read_tflite(bytes, model_path));
  PUMICE_TRY(Source source, read_source(source_path, {options.selection.tags}));
  ImportOptions import_options = import_options_for(source, tflite.model, options.selection);
  PUMICE_TRY(Model model, import_source(source, import_options));

  VerifyReport report;
  report.agrees = true;
  std::vector<NamedTensor> saved;
  nlohmann::json documents = nlohmann::json::array();
  for (const Signature& signature : model.signatures) {
    const auto& converted = tflite.model.signatures;
    auto it = std::find_if(converted.begin(), converted.end(),
                           [&](const Signature& s) { return s.key == signature.key; });
    const Signature* in_tflite = it == converted.end() ? nullptr : &*it;
    const Graph& graph = *model.find(signature.graph);
    PUMICE_TRY(auto inputs, make_inputs(signature, graph, in_tflite, options));
    PUMICE_TRY(auto ordered, in_order(signature, inputs));
    progress("reference", 0.2);
    auto results = run_reference(source, import_options, model, signature, ordered);
    if (!results.ok()) return std::move(results).error().in(source_path);
    std::vector<NamedTensor> reference;
    for (size_t i = 0; i < results->size(); ++i) {
      reference.push_back({signature.outputs[i].name, (*results)[i]});
      saved.push_back({"reference/" + signature.outputs[i].name, (*results)[i]});
    }
    // Saved before the model runs, so that a failure of the runtime leaves the reference.
    if (!options.save_file.empty()) PUMICE_CHECK(write_npz(options.save_file, saved));

    progress("run", 0.7);
    auto found = run_isolated(options.litert, model_path, in_tflite ? signature.key : "", inputs,
                              {options.threads, 0});
    if (!found.ok()) {
      const Error& error = found.error();
      if (error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kUsage) return error;
      return Error(ErrorCode::kDifference, "LiteRT cannot run the model: " + error.text())
          .in(model_path);
    }
    for (const NamedTensor& t : *found) saved.push_back({"runtime/" + t.name, t.tensor});
    if (!options.save_file.empty()) PUMICE_CHECK(write_npz(options.save_file, saved));
    Comparison comparison = compare_outputs(reference, *found, options.tolerance);
    report.agrees &= comparison.ok();
    report.text += "signature " + signature.key + "\n" + to_table(comparison);
    nlohmann::json document = to_json(comparison);
    document["signature"] = signature.key;
    documents.push_back(std::move(document));
  }
  report.text += report.agrees ? "verified: the outputs agree\n" : "the outputs DIFFER\n";
  report.json = nlohmann::json{{"agrees", report.agrees}, {"signatures", documents}}.dump(2) + "\n";
  progress("done", 1);
  return report;
}

}  // namespace pumice
