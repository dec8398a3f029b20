// The main line: read, import, simplify, lower, simplify again, write. Nothing else.
#include "pumice/convert.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <span>

#include "detection/ends.h"
#include "detection/labels.h"
#include "detection/metadata.h"
#include "formats/source.h"
#include "import/import.h"
#include "passes/data_dependence.h"
#include "passes/lower.h"
#include "passes/pipeline.h"
#include "passes/share_signatures.h"
#include "report/report.h"
#include "selection.h"
#include "tflite/writer.h"
#include "training/reach.h"
#include "training/registration.h"

namespace pumice {
namespace {

/// Times the stages and tells the observer where the work stands.
class Stages {
 public:
  Stages(Observer* observer, Report& report) : observer_(observer), report_(report) {}
  void begin(const char* stage, double fraction) {
    end();
    stage_ = stage;
    start_ = Clock::now();
    if (observer_) observer_->progress(stage, fraction);
  }
  void end() {
    if (stage_)
      report_.timing.emplace_back(
          stage_, std::chrono::duration<double, std::milli>(Clock::now() - start_).count());
    stage_ = nullptr;
  }
  void warn(Warning warning) {
    if (observer_) observer_->warning(warning);
    report_.warnings.push_back(std::move(warning));
  }

 private:
  using Clock = std::chrono::steady_clock;
  Observer* observer_;
  Report& report_;
  const char* stage_ = nullptr;
  Clock::time_point start_;
};

/// The signatures' dtypes and shapes as the graphs have them in the end.
void describe_signatures(Model& model, Stages& stages) {
  for (Signature& signature : model.signatures) {
    const Graph& graph = *model.find(signature.graph);
    for (size_t i = 0; i < signature.inputs.size(); ++i) {
      signature.inputs[i].dtype = graph.inputs()[i]->dtype;
      signature.inputs[i].shape = graph.inputs()[i]->shape;
    }
    for (size_t i = 0; i < signature.outputs.size(); ++i) {
      signature.outputs[i].dtype = graph.output(i)->dtype;
      signature.outputs[i].shape = graph.output(i)->shape;
    }
    ShapesAtRunTime shapes = shapes_at_run_time(graph);
    for (size_t i = 0; i < signature.outputs.size(); ++i)
      if (shapes.open.count(graph.output(i)))
        stages.warn({"interpreter-only",
                     "the shape of output '" + signature.outputs[i].name +
                         "' is known only while the model runs: LiteRT's Interpreter runs it, its "
                         "compiled-model API refuses it",
                     graph.output(i)->node()->name});
  }
}

/// What optimizers the source carries, and what the policy makes of them. An inference graph has
/// none of them whatever the policy, so one that cannot be carried out is told, not an error; a
/// signature that trains keeps the optimizer that the policy keeps, or is refused.
Result<std::string> optimizers_json(const Source& source, const ConvertOptions& options,
                                    const std::string& input) {
  auto findings = find_optimizers(source, options.optimizers);
  std::optional<Error> refused;
  if (!findings.ok()) {
    if (findings.error().code() != ErrorCode::kUnsupported)
      return std::move(findings).error().in(input);
    refused = findings.error();
    const std::string why = findings.error().text();
    findings = find_optimizers(source, OptimizerPolicy::kStrip);
    if (!findings.ok()) return std::move(findings).error().in(input);
    findings->resolution.policy = options.optimizers;
    for (Action& action : findings->resolution.actions) action.detail += " (" + why + ")";
  }
  if (options.selection.output_arrays.empty()) {
    Status kept = keep_train_signatures(source.facts, options.selection.signatures, &*findings);
    if (!kept.ok()) return (refused ? *refused : std::move(kept).error()).in(input);
  }
  findings->warnings.clear();
  return to_json(*findings);
}

/// The flags' part of a detector's metadata, read before the work begins.
Result<DetectorFacts> detector_facts(const DetectorOptions& options) {
  DetectorFacts facts;
  if (!options.labels_file.empty()) {
    PUMICE_TRY(facts.labels, read_labels(options.labels_file));
  }
  facts.labels_file = options.labels_file;
  facts.normalization = options.normalization;
  facts.outputs = options.outputs;
  return facts;
}

/// Adds the metadata to the model; gives the files that go behind it.
Result<std::vector<AppendedFile>> add_metadata(Model& model, const DetectorFacts& facts,
                                               Stages& stages, Report& report) {
  if (facts.labels.empty() && !facts.normalization) return std::vector<AppendedFile>();
  PUMICE_TRY(DetectorDescription described, describe_detector(model, facts));
  for (Warning& warning : described.warnings) stages.warn(std::move(warning));
  const auto first = model.signatures.begin();
  const auto own = first + static_cast<std::ptrdiff_t>(described.signature);
  std::rotate(first, own, own + 1);
  std::string bytes = metadata_bytes(described.metadata);
  PUMICE_TRY(report.metadata, parse_metadata(std::as_bytes(std::span(bytes)), report.output_path));
  model.metadata[std::string(kModelMetadataEntry)] = std::move(bytes);
  report.labels = std::move(described.labels);
  return std::move(described.files);
}

bool has_unknown_batch(const Model& model) {
  for (const Signature& signature : model.signatures)
    for (const Value* input : model.find(signature.graph)->inputs())
      if (!input->shape.known_rank() || (input->shape.rank() > 0 && !input->shape[0].known()))
        return true;
  return false;
}

/// Heads and operator are of one picture.
bool changes_ends(const DetectorEnds& options) {
  return options.post_process != PostProcess::kBuiltin || options.pre_process != PreProcess::kKeep;
}

/// Loops that stay, and lists that could not be converted.
size_t count_loops(const Model& model) {
  size_t count = 0;
  for (const auto& [name, graph] : model.graphs)
    for (const Node& node : *graph)
      count += node.is("While") || node.is("StatelessWhile") ||
               node.op.rfind("TensorArray", 0) == 0 || node.op.rfind("TensorList", 0) == 0;
  return count;
}

/// Ops that are lowered picture by picture, and must know how many there are.
bool works_by_picture(const Model& model) {
  for (const auto& [name, graph] : model.graphs)
    for (const Node& node : *graph)
      if (node.is("CombinedNonMaxSuppression") && !node.result(3)->shape.fully_known()) return true;
  return false;
}

Result<Model> import_and_simplify_once(const Source& source, const ImportOptions& options,
                                       Report& report, std::vector<DroppedNode>& dropped) {
  dropped.clear();
  PUMICE_TRY(Model model, import_source(source, options, &dropped));
  report.before = statistics(model);
  report.passes.clear();
  PUMICE_CHECK(run_passes(model, tf_passes(), report.passes));
  model.drop_unreached_graphs();
  return model;
}

/// Asserts, prints and summaries that are not in the output: one warning an op.
void warn_of_dropped(const std::vector<DroppedNode>& dropped, Stages& stages) {
  std::map<std::string, std::set<std::string>> names;
  for (const DroppedNode& node : dropped) names[node.op].insert(node.name);
  for (const auto& [op, of] : names)
    stages.warn({"dropped",
                 std::to_string(of.size()) + (of.size() == 1 ? " node " : " nodes ") + op +
                     (of.size() == 1 ? " is" : " are") +
                     " left out: the converted model checks, prints and records nothing",
                 *of.begin()});
}

/// Import and the TensorFlow passes. A loop over an unknown batch does not unroll, and some ops
/// work by picture, as the detection operator does (`one_picture`): the batch is then pinned to 1,
/// unless the caller gave shapes or it would not help.
Result<Model> import_and_simplify(const Source& source, ImportOptions options, bool one_picture,
                                  Stages& stages, Report& report,
                                  std::vector<DroppedNode>& dropped) {
  PUMICE_TRY(Model model, import_and_simplify_once(source, options, report, dropped));
  const bool by_picture = one_picture || works_by_picture(model);
  if (options.pin_batch || !options.input_shapes.empty() || !(has_loops(model) || by_picture) ||
      !has_unknown_batch(model))
    return model;
  options.pin_batch = true;
  PUMICE_TRY(Model pinned, import_and_simplify_once(source, options, report, dropped));
  if (count_loops(pinned) >= count_loops(model) && !by_picture) {
    options.pin_batch = false;
    return import_and_simplify_once(source, options, report, dropped);
  }
  stages.warn(
      {"batch_pinned",
       "the model goes through the pictures of a batch of unknown size: the batch is pinned "
       "to 1 (--input-shapes sets another)",
       ""});
  return pinned;
}

/// What was asked of the detector's ends, and the report of it. A normalization that moved out
/// belongs into the metadata.
Status change_detector(Model& model, const ConvertOptions& options, DetectorFacts& facts,
                       Stages& stages, Report& report) {
  PUMICE_TRY(ChangedEnds changed,
             change_ends(model, options.ends, !options.selection.output_arrays.empty()));
  for (Warning& warning : changed.warnings) stages.warn(std::move(warning));
  report.detectors_json = std::move(changed.json);
  report.detectors_text = std::move(changed.lines);
  if (!changed.normalization) return {};
  if (facts.normalization && (facts.normalization->mean != changed.normalization->mean ||
                              facts.normalization->std != changed.normalization->std))
    return Error(ErrorCode::kUsage, "--normalize is not what the graph's pre-processing does")
        .expected(to_string(*changed.normalization))
        .found(to_string(*facts.normalization));
  // Metadata describe detections: raw heads have none.
  if (!facts.labels.empty() || options.ends.post_process != PostProcess::kNone)
    facts.normalization = std::move(changed.normalization);
  return {};
}

}  // namespace

Result<ConvertReport> convert(const std::string& input, const std::string& output,
                              const ConvertOptions& options) {
  Report report;
  Stages stages(options.observer, report);
  PUMICE_TRY(DetectorFacts facts, detector_facts(options.detector));
  const bool metadata_asked = !facts.labels.empty() || facts.normalization;

  stages.begin("read", 0);
  PUMICE_TRY(Source source, read_source(input, {options.selection.tags}));
  report.format = source.format;
  report.files = source.files;
  report.input_bytes = source.bytes;
  report.producer = source.producer;

  stages.begin("optimizers", 0.15);
  PUMICE_TRY(report.optimizers_json, optimizers_json(source, options, input));

  stages.begin("import", 0.2);
  std::vector<DroppedNode> dropped;
  PUMICE_TRY(Model model, import_and_simplify(source, import_options(options.selection),
                                              changes_ends(options.ends), stages, report, dropped));
  warn_of_dropped(dropped, stages);

  source.graph.reset();  // the model has its own copy of what it needs
  stages.begin("detectors", 0.45);
  if (Status status = change_detector(model, options, facts, stages, report); !status.ok())
    return std::move(status).error().in(input);

  stages.begin("lower", 0.5);
  std::vector<Refusal> refusals;
  std::vector<Graph*> graphs;  // lowering adds bodies of loops, lowered already
  for (auto& [name, graph] : model.graphs) graphs.push_back(graph.get());
  for (Graph* graph : graphs)
    PUMICE_CHECK(lower(model, *graph, options.allow_custom_ops, refusals));
  if (!refusals.empty()) return unsupported_ops(refusals).in(input);

  stages.begin("optimize", 0.6);
  PUMICE_CHECK(run_passes(model, tfl_passes(), report.passes));
  PUMICE_CHECK(initialize_variables(model));
  for (auto& [name, graph] : model.graphs) PUMICE_CHECK(verify_graph(*graph));
  share_signatures(model);
  report.after = statistics(model);

  stages.begin("write", 0.7);
  describe_signatures(model, stages);
  WriteOptions writing;
  auto appended = add_metadata(model, facts, stages, report);
  if (appended.ok())
    writing.appended = std::move(*appended);
  else if (metadata_asked)
    return std::move(appended).error().in(input);
  else  // of a model that is no detector: the report has the normalization all the same
    stages.warn({"metadata_left_out", appended.error().text(), ""});
  PUMICE_TRY(report.output, write_model(model, output, writing));
  report.output_path = output;
  report.signatures = model.signatures;
  stages.end();
  if (options.observer) options.observer->progress("done", 1);
  ConvertReport result{to_json(report), to_text(report)};
  if (options.leave_memory) {  // moved to where nothing destroys them
    new Source(std::move(source));
    new Model(std::move(model));
  }
  return result;
}

}  // namespace pumice
