// Findings as the documented JSON and as text for people.
#include "report/json.h"
#include "training/registration.h"

namespace pumice {
namespace {

/// Null where only configs tell of an optimizer.
Json owned(const Registration& r) {
  if (!r.state_read) return {{"variables", nullptr}, {"bytes", nullptr}, {"slots", nullptr}};
  return {{"variables", r.variables.size()}, {"bytes", r.bytes}, {"slots", r.slots}};
}

Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

/// What in someone's code makes a conflict of this kind.
const char* cause_of(const std::string& kind) {
  if (kind == "duplicate" || kind == "hyperparameters")
    return "compile() or minimize() of more than one model object, or an optimizer kept as an "
           "attribute beside compile()'s";
  if (kind == "override")
    return "@keras.saving.register_keras_serializable() on a class that bears a built-in's name";
  if (kind == "merged")
    return "compile() of a model that is then used as a layer of another one; import_graph_def() "
           "of a trained graph";
  if (kind == "slot_collision")
    return "a second minimize() on the same variables, or import_graph_def(…, name='')";
  if (kind == "orphan_slots")
    return "a Saver over all variables, of a graph whose training part was cut off; in Keras 3, a "
           ".keras "
           "file saved after an .h5 file of the same model";
  if (kind == "generation") return "layers or optimizers of tf_keras and keras in one model";
  return "two optimizers made for one model";
}

}  // namespace

std::string to_json(const OptimizerFindings& findings) {
  Json registrations = Json::array(), conflicts = Json::array(), actions = Json::array();
  for (const Registration& r : findings.registrations) {
    Json hyperparameters = Json::object(), places = Json::array();
    for (const Hyperparameter& h : r.hyperparameters) {
      Json value = Json::parse(h.json, nullptr, false);
      hyperparameters[h.name] = value.is_discarded() ? Json(h.json) : value;
    }
    for (const Place& p : r.found_in) places.push_back({{"file", p.file}, {"path", p.path}});
    registrations.push_back({
        {"id", r.id},
        {"kind", r.kind},
        {"class_name", or_null(r.class_name)},
        {"registered_name", or_null(r.registered_name)},
        {"custom", r.custom},
        {"generation", r.generation},
        {"hyperparameters", hyperparameters},
        {"iterations", r.iterations ? Json(*r.iterations) : Json(nullptr)},
        {"owner", or_null(r.owner)},
        {"owns", owned(r)},
        {"found_in", places},
        {"unsure", or_null(r.unsure)},
    });
  }
  for (const Conflict& c : findings.conflicts)
    conflicts.push_back({{"kind", c.kind},
                         {"registrations", c.registrations},
                         {"explanation", c.explanation},
                         {"suggestion", c.suggestion}});
  for (const Action& a : findings.resolution.actions)
    actions.push_back(
        {{"action", a.action}, {"registration", a.registration}, {"detail", a.detail}});
  return dump(
      {{"registrations", registrations},
       {"conflicts", conflicts},
       {"resolution", {{"policy", policy_name(findings.resolution.policy)}, {"actions", actions}}},
       {"warnings", findings.warnings}});
}

std::string to_text(const OptimizerFindings& findings) {
  std::string text;
  const size_t count = findings.registrations.size();
  text += count == 0 ? "no optimizer"
                     : std::to_string(count) + (count == 1 ? " optimizer" : " optimizers");
  text += "\n";
  for (const Registration& r : findings.registrations) {
    text += "  " + r.id + "  " + (r.class_name.empty() ? r.kind : r.class_name);
    if (!r.registered_name.empty()) text += " (registered as " + r.registered_name + ")";
    if (r.custom) text += ", a class of your own";
    if (r.orphan) text += ", state only";
    text += ", " + r.generation;
    if (!r.owner.empty()) text += ", of '" + r.owner + "'";
    if (r.iterations) text += ", after " + std::to_string(*r.iterations) + " steps";
    text += "\n";
    if (!r.hyperparameters.empty()) {
      text += "      ";
      for (size_t i = 0; i < r.hyperparameters.size(); ++i)
        text += (i ? ", " : "") + r.hyperparameters[i].name + " " + r.hyperparameters[i].json;
      text += "\n";
    }
    if (r.state_read) {
      text += "      trains " + std::to_string(r.variables.size()) + " variables, own state " +
              bytes_text(r.bytes);
      for (size_t i = 0; i < r.slots.size(); ++i) text += (i ? ", " : "; slots ") + r.slots[i];
      text += "\n";
    }
    if (!r.unsure.empty()) text += "      not known: " + r.unsure + "\n";
    for (const Place& p : r.found_in) text += "      in " + p.file + ": " + p.path + "\n";
  }
  if (count > 0) text += findings.conflicts.empty() ? "nothing conflicts\n" : "conflicts\n";
  for (const Conflict& c : findings.conflicts) {
    text += "  " + c.kind + ": ";
    for (size_t i = 0; i < c.registrations.size(); ++i)
      text += (i ? ", " : "") + c.registrations[i];
    text += ": " + c.explanation + "\n      caused by " + cause_of(c.kind) + "\n      " +
            c.suggestion + "\n      More: pumice optimizers --explain " + c.kind + "\n";
  }
  if (!findings.resolution.actions.empty()) {
    text += std::string("under ") + policy_name(findings.resolution.policy) + "\n";
    for (const Action& a : findings.resolution.actions)
      text += "  " + a.action + " " + a.registration + ": " + a.detail + "\n";
  }
  for (const std::string& warning : findings.warnings) text += "warning: " + warning + "\n";
  return text;
}

}  // namespace pumice
