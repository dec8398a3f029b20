// Puts together what all places of a source say of its optimizers.
#include "training/collect.h"

#include <algorithm>

#include "formats/file.h"

namespace pumice {

std::optional<double> Collector::scalar(const std::string& key) const {
  const auto entry = entries.find(key);
  if (entry == entries.end() || !source.facts.checkpoint_value) return std::nullopt;
  if (entry->second->bytes > 8 || entry->second->dtype == DType::kString) return std::nullopt;
  auto value = source.facts.checkpoint_value(key);
  if (!value.ok() || value->elements() != 1) return std::nullopt;
  return value->number_at(0);
}

std::string Collector::file_of(const std::string& key) const {
  const auto entry = entries.find(key);
  const std::string name = entry == entries.end() ? "" : name_of(entry->second->file);
  return source.format == "saved_model" ? join_path("variables", name) : name;
}

void add_hyperparameter(Registration& registration, std::string name, std::string json) {
  auto& list = registration.hyperparameters;
  const auto at =
      std::lower_bound(list.begin(), list.end(), name,
                       [](const Hyperparameter& h, const std::string& n) { return h.name < n; });
  if (at != list.end() && at->name == name) return;
  list.insert(at, {std::move(name), std::move(json)});
}

void apply_config(const OptimizerConfig& config, Registration& registration) {
  registration.class_name = config.class_name;
  registration.registered_name = config.registered_name;
  registration.custom = config.custom;
  if (config.kind != "unknown" || registration.kind.empty()) registration.kind = config.kind;
  // A config knows more digits and schedules: it goes before what a checkpoint's variables say.
  auto from_elsewhere = std::move(registration.hyperparameters);
  registration.hyperparameters.clear();
  for (const Hyperparameter& h : config.hyperparameters)
    add_hyperparameter(registration, h.name, h.json);
  for (Hyperparameter& h : from_elsewhere)
    add_hyperparameter(registration, std::move(h.name), std::move(h.json));
}

/// Where no config is at hand, slots and settings tell the algorithm; some classes share those.
std::string unsure_of(const Registration& r) {
  if (!r.class_name.empty() || r.generation == "tf1") return {};
  if (r.kind == "unknown")
    return r.slots.empty()
               ? "nothing names its class: no config tells of it, and it was never built, so that "
                 "it keeps no slots"
               : "nothing names its class, and its slots are those of no class that Keras ships";
  if (r.kind == "adam") return "its class is not named: AdamW and LAMB keep the same slots";
  if (r.kind == "sgd") return "its class is not named: Lion keeps the same slots";
  return {};
}

std::vector<Registration> collect_registrations(const Source& source,
                                                std::vector<std::string>& warnings) {
  Collector collector{source, warnings, {}, {}, {}, {}, {}};
  for (const auto& entry : source.facts.checkpoint) collector.entries.emplace(entry.key, &entry);
  collect_objects(collector);
  collect_documents(collector);
  collect_groups(collector);
  collect_graph(collector);
  collect_functions(collector);
  collect_keys(collector);
  for (size_t i = 0; i < collector.registrations.size(); ++i) {
    Registration& r = collector.registrations[i];
    r.id = "r" + std::to_string(i);
    if (r.kind.empty()) r.kind = "unknown";
    r.unsure = unsure_of(r);
  }
  return std::move(collector.registrations);
}

}  // namespace pumice
