// Slots in checkpoints that no object and no node has claimed: the state of an optimizer that is
// defined elsewhere (a checkpoint alone) or nowhere (an orphan).
#include <map>
#include <unordered_set>

#include "formats/file.h"
#include "training/collect.h"
#include "training/kinds.h"

namespace pumice {
namespace {

constexpr std::string_view kSlotMark = "/.OPTIMIZER_SLOT/";

/// How many slots a TensorFlow 1 optimizer makes under its own name, and what they are.
std::vector<std::string> slots_of(const std::string& kind) {
  if (kind == "adam" || kind == "adamax") return {"m", "v"};
  if (kind == "adadelta") return {"accum", "accum_update"};
  if (kind == "rmsprop") return {"rms", "momentum"};
  if (kind == "ftrl") return {"accum", "linear"};
  if (kind == "momentum") return {"momentum"};
  if (kind == "adagrad") return {"accumulator"};
  return {};
}

class Keys {
 public:
  explicit Keys(Collector& collector) : c_(collector) {}

  void collect() {
    for (const Registration& r : c_.registrations)
      claimed_.insert(r.slot_variables.begin(), r.slot_variables.end());
    // A graph or an object graph says what there is; without one the keys are all that is known.
    graph_ = c_.source.graph && c_.source.graph->node_count() > 1;
    for (const auto& entry : c_.source.facts.checkpoint) {
      if (const size_t at = entry.key.find(kSlotMark); at != std::string::npos) {
        by_object_path(entry, at);
      } else if (entry.key.find("/.ATTRIBUTES/") == std::string::npos) {
        by_name(entry);
      }
    }
    for (auto& [name, r] : found_) c_.registrations.push_back(std::move(r));
  }

 private:
  /// "VARIABLE/.OPTIMIZER_SLOT/PATH/SLOT/.ATTRIBUTES/VARIABLE_VALUE"
  void by_object_path(const SourceFacts::CheckpointEntry& entry, size_t at) {
    const size_t begin = at + kSlotMark.size();
    const size_t end = entry.key.rfind("/.ATTRIBUTES/");
    if (end == std::string::npos || end <= begin) return;
    const size_t slash = entry.key.rfind('/', end - 1);
    if (slash == std::string::npos || slash < begin) return;
    const std::string path = entry.key.substr(begin, slash - begin);
    if (c_.by_key.count(path)) return;
    add(path, {}, "tf_keras_legacy", entry.key.substr(slash + 1, end - slash - 1),
        entry.key.substr(0, at), entry);
  }

  /// "w/Adam", "w/Adam_1": the m and v of one Adam; "w/Adam_2", "w/Adam_3" those of a second.
  void by_name(const SourceFacts::CheckpointEntry& entry) {
    const size_t slash = entry.key.rfind('/');
    if (slash == std::string::npos || claimed_.count(entry.key)) return;
    const std::string variable = entry.key.substr(0, slash);
    std::string name = entry.key.substr(slash + 1);
    const auto of_variable = c_.entries.find(variable);
    if (of_variable == c_.entries.end() || of_variable->second->dims != entry.dims) return;
    size_t number = 0;
    size_t digits = name.size();
    while (digits > 0 && name[digits - 1] >= '0' && name[digits - 1] <= '9') --digits;
    if (digits > 1 && digits < name.size() && name[digits - 1] == '_' && name.size() - digits < 6) {
      number = std::stoul(name.substr(digits));
      name.resize(digits - 1);
    }
    const std::string kind = kind_of_name(name);
    const auto slots = slots_of(kind);
    if (slots.empty()) return;
    const size_t which = number / slots.size();
    add(name + (which ? "_" + std::to_string(which) : ""), kind, "tf1",
        slots[number % slots.size()], variable, entry);
  }

  void add(const std::string& name, const std::string& kind, const char* generation,
           std::string slot, const std::string& variable,
           const SourceFacts::CheckpointEntry& entry) {
    auto [it, made] = found_.try_emplace(name);
    Registration& r = it->second;
    if (made) {
      r.kind = kind;
      r.generation = generation;
      r.orphan =
          graph_ || !c_.source.facts.objects.empty() || !c_.source.facts.checkpoint_objects.empty();
      r.found_in.push_back({c_.file_of(entry.key), entry.key});
    }
    r.variables.insert(variable);
    r.bytes += entry.bytes;
    r.slot_variables.push_back(entry.key);
    bool known = false;
    for (const std::string& s : r.slots) known = known || s == slot;
    if (!known) r.slots.push_back(std::move(slot));
  }

  Collector& c_;
  bool graph_ = false;
  std::unordered_set<std::string> claimed_;
  std::map<std::string, Registration> found_;
};

}  // namespace

void collect_keys(Collector& collector) { Keys(collector).collect(); }

}  // namespace pumice
