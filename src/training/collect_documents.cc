// Optimizers in configs: compile_config at every depth (.keras), training_config
// (keras_metadata.pb, .h5). Whatever class they name, nothing of it is run.
#include <cstdlib>
#include <unordered_map>

#include <nlohmann/json.hpp>

#include "formats/json/reader.h"
#include "training/collect.h"
#include "training/kinds.h"

namespace pumice {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

/// Settings of the object or of the program that holds it, not of the algorithm.
bool is_setting(std::string_view name) {
  return name == "name" || name == "is_legacy_optimizer" || name == "jit_compile";
}

std::string value_text(const Json& value) {
  if (value.is_number_float()) return number_text(value.get<double>());
  if (value.is_object() || value.is_array()) {
    // A schedule: its numbers are made short, too.
    std::string text(1, value.is_object() ? '{' : '[');
    bool first = true;
    for (const auto& [key, item] : value.items()) {
      if (!first) text += ", ";
      first = false;
      if (value.is_object()) text += Json(key).dump() + ": ";
      text += value_text(item);
    }
    return text + (value.is_object() ? '}' : ']');
  }
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// {"module", "class_name", "config", "registered_name"}, or the older {"class_name", "config"}.
/// An optimizer around an optimizer (a loss scaler) gives the inner one.
OptimizerConfig read_config(const Json& object, std::string_view generation, int depth = 0) {
  OptimizerConfig c;
  const std::string full = text_of(object, "class_name");
  const auto config = object.find("config");
  const bool has_config = config != object.end() && config->is_object();
  if (has_config && depth < 4) {
    const auto inner = config->find("inner_optimizer");
    if (inner != config->end() && inner->is_object())
      return read_config(*inner, generation, depth + 1);
  }
  c.registered_name = text_of(object, "registered_name");
  c.class_name = full;
  if (const size_t package = full.rfind('>'); package != std::string::npos) {
    c.class_name = full.substr(package + 1);
    c.registered_name = full;
  }
  Json plain = object;
  if (const auto shared = plain.find("shared_object_id"); shared != plain.end()) {
    c.shared = shared->dump(-1, ' ', false, Json::error_handler_t::replace);
    plain.erase(shared);
  }
  c.definition = plain.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (has_config) {
    // Before 2.11 nothing says which generation it is; those optimizers alone had a decay.
    if (generation == "tf_keras" && config->contains("decay") &&
        !config->contains("is_legacy_optimizer"))
      c.legacy = true;
    for (const auto& [name, value] : config->items()) {
      if (name == "is_legacy_optimizer" && value.is_boolean()) c.legacy = value.get<bool>();
      if (!is_setting(name) && !value.is_null())
        c.hyperparameters.push_back({name, value_text(value)});
    }
  }
  const std::string built_in = kind_of_name(c.class_name);
  if (const auto module = object.find("module"); module != object.end()) {
    const std::string name = module->is_string() ? module->get<std::string>() : std::string();
    c.custom = name != "keras.optimizers" && name != "keras.optimizers.legacy" &&
               !name.starts_with("keras.src.optimizers");
    if (name.ends_with("legacy")) c.legacy = true;
  } else {
    // Stock tf_keras optimizers are written as "Custom>Adam": a user's class of that name looks
    // the same. Keras 3 writes its own without a package.
    c.custom = built_in.empty() ||
               (full != c.class_name && (generation == "keras3" || !full.starts_with("Custom>")));
  }
  c.kind = built_in;
  if (c.kind.empty()) c.kind = kind_of_hyperparameters(c.hyperparameters);
  if (c.kind.empty()) c.kind = "unknown";
  return c;
}

/// The optimizer inside a compile_config or training_config, and where; null when there is none.
const Json* optimizer_in(const Json& compiled, std::string* pointer) {
  if (!compiled.is_object()) return nullptr;
  for (const char* key : {"optimizer", "optimizer_config"}) {
    const auto it = compiled.find(key);
    if (it == compiled.end() || it->is_null()) continue;
    *pointer += std::string("/") + key;
    return &*it;
  }
  return nullptr;
}

std::string escaped(const std::string& key) {
  std::string out;
  for (const char c : key) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

/// "MyLayer2D" → "my_layer2d", as Keras names groups.
std::string snake_case(std::string_view name) {
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    const bool begins = i > 0 && upper(name[i]) &&
                        (lower(name[i - 1]) || (i + 1 < name.size() && lower(name[i + 1])));
    if (begins && out.back() != '_') out += '_';
    out += upper(name[i]) ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
  }
  return out;
}

class Documents {
 public:
  explicit Documents(Collector& collector) : c_(collector) {
    if (c_.source.producer.starts_with("keras 2.")) generation_ = "tf_keras";
  }

  void read(const SourceFacts::Document& document) {
    // Most documents are layers without an optimizer.
    if (document.json.find("\"optimizer") == std::string::npos) return;
    JsonReader check(document.json);
    check.skip();
    check.finish();
    if (!check.ok()) {
      c_.warnings.push_back(document.file + ": " + check.status().error().message() +
                            "; optimizers that it may define are not listed");
      c_.documents_read = false;
      return;
    }
    const Json json = Json::parse(document.json, nullptr, false);
    if (json.is_discarded()) {
      c_.warnings.push_back(
          document.file +
          ": holds text that is no UTF-8, or a number out of range; optimizers that it may "
          "define are not listed");
      c_.documents_read = false;
      return;
    }
    const size_t number = document.file.find(".pb#");
    document_ = &document;
    holder_ = number == std::string::npos ? -1 : std::atoll(document.file.c_str() + number + 4);
    if (document.pointer == "@training_config") return add(json, document.pointer, "", "");
    start_ = document.pointer.starts_with("@") ? document.pointer : "";
    walk(json, start_, "", "");
  }

 private:
  /// JsonReader has limited the depth. `owner`: the sub-model that the value belongs to; `group`:
  /// where Keras keeps its weights.
  void walk(const Json& value, const std::string& pointer, const std::string& owner,
            const std::string& group) {
    if (value.is_array()) {
      // Objects in a list are filed by their classes, those of one class numbered.
      std::unordered_map<std::string, int> used;
      for (size_t i = 0; i < value.size(); ++i) {
        std::string part = group;
        if (value[i].is_object()) {
          const std::string name = snake_case(text_of(value[i], "class_name"));
          const int number = used[name]++;
          part += "/" + name + (number ? "_" + std::to_string(number) : "");
        }
        walk(value[i], pointer + "/" + std::to_string(i), owner, part);
      }
      return;
    }
    if (!value.is_object()) return;
    std::string here = owner;
    // The root is the model itself; a model below it bears its name.
    if (pointer != start_ && value.contains("config") && value["config"].is_object() &&
        value.contains("class_name")) {
      if (const std::string name = text_of(value["config"], "name"); !name.empty())
        here += (here.empty() ? "" : ".") + name;
    }
    // The model's own before those of its parts.
    for (const char* key : {"compile_config", "training_config"})
      if (const auto it = value.find(key); it != value.end())
        add(*it, pointer + "/" + key, here, group);
    for (const auto& [key, item] : value.items()) {
      if (key == "compile_config" || key == "training_config" || key == "build_config") continue;
      if (!item.is_structured()) continue;
      const std::string part = key == "config" ? group : group.empty() ? key : group + "/" + key;
      walk(item, pointer + "/" + escaped(key), here, part);
    }
  }

  void add(const Json& compiled, std::string pointer, const std::string& owner,
           const std::string& group) {
    const Json* optimizer = optimizer_in(compiled, &pointer);
    if (!optimizer) return;
    OptimizerConfig config;
    if (optimizer->is_string()) {
      config.class_name = optimizer->get<std::string>();
      config.kind = kind_of_name(config.class_name);
      if (config.kind.empty()) config.kind = "unknown";
      config.definition = optimizer->dump(-1, ' ', false, Json::error_handler_t::replace);
    } else if (optimizer->is_object()) {
      config = read_config(*optimizer, holder_ >= 0 ? "tf_keras" : generation_);
    } else {
      c_.warnings.push_back(document_->file + ": " + pointer + " is no optimizer's config");
      return;
    }
    const Place place{document_->file, pointer};
    // The metadata of object N is of the optimizer that N holds.
    if (const auto known = c_.by_holder.find(holder_); known != c_.by_holder.end()) {
      Registration& r = c_.registrations[known->second];
      apply_config(config, r);
      r.found_in.push_back(place);
      return;
    }
    Registration r;
    r.kind.clear();
    apply_config(config, r);
    r.generation = config.legacy ? "tf_keras_legacy" : holder_ >= 0 ? "tf_keras" : generation_;
    r.owner = holder_ > 0
                  ? document_->pointer.substr(document_->pointer.starts_with("root.") ? 5 : 0)
                  : owner;
    r.state_read = false;
    r.found_in.push_back(place);
    if (holder_ < 0)
      c_.defined.push_back(
          {c_.registrations.size(), group, std::move(config.definition), std::move(config.shared)});
    c_.registrations.push_back(std::move(r));
  }

  Collector& c_;
  const SourceFacts::Document* document_ = nullptr;
  std::string start_;  // the pointer of the document's root: an attribute's name in `.h5`
  int64_t holder_ = -1;
  const char* generation_ = "keras3";
};

}  // namespace

void collect_documents(Collector& collector) {
  Documents documents(collector);
  for (const auto& document : collector.source.facts.documents) documents.read(document);
}

}  // namespace pumice
