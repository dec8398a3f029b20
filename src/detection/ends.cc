#include "detection/ends.h"

#include <nlohmann/json.hpp>

#include "detection/normalization.h"
#include "detection/post_process.h"
#include "detection/pre_process.h"

namespace pumice {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

Result<ChangedEnds> change_ends(Model& model, const DetectorEnds& options, bool ordered) {
  ChangedEnds changed;
  PUMICE_TRY(auto records, apply_post_process(model, options, ordered));
  auto list = Json::array();
  for (DetectorRecord& record : records) {
    for (Warning& warning : record.warnings) changed.warnings.push_back(std::move(warning));
    changed.lines.push_back(std::move(record.text));
    list.push_back(std::move(record.json));
  }
  if (options.pre_process == PreProcess::kStrip) {
    PUMICE_TRY(auto stripped, strip_pre_processing(model));
    for (size_t i = 0; i < stripped.size(); ++i) {
      const StrippedInput& s = stripped[i];
      if (list.size() <= i)
        list.push_back({{"signature", s.signature}, {"postprocess", "builtin"}});
      list[i]["preprocess"] = {{"mode", "strip"},
                               {"input", s.input},
                               {"height", s.height},
                               {"width", s.width},
                               {"resize", s.resize.empty() ? Json() : Json(s.resize)},
                               {"mean", s.normalization.mean},
                               {"std", s.normalization.std}};
      changed.lines.push_back("pre-processing moved out: '" + s.input + "' takes " +
                              std::to_string(s.width) + " x " + std::to_string(s.height) + ", " +
                              to_string(s.normalization));
    }
    if (!stripped.empty()) changed.normalization = stripped[0].normalization;
  }
  if (!list.empty()) changed.json = list.dump();
  return changed;
}

}  // namespace pumice
