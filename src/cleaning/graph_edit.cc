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
    size_t node = 0;
    const auto in_library = [&](const ProtoField& field, std::string* to) {
      return edit_library(field, to);
    };
    return rewritten(graph_def, [&](const ProtoField& field, std::string* to) -> Result<bool> {
      if (field.number == 2) return rewrite_field(field, to, in_library);
      if (field.number != 1) return false;
      PUMICE_CHECK(write_node(main_, main_.nodes()[node++], 1, to));
      return true;
    });
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
      PUMICE_TRY(bytes, rewritten(bytes, [&](const ProtoField& attr, std::string* t) {
                   return edit_object_graph(attr, t);
                 }));
    }
    put_bytes(to, number, bytes);
    return {};
  }

  /// An attribute of a constant, which may be the text of the checkpoint's object graph.
  Result<bool> edit_object_graph(const ProtoField& attr, std::string* to) const {
    const std::string_view text = attr.number == 5 ? string_of_attr(attr.bytes) : "";
    if (text.empty()) return false;
    PUMICE_TRY(const auto edited, r_.edit_object_graph(text));
    if (edited) put_string_attr(to, *edited);
    return edited.has_value();
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
    PUMICE_TRY(const std::string function, edit_function(field.bytes, lost->second));
    put_bytes(to, 1, function);
    return true;
  }

  /// A FunctionDef without some of its arguments, and without what hangs on them.
  Result<std::string> edit_function(std::string_view bytes, const Numbers& lost) const {
    GraphBody body(true);
    PUMICE_CHECK(read_function(bytes, &body));
    body.index();
    PUMICE_CHECK(remove_arguments(text_field(bytes, 1), lost, &body));
    PUMICE_CHECK(body.finish());
    const std::set<std::string_view> lost_controls = removed_controls(bytes, body);
    size_t node = 0;
    size_t argument = 0;
    const auto edit_signature = [&](const ProtoField& f, std::string*) -> Result<bool> {
      if (f.number == 2) return lost.count(argument++) > 0;
      return f.number == 20 && lost_controls.count(f.bytes) > 0;
    };
    return rewritten(bytes, [&](const ProtoField& f, std::string* to) -> Result<bool> {
      switch (f.number) {
        case 1: return rewrite_field(f, to, edit_signature);
        case 3: PUMICE_CHECK(write_node(body, body.nodes()[node++], 3, to)); return true;
        case 4: put_result(f, body, to); return true;
        case 5: return edit_function_attr(f.bytes, lost, to);
        case 6: return lost_controls.count(text_field(f.bytes, 1)) > 0;
        case 7:
        case 8: return renumber_key(f, lost, to);
        default: return false;
      }
    });
  }

  /// The function's nodes, and as roots the nodes of its results.
  static Status read_function(std::string_view bytes, GraphBody* body) {
    ProtoField field;
    while (next_field(&bytes, &field)) {
      if (field.number == 3) PUMICE_CHECK(body->add(field.bytes));
      if (field.number == 4) {  // ret: name → value
        const std::string_view value = text_field(field.bytes, 2);
        body->add_root(value.substr(0, value.find(':')));
      }
    }
    return message_fault(bytes);
  }

  static Status remove_arguments(std::string_view signature, const Numbers& lost, GraphBody* body) {
    std::vector<std::string_view> arguments;
    ProtoField field;
    while (next_field(&signature, &field))
      if (field.number == 2) arguments.push_back(text_field(field.bytes, 1));
    for (const size_t argument : lost) {
      if (argument >= arguments.size())
        return Error(ErrorCode::kMalformed,
                     "a call has more operands than its function has arguments");
      PUMICE_CHECK(body->remove(arguments[argument]));
    }
    return {};
  }

  /// Control outputs whose nodes go.
  static std::set<std::string_view> removed_controls(std::string_view bytes,
                                                     const GraphBody& body) {
    std::set<std::string_view> removed;
    ProtoField field;
    while (next_field(&bytes, &field))
      if (field.number == 6 && body.is_removed(text_field(field.bytes, 2)))
        removed.insert(text_field(field.bytes, 1));
    return removed;
  }

  /// An entry of the map of results: name → value, which may have another number now.
  static void put_result(const ProtoField& field, const GraphBody& body, std::string* to) {
    std::string entry;
    put_bytes(&entry, 1, text_field(field.bytes, 1));
    put_bytes(&entry, 2, body.reference(text_field(field.bytes, 2)));
    put_bytes(to, field.number, entry);
  }

  /// A map entry whose key is an argument's number.
  static Result<bool> renumber_key(const ProtoField& field, const Numbers& lost, std::string* to) {
    uint64_t key = 0;  // where there is none, it is 0
    const auto take_key = [&](const ProtoField& f, std::string*) -> Result<bool> {
      if (f.number == 1) key = f.integer;
      return f.number == 1;
    };
    PUMICE_TRY(std::string entry, rewritten(field.bytes, take_key));
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
