#include "training/numbered_state.h"

namespace pumice {

std::vector<std::string> numbered_slots(const Registration& r, bool alone) {
  const auto setting = [&](const char* name) {
    for (const Hyperparameter& h : r.hyperparameters)
      if (h.name == name)
        return h.json != "false" && h.json != "0" && h.json != "0.0" && h.json != "null";
    return false;
  };
  const bool keras3 = r.generation == "keras3";
  const char* m = keras3 ? "momentum" : "m";
  const char* v = keras3 ? "velocity" : "v";
  std::vector<std::string> slots;
  if (setting("use_ema")) slots.push_back("average");
  const std::string& kind = r.kind;
  if (kind == "adam" || kind == "adamw" || kind == "nadam" || kind == "lamb") {
    slots.insert(slots.end(), {m, v});
    if (setting("amsgrad")) slots.push_back(keras3 ? "velocity_hat" : "vhat");
  } else if (kind == "adamax") {
    slots.insert(slots.end(), {m, keras3 ? "norm" : "u"});
  } else if (kind == "sgd") {
    if (alone || setting("momentum")) slots.push_back(m);
  } else if (kind == "lion") {
    slots.push_back(m);
  } else if (kind == "rmsprop" && !alone) {
    slots.push_back("velocity");
    if (setting("momentum")) slots.push_back("momentum");
    if (setting("centered")) slots.push_back("average_gradient");
  } else if (kind == "adagrad") {
    slots.push_back("accumulator");
  } else if (kind == "adadelta") {
    slots.insert(slots.end(), {"accumulated_grad", "accumulated_delta_var"});
  } else if (kind == "ftrl") {
    slots.insert(slots.end(), {"accumulator", "linear"});
  }
  return slots;
}

std::vector<const SourceFacts::CheckpointEntry*> first_tensors(
    const std::vector<const SourceFacts::CheckpointEntry*>& tensors, const std::string& kind,
    const std::vector<std::string>& slots) {
  if (tensors.empty() || slots.empty() || tensors.size() % slots.size()) return {};
  const size_t count = tensors.size() / slots.size();
  const bool front = slots[0] == "average";
  const bool paired = kind != "rmsprop" && slots.size() >= (front ? 3 : 2);
  std::vector<const SourceFacts::CheckpointEntry*> first;
  const size_t begin = front ? count : 0;
  for (size_t i = 0; i < count; ++i) {
    const SourceFacts::CheckpointEntry* e = tensors[begin + (paired ? 2 * i : i)];
    if (paired && tensors[begin + 2 * i + 1]->dims != e->dims) return {};
    first.push_back(e);
  }
  for (size_t at = 0; at + count <= tensors.size(); at += count) {
    if (at >= begin && at < begin + (paired ? 2 : 1) * count) continue;
    for (size_t i = 0; i < count; ++i)
      if (tensors[at + i]->dims != first[i]->dims) return {};
  }
  return first;
}

}  // namespace pumice
