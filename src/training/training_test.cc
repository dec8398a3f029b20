#include <ctime>

#include <gtest/gtest.h>

#include "training/kinds.h"
#include "training/registration.h"

namespace pumice {
namespace {

/// `optimizers` compiled sub-models with `variables` variables each, as tf_keras writes them.
Source compiled_parts(int optimizers, int variables) {
  Source source;
  source.format = "saved_model";
  auto& objects = source.facts.objects;
  const auto add = [&](const char* kind, const char* identifier, std::string name = {}) {
    ObjectNode object;
    object.kind = kind;
    object.identifier = identifier;
    object.name = std::move(name);
    objects.push_back(std::move(object));
    return static_cast<int64_t>(objects.size()) - 1;
  };
  add("user_object", "_tf_keras_network");
  for (int part = 0; part < optimizers; ++part) {
    const int64_t layer = add("user_object", "_tf_keras_network");
    const int64_t optimizer = add("user_object", "experimentalOptimizer");
    const int64_t slots = add("user_object", "trackable_list_wrapper");
    objects[0].children.emplace_back("layer_with_weights-" + std::to_string(part), layer);
    objects[layer].children.emplace_back("optimizer", optimizer);
    objects[optimizer].children.emplace_back("momentums", slots);
    for (int i = 0; i < variables; ++i) {
      const std::string name = "p" + std::to_string(part) + "/v" + std::to_string(i);
      const int64_t weight = add("variable", "", name), slot = add("variable", "", "SGD/m/" + name);
      objects[layer].children.emplace_back(std::to_string(i), weight);
      objects[slots].children.emplace_back(std::to_string(i), slot);
    }
  }
  return source;
}

double seconds_for(int optimizers, int variables) {
  const Source source = compiled_parts(optimizers, variables);
  const std::clock_t start = std::clock();  // of this process: the machine may be busy
  auto findings = find_optimizers(source, OptimizerPolicy::kStrip);
  const double took = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  EXPECT_TRUE(findings.ok());
  EXPECT_EQ(findings->registrations.size(), static_cast<size_t>(optimizers));
  EXPECT_EQ(findings->registrations.back().variables.size(), static_cast<size_t>(variables));
  return took;
}

TEST(Training, HundredThousandObjectsTakeLessThanASecond) {
  EXPECT_LT(seconds_for(100, 500), 1.0);
  EXPECT_LT(seconds_for(1, 50000), 1.0);
  EXPECT_LT(seconds_for(20000, 1), 1.0);
}

Registration registration(const char* id, const char* kind, const char* rate) {
  Registration r;
  r.id = id;
  r.kind = kind;
  r.class_name = class_of_kind(kind);
  r.generation = "keras3";
  r.hyperparameters = {{"learning_rate", rate}};
  return r;
}

TEST(Training, UnifySaysWhatItChose) {
  auto resolution =
      reconcile({registration("r0", "adam", "0.1"), registration("r1", "adam", "0.2")}, {},
                OptimizerPolicy::kUnify);
  ASSERT_TRUE(resolution.ok());
  EXPECT_EQ(resolution->actions[1].detail, "becomes part of r0: learning_rate 0.1 instead of 0.2");
}

TEST(Training, UnifyRefusesTwoKindsAndNamesThem) {
  auto resolution = reconcile({registration("r0", "adam", "0.1"), registration("r1", "sgd", "0.1")},
                              {}, OptimizerPolicy::kUnify);
  ASSERT_FALSE(resolution.ok());
  EXPECT_EQ(resolution.error().code(), ErrorCode::kUnsupported);
  EXPECT_EQ(resolution.error().found(), "r0 (Adam) and r1 (SGD)");
}

TEST(Training, KeepLastPassesOverOrphans) {
  auto orphan = registration("r1", "adam", "0.1");
  orphan.orphan = true;
  auto resolution =
      reconcile({registration("r0", "adam", "0.1"), orphan}, {}, OptimizerPolicy::kKeepLast);
  ASSERT_TRUE(resolution.ok());
  EXPECT_EQ(resolution->actions[0].action, "keep");
  EXPECT_EQ(resolution->actions[1].action, "strip");
}

TEST(Training, NumbersAreShortest) {
  EXPECT_EQ(number_text(0.0020000000949949026), "0.002");
  EXPECT_EQ(number_text(0.999), "0.999");
  EXPECT_EQ(number_text(1e-7), "1e-07");
  EXPECT_EQ(number_text(0), "0");
}

TEST(Training, KindsOfNames) {
  for (const char* name : {"Adam", "adam_12", "AdamOptimizer"})
    EXPECT_EQ(kind_of_name(name), "adam") << name;
  for (const char* name : {"rmsprop", "RMSProp", "rm_sprop_1"})
    EXPECT_EQ(kind_of_name(name), "rmsprop") << name;
  for (const char* name : {"", "my_adam", "_1", "Optimizer", "total"})
    EXPECT_EQ(kind_of_name(name), "") << name;
}

}  // namespace
}  // namespace pumice
