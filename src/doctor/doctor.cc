// The report on a Python environment: one JSON document, and the text drawn from the same facts.
#include "pumice/doctor.h"

#include "doctor/diagnose.h"
#include "doctor/distributions.h"
#include "doctor/environment.h"
#include "report/json.h"

namespace pumice {
namespace {

const char* root_name(PackageRoot::Kind kind) {
  switch (kind) {
    case PackageRoot::Kind::kPythonPath: return "PYTHONPATH";
    case PackageRoot::Kind::kUser: return "user";
    case PackageRoot::Kind::kSite: return "site";
    case PackageRoot::Kind::kSystem: return "system";
  }
  return "site";
}

/// One word for the whole: what a script would ask first.
const char* verdict(const Diagnosis& diagnosis) {
  if (diagnosis.raises) return "raises";
  return diagnosis.problems() > 0 ? "broken" : "healthy";
}

Json to_json(const Environment& environment, const Installed& installed, const Diagnosis& diagnosis,
             const std::vector<std::string>& warnings) {
  Json roots = Json::array(), distributions = Json::array(), findings = Json::array();
  for (const PackageRoot& root : environment.roots)
    roots.push_back({{"path", root.path}, {"kind", root_name(root.kind)}});
  for (const Distribution& d : installed.distributions)
    distributions.push_back(
        {{"name", d.name}, {"version", d.version}, {"path", d.folder}, {"by_conda", d.by_conda}});
  for (const Finding& finding : diagnosis.findings) {
    Json names = Json::array();
    for (const Distribution* d : finding.distributions) names.push_back(d->name + " " + d->version);
    findings.push_back({{"kind", finding_name(finding.kind)},
                        {"severity", finding.problem ? "problem" : "note"},
                        {"explanation", finding.explanation},
                        {"distributions", names},
                        {"file_count", finding.file_count},
                        {"files", finding.files}});
  }
  auto or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  return {{"prefix", environment.prefix},
          {"found_by", environment.found_by},
          {"python", or_null(environment.python)},
          {"python_version", or_null(environment.python_version)},
          {"roots", roots},
          {"packages", installed.count},
          {"distributions", distributions},
          {"tensorflow",
           diagnosis.tensorflow == nullptr ? Json() : Json(diagnosis.tensorflow->version)},
          {"assertion",
           {{"file", or_null(diagnosis.assertion_file)}, {"present", diagnosis.assertion}}},
          {"registering_files", diagnosis.registering_files},
          {"verdict", verdict(diagnosis)},
          {"findings", findings},
          {"commands", diagnosis.commands},
          {"expect", diagnosis.expect},
          {"warnings", warnings}};
}

/// What holds of the error in the title, in a sentence.
std::string title_sentence(const Diagnosis& diagnosis) {
  const std::string error = "\"Duplicate registrations for type 'experimentalOptimizer'\"";
  if (diagnosis.raises) return "This environment raises " + error + ": Python imports Keras twice.";
  if (diagnosis.assertion_file.empty())
    return "No TensorFlow is installed here that could raise " + error + ".";
  const std::string version =
      "TensorFlow" + (diagnosis.tensorflow ? " " + diagnosis.tensorflow->version : "");
  if (!diagnosis.assertion)
    return version + " cannot raise " + error + ": it lets the second registration win, silently.";
  if (diagnosis.problems() == 0)
    return version + " could raise " + error + ", but Keras is here once.";
  return version + " could raise " + error + "; what was found does not lead to it by itself.";
}

std::string to_text(const Environment& environment, const Installed& installed,
                    const Diagnosis& diagnosis, const std::vector<std::string>& warnings) {
  std::string text = "Python environment " + environment.prefix + " (by " + environment.found_by +
                     (environment.python_version.empty() ? "" : ", Python ") +
                     environment.python_version + ", " + std::to_string(installed.count) +
                     " packages)\n";
  for (const Distribution& d : installed.distributions)
    text += "  " + d.name + " " + d.version + "\n";
  text += "\n" + title_sentence(diagnosis) + "\n";
  size_t number = 0;
  for (const Finding& finding : diagnosis.findings) {
    if (!finding.problem) continue;
    if (number == 0) text += "\nWhat is wrong:\n";
    text += "  " + std::to_string(++number) + ". " + finding.explanation + "\n";
    for (const std::string& file : finding.files) text += "       " + file + "\n";
    if (finding.file_count > finding.files.size())
      text += "       and " + std::to_string(finding.file_count - finding.files.size()) + " more\n";
  }
  if (number == 0) text += "Nothing is wrong with this environment.\n";
  for (const Finding& finding : diagnosis.findings)
    if (!finding.problem) text += "\nNote: " + finding.explanation + "\n";
  if (!diagnosis.commands.empty()) {
    text += "\nTo put it right:\n";
    for (const std::string& command : diagnosis.commands) text += "  " + command + "\n";
    text += "\nAfter that:\n";
    for (const std::string& sentence : diagnosis.expect) text += "  " + sentence + "\n";
  }
  for (const std::string& warning : warnings) text += "\nwarning: " + warning + "\n";
  return text;
}

}  // namespace

Result<DoctorReport> examine_environment(const DoctorOptions& options) {
  const Surroundings surroundings = Surroundings::of_process();
  PUMICE_TRY(const Environment environment, find_environment(options.python_env, surroundings));
  const Installed installed = read_installed(environment);
  if (installed.roots == 0) {  // nothing known must not pass for nothing wrong
    return Error(ErrorCode::kUnreadable, "none of its package folders can be read")
        .in(environment.prefix)
        .found(installed.warnings.empty() ? "no folder" : installed.warnings.front());
  }
  const Diagnosis diagnosis = diagnose(environment, installed, surroundings);
  std::vector<std::string> warnings = environment.warnings;
  warnings.insert(warnings.end(), installed.warnings.begin(), installed.warnings.end());
  DoctorReport report;
  report.problems = diagnosis.problems();
  report.text = to_text(environment, installed, diagnosis, warnings);
  report.json = dump(to_json(environment, installed, diagnosis, warnings));
  return report;
}

}  // namespace pumice
