#include "training/kinds.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace pumice {
namespace {

struct Known {
  const char* class_name;
  const char* kind;
};

// Sorted by what Keras calls them; TensorFlow 1's differ by the ending "Optimizer".
constexpr Known kKnown[] = {
    {"Adadelta", "adadelta"},
    {"Adafactor", "adafactor"},
    {"Adagrad", "adagrad"},
    {"AdagradDA", "adagrad_da"},
    {"Adam", "adam"},
    {"AdamW", "adamw"},
    {"Adamax", "adamax"},
    {"Ftrl", "ftrl"},
    {"GradientDescent", "sgd"},
    {"Lamb", "lamb"},
    {"Lion", "lion"},
    {"Momentum", "momentum"},
    {"Muon", "muon"},
    {"Nadam", "nadam"},
    {"ProximalAdagrad", "proximal_adagrad"},
    {"ProximalGradientDescent", "proximal_sgd"},
    {"RMSprop", "rmsprop"},
    {"SGD", "sgd"},
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool has(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

}  // namespace

std::string kind_of_name(std::string_view name) {
  // "adam_3": the third of its process.
  size_t end = name.size();
  while (end > 0 && name[end - 1] >= '0' && name[end - 1] <= '9') --end;
  if (end > 0 && end < name.size() && name[end - 1] == '_') name = name.substr(0, end - 1);
  constexpr std::string_view kEnding = "Optimizer";
  if (name.size() > kEnding.size() && name.ends_with(kEnding)) name.remove_suffix(kEnding.size());
  // Keras 3 makes "adam_w" and "rm_sprop" of its classes.
  std::string wanted = lower(name);
  std::erase(wanted, '_');
  for (const Known& known : kKnown) {
    if (wanted == lower(known.class_name)) return known.kind;
  }
  return {};
}

std::string class_of_kind(std::string_view kind) {
  if (kind == "sgd") return "SGD";
  for (const Known& known : kKnown) {
    if (kind == known.kind) return known.class_name;
  }
  return {};
}

std::string kind_of_hyperparameters(const std::vector<Hyperparameter>& hyperparameters) {
  std::vector<std::string> names;
  for (const Hyperparameter& h : hyperparameters) names.push_back(h.name);
  if (has(names, "beta_1") && has(names, "beta_2") && has(names, "amsgrad")) return "adam";
  if (has(names, "nesterov") && has(names, "momentum")) return "sgd";
  if (has(names, "rho") && has(names, "centered")) return "rmsprop";
  if (has(names, "learning_rate_power")) return "ftrl";
  if (has(names, "initial_accumulator_value")) return "adagrad";
  return {};
}

std::string kind_of_slot_lists(const std::vector<std::string>& lists) {
  const auto list = [&](const char* name) {
    return has(lists, std::string("_") + name) || has(lists, name);
  };
  if (list("accumulated_grads") && list("accumulated_delta_vars")) return "adadelta";
  if (list("accumulators") && list("linears")) return "ftrl";
  if (list("accumulators")) return "adagrad";
  if (list("m") && list("u")) return "adamax";
  if (list("r") && list("c")) return "adafactor";
  if (list("average_gradients")) return "rmsprop";
  if (list("u_product")) return "nadam";
  // AdamW and LAMB keep the same two: their class is told by configs only.
  if (list("momentums") && list("velocities")) return "adam";
  if (list("velocities")) return "rmsprop";
  // Lion's list has the underscore, SGD's has none.
  if (has(lists, "momentums")) return "sgd";
  if (has(lists, "_momentums")) return "lion";
  return {};
}

std::string number_text(double value) {
  char text[64];
  if (!std::isfinite(value)) return "null";
  const float narrow = static_cast<float>(value);
  const auto result = static_cast<double>(narrow) == value
                          ? std::to_chars(text, text + sizeof text, narrow)
                          : std::to_chars(text, text + sizeof text, value);
  return std::string(text, result.ptr);
}

}  // namespace pumice
