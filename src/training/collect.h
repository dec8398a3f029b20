// The parts of collecting, one per kind of place. Each is linear in what it reads.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "training/registration.h"

namespace pumice {

/// What one config says of one optimizer.
struct OptimizerConfig {
  std::string class_name, registered_name, kind;
  std::string definition;  // everything that the config says, as JSON text, but for:
  std::string shared;      // Keras's number of an object that it writes not for the first time
  bool custom = false, legacy = false;
  std::vector<Hyperparameter> hyperparameters;
};

/// An optimizer that a config of a `.keras` or `.h5` file defines, until its state is found.
struct DefinedOptimizer {
  size_t registration = 0;
  std::string
      group;  // of the model that is compiled with it, in the weights: "layers/functional_1"
  std::string definition, shared;  // OptimizerConfig's
};

/// What is being gathered, and how places that speak of the same optimizer find each other.
struct Collector {
  const Source& source;
  std::vector<std::string>& warnings;
  std::vector<Registration> registrations;
  std::unordered_map<int64_t, size_t> by_holder;   // saved object with an `optimizer` child
  std::unordered_map<std::string, size_t> by_key;  // prefix of checkpoint keys
  std::unordered_map<std::string_view, const SourceFacts::CheckpointEntry*> entries;  // by key
  std::vector<DefinedOptimizer> defined;  // in the registrations' order
  bool documents_read = true;             // false: a config could not be read

  /// A scalar under a checkpoint key.
  std::optional<double> scalar(const std::string& key) const;
  /// The file of a checkpoint key, as places name it.
  std::string file_of(const std::string& key) const;
};

/// Nodes of the object graph: a SavedModel's, or that of a checkpoint alone.
void collect_objects(Collector& collector);
/// keras_metadata.pb, config.json: training_config and compile_config at every depth.
void collect_documents(Collector& collector);
/// `.keras` and `.h5`: groups of optimizer state in the weights, joined with what configs define.
void collect_groups(Collector& collector);
/// TensorFlow 1: Apply nodes of the main graph.
void collect_graph(Collector& collector);
/// TensorFlow 2: Apply nodes in the functions of a SavedModel, by what those functions captured.
void collect_functions(Collector& collector);
/// Slots in checkpoints that nothing above has claimed.
void collect_keys(Collector& collector);

/// Adds what a config knows; values that are there already stay.
void apply_config(const OptimizerConfig& config, Registration& registration);
/// Adds a hyperparameter unless it is there.
void add_hyperparameter(Registration& registration, std::string name, std::string json);

}  // namespace pumice
