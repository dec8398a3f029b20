// Which slot of an optimizer belongs to which variable, and optimizers with other slots.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cleaning/object_plan.h"

namespace pumice {

/// The slots of one optimizer object. Keras's later optimizers keep lists (`_momentums`), whose
/// elements go by the order in which the variables were given; the older ones pair slots with
/// variables.
struct SlotTable {
  int64_t optimizer = -1;
  std::vector<int64_t> variables;  // objects, in the lists' order
  struct List {
    std::string name;
    int64_t object;              // the list
    std::vector<int64_t> slots;  // by variable
  };
  std::vector<List> lists;
  int64_t all = -1;               // `_variables`: counters, then all slots
  std::vector<int64_t> counters;  // what stands there before them
  bool interleaved = true;        // there: all slots of a variable together, or list after list
  int64_t trained = -1;           // `_trainable_variables` (Keras 3)
};

/// kUnsupported where the files do not tell whose slots they are.
Result<SlotTable> read_slot_table(const Objects& objects, const Registration& registration);

/// Edits that give the optimizer of `table` slots for `order` (variables, in the order in which
/// Keras will build it): its own, and for variables it does not cover those of `others`. A variable
/// that no one covers leaves a gap: Keras then begins it anew.
Status relist_slots(const SlotTable& table, const std::vector<SlotTable>& others,
                    const std::vector<int64_t>& order, const Objects& objects, EdgeEdits* edits);

}  // namespace pumice
