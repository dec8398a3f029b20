#include "pumice/verify.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "detection/align_detections.h"
#include "detection/detections.h"
#include "detection/post_process.h"
#include "evaluate/evaluate.h"
#include "formats/file.h"
#include "formats/npz/npz.h"
#include "formats/source.h"
#include "import/import.h"
#include "passes/lists_to_tensors.h"
#include "passes/pipeline.h"
#include "passes/simplify.h"
#include "runtime/compare.h"
#include "runtime/runtime.h"
#include "selection.h"
#include "tflite/reader.h"

namespace pumice {
namespace {

/// The four outputs of the detection operator, in its order, where `signature` has them by the names
/// that convert gives them; empty: it has not.
std::vector<std::string> operator_outputs(const Signature& signature) {
  std::vector<std::string> names, found;
  for (const SignatureTensor& output : signature.outputs) names.push_back(output.name);
  const OutputRoles roles = roles_by_convention(names);
  for (int role : {roles.boxes, roles.classes, roles.scores, roles.count}) {
    if (role < 0) return {};
    found.push_back(names[static_cast<size_t>(role)]);
    if (found.back().rfind(kDetectionPostProcess, 0) != 0) return {};
  }
  return found;
}

bool has_output(const Signature& signature, const std::string& name) {
  return std::any_of(signature.outputs.begin(), signature.outputs.end(),
                     [&](const SignatureTensor& t) { return t.name == name; });
}

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
  // The operator's outputs are no tensors of a source that spells its post-processing out.
  const std::vector<std::string> made = operator_outputs(signature);
  bool tensors = made.empty();
  for (const Node& node : *source.graph) tensors |= !made.empty() && node.name == made[0];
  if (tensors)
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

/// The source for inputs of these shapes, simplified: loops are unrolled.
Result<Model> straight_model(const Source& source, ImportOptions import_options,
                             const Signature& signature, const std::vector<Tensor>& inputs) {
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
  return straight;
}

/// One signature's reference.
struct Reference {
  Signature signature;          // its outputs' names
  std::vector<Tensor> results;  // in that order
};

std::vector<NamedTensor> named(const Reference& reference) {
  std::vector<NamedTensor> tensors;
  for (size_t i = 0; i < reference.results.size(); ++i)
    tensors.push_back({reference.signature.outputs[i].name, reference.results[i]});
  return tensors;
}

/// Runs the source, with the operator behind its raw heads where the options say so. The evaluator
/// runs straight graphs alone.
Result<Reference> run_reference(const Source& source, const ImportOptions& import_options,
                                const Model& model, const Signature& signature,
                                const std::vector<Tensor>& inputs, const DetectorEnds& ends) {
  const bool heads = !ends.anchors_file.empty();
  Reference reference{signature, {}};
  if (!heads && !has_loops(model)) {
    PUMICE_TRY(reference.results, evaluate(model, *model.find(signature.graph), inputs));
    return reference;
  }
  PUMICE_TRY(Model straight, straight_model(source, import_options, signature, inputs));
  if (heads) {
    DetectorEnds with_operator = ends;
    with_operator.post_process = PostProcess::kCustomOp;
    auto added = apply_post_process(straight, with_operator, !import_options.output_arrays.empty());
    if (!added.ok()) return std::move(added).error();
    reference.signature = straight.signatures.front();
  }
  PUMICE_TRY(reference.results,
             evaluate(straight, *straight.find(straight.signatures.front().graph), inputs));
  return reference;
}

/// The source's detections and the operator's, in one form: its post-processing is recognized as it
/// was when it was replaced.
Result<AlignedDetections> aligned(const Source& source, const ImportOptions& import_options,
                                  const Reference& reference, const std::vector<Tensor>& inputs,
                                  const std::vector<std::string>& names,
                                  const std::vector<NamedTensor>& found) {
  PUMICE_TRY(Model straight, straight_model(source, import_options, reference.signature, inputs));
  std::vector<PassRecord> records;
  PUMICE_CHECK(run_passes(straight, tf_passes(), records));
  PUMICE_TRY(const RecognizedTail tail,
             recognize_tail(straight, *straight.find(straight.signatures.front().graph)));
  std::vector<NamedTensor> operators;
  for (const std::string& name : names)
    for (const NamedTensor& t : found)
      if (t.name == name) operators.push_back(t);
  if (operators.size() != names.size())
    return Error(ErrorCode::kInternal, "LiteRT gave other outputs than the model names");
  return align_detections(tail, reference.results, operators);
}

struct Compared {
  Comparison comparison;
  std::string note;  // behind the signature's name
  bool differs = false;
  std::optional<Error> why_not;  // it was not compared
};

/// `found`: what LiteRT gave for the signature `in_tflite` (null: the model has one of another name).
Compared compare_signature(const Source& source, const ImportOptions& import_options,
                           const Reference& reference, const std::vector<Tensor>& inputs,
                           const Signature* in_tflite, const std::vector<NamedTensor>& found,
                           const VerifyOptions& options) {
  Compared compared;
  const auto compare = [&](const auto& expected, const auto& tested) {
    compared.comparison = compare_outputs(expected, tested, options.tolerance);
    compared.differs = !compared.comparison.ok();
  };
  const auto made = in_tflite ? operator_outputs(*in_tflite) : std::vector<std::string>();
  if (made.empty() || has_output(reference.signature, made[0])) {
    compare(named(reference), found);
    return compared;
  }
  auto both = aligned(source, import_options, reference, inputs, made, found);
  if (both.ok()) {
    compare(both->graph, both->op);
    compared.note = ": the source's detections as the operator gives them";
    return compared;
  }
  const Error& error = both.error();
  compared.comparison = without_reference(found, options.tolerance);
  compared.why_not =
      Error(
          ErrorCode::kUnsupported,
          "the source's detections cannot be brought into the operator's form: " + error.message())
          .at(error.node(), error.op())
          .expected(error.expected())
          .found(error.found())
          .hint(
              "Where convert gave raw heads the operator, verify needs its flags: --anchors FILE "
              "and what went with it");
  return compared;
}

}  // namespace

Result<VerifyReport> verify(const std::string& source_path, const std::string& model_path,
                            const VerifyOptions& options) {
  auto progress = [&](const char* stage, double fraction) {
    if (options.observer) options.observer->progress(stage, fraction);
  };
  PUMICE_CHECK(check_head_options(options.ends));
  progress("read", 0);
  PUMICE_TRY(Bytes bytes, map_file(model_path));
  PUMICE_TRY(TfliteFile tflite, read_tflite(bytes, model_path));
  PUMICE_TRY(Source source, read_source(source_path, {options.selection.tags}));
  ImportOptions import_options = import_options_for(source, tflite.model, options.selection);
  PUMICE_TRY(Model model, import_source(source, import_options));

  VerifyReport report;
  bool differs = false;
  std::optional<Error> not_compared;
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
    auto referee = run_reference(source, import_options, model, signature, ordered, options.ends);
    if (!referee.ok()) return std::move(referee).error().in(source_path);
    for (NamedTensor& t : named(*referee))
      saved.push_back({"reference/" + t.name, std::move(t.tensor)});
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
    const Compared compared =
        compare_signature(source, import_options, *referee, ordered, in_tflite, *found, options);
    differs |= compared.differs;
    report.text +=
        "signature " + signature.key + compared.note + "\n" + to_table(compared.comparison);
    nlohmann::json document = to_json(compared.comparison);
    if (compared.why_not) {
      document["reason"] = compared.why_not->text();
      not_compared = compared.why_not;
    }
    document["signature"] = signature.key;
    documents.push_back(std::move(document));
  }
  report.agrees = !differs && !not_compared;
  if (not_compared) not_compared = (*std::move(not_compared)).in(source_path);
  if (!differs) report.not_compared = std::move(not_compared);
  report.text += report.agrees ? "verified: the outputs agree\n"
                 : differs     ? "the outputs DIFFER\n"
                               : "outputs were NOT COMPARED\n";
  report.json = nlohmann::json{{"agrees", report.agrees}, {"signatures", documents}}.dump(2) + "\n";
  progress("done", 1);
  return report;
}

}  // namespace pumice
