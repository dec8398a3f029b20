#include "cleaning/graph_edit.h"

#include <iterator>
#include <map>
#include <set>
#include <vector>

#include "cleaning/attr_edit.h"
#include "cleaning/graph_body.h"
#include "formats/protobuf/edit.h"

namespace pumice {
namespace {

using Numbers = std::set<size_t>;

std::string_view text_field(std::string_view message, uint32_t number) {
  ProtoField field;
  while (next_field(&message, &field))
    if (field.number == number && field.is_bytes) return field.bytes;
  return {};
}

std::string_view name_of_function(std::string_view function) {
  return text_field(text_field(function, 1), 1);
}

class GraphRemover {
 public:
  explicit GraphRemover(const GraphRemoval& removal) : r_(removal) {}

  Result<std::string> run(std::string_view graph_def) {
    PUMICE_CHECK(read(graph_def));
    for (const std::string& root : r_.roots) main_.add_root(root);
    for (const std::string& call : r_.saver_calls) main_.add_saver_call(call);
    main_.index();
    for (const std::string& handle : r_.handles) PUMICE_CHECK(main_.remove(handle));
    PUMICE_CHECK(main_.finish());
    find_lost_arguments();
    std::string out;
    size_t node = 0;
    PUMICE_CHECK(rewrite_message(
        graph_def, &out, [&](const ProtoField& field, std::string* to) -> Result<bool> {
          if (field.number == 1) {
            PUMICE_CHECK(write_node(main_, main_.nodes()[node++], 1, to));
            return true;
          }
          if (field.number != 2) return false;
          std::string library;
          PUMICE_CHECK(rewrite_message(
              field.bytes, &library,
              [&](const ProtoField& f, std::string* t) { return edit_library(f, t); }));
          put_bytes(to, 2, library);
          return true;
        }));
    return out;
  }

 private:
  Status read(std::string_view graph_def) {
    ProtoField field;
    while (next_field(&graph_def, &field))
      if (field.number == 1) PUMICE_CHECK(main_.add(field.bytes));
    return message_fault(graph_def);
  }

  void find_lost_arguments() {
    std::map<std::string_view, size_t> calls;
    for (const BodyNode& node : main_.nodes())
      if (!node.called.empty()) ++calls[node.called];
    for (const BodyNode& node : main_.nodes()) {
      if (node.removed || node.op == "SaveV2" || node.dropped_inputs.empty()) continue;
      arguments_[std::string(node.called)] = node.dropped_inputs;
      if (calls[node.called] > 1) shared_ = node.called;
    }
  }

  /// Copies a node, without what was dropped.
  Status write_node(const GraphBody& body, const BodyNode& node, uint32_t number,
                    std::string* to) const {
    if (node.removed) return {};
    PUMICE_TRY(std::string bytes, body.rewritten(node));
    if (node.op == "Const" && r_.edit_object_graph) {
      std::string changed;
      PUMICE_CHECK(rewrite_message(
          bytes, &changed, [&](const ProtoField& f, std::string* t) -> Result<bool> {
            const std::string_view text = f.number == 5 ? string_of_attr(f.bytes) : "";
            if (text.empty()) return false;
            PUMICE_TRY(const auto edited, r_.edit_object_graph(text));
            if (edited) put_string_attr(t, *edited);
            return edited.has_value();
          }));
      bytes = std::move(changed);
    }
    put_bytes(to, number, bytes);
    return {};
  }

  Result<bool> edit_library(const ProtoField& field, std::string* to) const {
    if (field.number == 2) return r_.functions.count(std::string(text_field(field.bytes, 1))) > 0;
    if (field.number != 1) return false;
    const std::string name(name_of_function(field.bytes));
    if (r_.functions.count(name)) return true;
    const auto lost = arguments_.find(name);
    if (lost == arguments_.end()) return false;
    if (name == shared_)
      return Error(ErrorCode::kUnsupported, "the model's saver is called more than once").at(name);
    std::string function;
    PUMICE_CHECK(write_function(field.bytes, lost->second, &function));
    put_bytes(to, 1, function);
    return true;
  }

