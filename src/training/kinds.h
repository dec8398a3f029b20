// What is known of the optimizers that Keras and TensorFlow 1 ship.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "training/registration.h"

namespace pumice {

/// The kind of a built-in class or of an optimizer's name ("Adam", "adam_3", "AdamOptimizer" →
/// "adam"); empty when it is none.
std::string kind_of_name(std::string_view name);
/// The class that a kind's own optimizer has in Keras ("Adam"); empty for unknown kinds.
std::string class_of_kind(std::string_view kind);
/// The algorithm that takes these hyperparameters; empty when they do not tell.
std::string kind_of_hyperparameters(const std::vector<Hyperparameter>& hyperparameters);
/// The algorithm that keeps these slot lists ("_momentums", "_velocities"); empty when they do not
/// tell.
std::string kind_of_slot_lists(const std::vector<std::string>& lists);

/// A number as the shortest JSON text; one that came from a float32 as that float's shortest text
/// (0.0020000000949949026 → 0.002), so that what a config and a checkpoint say is equal.
std::string number_text(double value);

}  // namespace pumice