  Status write_function(std::string_view bytes, const Numbers& lost, std::string* out) const {
    GraphBody body(true);
    std::vector<std::string_view> arguments;
    ProtoField field, inner;
    std::string_view rest = bytes, signature = text_field(bytes, 1);
    while (next_field(&rest, &field)) {
      if (field.number == 3) PUMICE_CHECK(body.add(field.bytes));
      if (field.number == 4) {  // ret: name → value
        const std::string_view value = text_field(field.bytes, 2);
        body.add_root(value.substr(0, value.find(':')));
      }
    }
    PUMICE_CHECK(message_fault(rest));
    while (next_field(&signature, &inner))
      if (inner.number == 2) arguments.push_back(text_field(inner.bytes, 1));
    body.index();
    for (const size_t argument : lost) {
      if (argument >= arguments.size())
        return Error(ErrorCode::kMalformed,
                     "a call has more operands than its function has arguments");
      PUMICE_CHECK(body.remove(arguments[argument]));
    }
    PUMICE_CHECK(body.finish());
    std::set<std::string_view> lost_controls;  // control outputs whose nodes go
    for (rest = bytes; next_field(&rest, &field);)
      if (field.number == 6 && body.is_removed(text_field(field.bytes, 2)))
        lost_controls.insert(text_field(field.bytes, 1));
    size_t node = 0;
    return rewrite_message(bytes, out, [&](const ProtoField& f, std::string* to) -> Result<bool> {
      switch (f.number) {
        case 1: {
          std::string text;
          PUMICE_CHECK(write_signature(f.bytes, lost_controls, lost, &text));
          put_bytes(to, 1, text);
          return true;
        }
        case 3: PUMICE_CHECK(write_node(body, body.nodes()[node++], 3, to)); return true;
        case 5: return edit_function_attr(f.bytes, lost, to);
        case 4: {
          std::string entry;
          put_bytes(&entry, 1, text_field(f.bytes, 1));
          put_bytes(&entry, 2, body.reference(text_field(f.bytes, 2)));
          put_bytes(to, 4, entry);
          return true;
        }
        case 6: return lost_controls.count(text_field(f.bytes, 1)) > 0;
        case 7:
        case 8: return renumber_key(f, lost, to);
        default: return false;
      }
    });
  }

  /// OpDef: arguments and control outputs.
  static Status write_signature(std::string_view bytes,
                                const std::set<std::string_view>& lost_controls,
                                const Numbers& lost, std::string* out) {
    size_t argument = 0;
    return rewrite_message(bytes, out, [&](const ProtoField& f, std::string*) -> Result<bool> {
      if (f.number == 2) return lost.count(argument++) > 0;
      return f.number == 20 && lost_controls.count(f.bytes) > 0;
    });
  }

  /// A map entry whose key is an argument's number.
  static Result<bool> renumber_key(const ProtoField& field, const Numbers& lost, std::string* to) {
    uint64_t key = 0;  // where there is none, it is 0
    std::string entry;
    PUMICE_CHECK(rewrite_message(field.bytes, &entry,
                                 [&](const ProtoField& f, std::string*) -> Result<bool> {
                                   if (f.number == 1) key = f.integer;
                                   return f.number == 1;
                                 }));
    if (lost.count(key)) return true;
    put_integer(&entry, 1,
                static_cast<int64_t>(key) - std::distance(lost.begin(), lost.lower_bound(key)));
    put_bytes(to, field.number, entry);
    return true;
  }

  const GraphRemoval& r_;
  GraphBody main_{false};
  std::map<std::string, Numbers> arguments_;  // function → arguments that nothing is passed for
  std::string_view shared_;
};

}  // namespace

Result<std::string> remove_from_graph(std::string_view graph_def, const GraphRemoval& removal) {
  return GraphRemover(removal).run(graph_def);
}

}  // namespace pumice
