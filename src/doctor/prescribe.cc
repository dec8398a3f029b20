// The commands that cure what was found, and what to expect after them.
#include <algorithm>
#include <set>

#include "doctor/diagnose.h"
#include "formats/file.h"

namespace pumice {
namespace {

bool has(const Diagnosis& diagnosis, FindingKind kind) {
  return std::any_of(diagnosis.findings.begin(), diagnosis.findings.end(),
                     [&](const Finding& f) { return f.kind == kind; });
}

/// As a POSIX shell needs it: as it is where nothing in it is special, else in single quotes.
std::string quoted(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string text = "'";
  for (char c : word) {
    if (c == '\'')
      text += "'\\''";
    else
      text += c;
  }
  return text + "'";
}

std::string minor_text(const PythonVersion& version) {
  return std::to_string(version.major()) + "." + std::to_string(version.minor());
}

class Prescription {
 public:
  Prescription(const Environment& environment, const Installed& installed,
               const Surroundings& around, Diagnosis& diagnosis)
      : environment_(environment), installed_(installed), around_(around), out_(diagnosis) {
    pip_ = (environment.python.empty() ? std::string("python") : quoted(environment.python)) +
           " -m pip ";
  }

  void run() {
    if (out_.problems() == 0) return;
    const bool tensorflows = tensorflow();
    const bool keras_replaced = keras();
    if (!keras_replaced) second_copy();
    tf_keras();
    outlook(tensorflows);
  }

 private:
  void pip(const std::string& arguments) { out_.commands.push_back(pip_ + arguments); }

  bool among(const Finding& finding, bool (*kind)(const std::string&)) const {
    return std::any_of(finding.distributions.begin(), finding.distributions.end(),
                       [&](const Distribution* d) { return kind(d->normalized); });
  }

  bool faulty(FindingKind kind, bool (*name)(const std::string&)) const {
    return std::any_of(out_.findings.begin(), out_.findings.end(),
                       [&](const Finding& f) { return f.kind == kind && among(f, name); });
  }

  /// The installed distributions of a family, in the roots of this environment.
  std::vector<const Distribution*> installed(PackageIndex package,
                                             bool (*name)(const std::string&)) const {
    std::vector<const Distribution*> found;
    for (const Distribution& d : installed_.distributions) {
      const PackageRoot::Kind kind = environment_.roots[d.root].kind;
      if (kind != PackageRoot::Kind::kSite && kind != PackageRoot::Kind::kUser) continue;
      if (name(d.normalized) || !d.files[package].empty()) found.push_back(&d);
    }
    return found;
  }

  /// By whom installed them: pip can take away what conda installed, but conda would not know.
  void uninstall(const std::vector<const Distribution*>& distributions,
                 bool (*name)(const std::string&)) {
    std::set<std::string> by_pip, by_conda;
    for (const Distribution* d : distributions) {
      if (d->by_conda) {
        for (const CondaPackage& package : installed_.conda)
          if (package.normalized == d->normalized ||
              (name(package.normalized) && name(d->normalized)))
            by_conda.insert(package.name);
      }
      if (!d->by_conda || by_conda.empty()) by_pip.insert(d->name);
    }
    // --force: without what depends on them, which is to stay.
    const std::string prefix = quoted(environment_.prefix);
    if (!by_conda.empty())
      out_.commands.push_back("conda remove -y --force -p " + prefix + list_of(by_conda));
    if (!by_pip.empty()) pip("uninstall -y" + list_of(by_pip));
  }

  static std::string list_of(const std::set<std::string>& names) {
    std::string list;
    for (const std::string& name : names) list += " " + quoted(name);
    return list;
  }

  bool damaged(bool (*name)(const std::string&)) const {
    return faulty(FindingKind::kSharedFiles, name) || faulty(FindingKind::kDuplicate, name) ||
           faulty(FindingKind::kChangedFiles, name);
  }

  bool tensorflow() {
    if (out_.tensorflow == nullptr || !damaged(is_tensorflow)) return false;
    // pip takes away the files of all of them, so the one that stays has to be installed anew.
    uninstall(installed(kTensorFlow, is_tensorflow), is_tensorflow);
    pip("install " + quoted(out_.tensorflow->name + "==" + out_.tensorflow->version));
    return true;
  }

  bool keras() {
    const bool versions = has(out_, FindingKind::kKerasVersion);
    const bool mixed = damaged(is_keras) || has(out_, FindingKind::kTwoLayouts);
    if (!versions && !mixed) return false;
    second_copy();
    const std::vector<const Distribution*> found = installed(kKeras, is_keras);
    if (mixed || found.size() > 1) uninstall(found, is_keras);
    remove_unowned();
    Requirement wanted;
    if (out_.tensorflow != nullptr) wanted = keras_requirement(*out_.tensorflow);
    if (!wanted.name.empty()) {
      pip("install " + quoted(wanted.name + wanted.specifiers));
    } else if (out_.tensorflow == nullptr) {
      pip("install keras");
    }
    return true;
  }

  /// A layout file that no RECORD lists survives every pip uninstall.
  void remove_unowned() {
    const size_t root = root_of(environment_, kKeras);
    for (const Finding& finding : out_.findings) {
      if (finding.kind != FindingKind::kTwoLayouts) continue;
      for (const std::string& file : finding.files) {
        bool owned = false;
        for (const Distribution& d : installed_.distributions) {
          owned = owned || (d.root == root &&
                            std::any_of(d.files[kKeras].begin(), d.files[kKeras].end(),
                                        [&](const OwnedFile& f) { return f.path == file; }));
        }
        if (owned) continue;
        out_.commands.push_back("rm -r " +
                                quoted(join_path(environment_.roots[root].path, "keras")));
        return;
      }
    }
  }

  void second_copy() {
    if (!has(out_, FindingKind::kSecondCopy)) return;
    const PackageRoot& root = environment_.roots[root_of(environment_, kKeras)];
    if (root.kind == PackageRoot::Kind::kUser) {
      // pip takes the first one on the path, which is the user's.
      for (const Distribution& d : installed_.distributions)
        if (environment_.roots[d.root].path == root.path && d.owns(kKeras))
          return pip("uninstall -y " + quoted(d.name));
      out_.commands.push_back("rm -r " + quoted(join_path(root.path, "keras")));
      return;
    }
    std::string rest, path = around_.variable("PYTHONPATH");
    for (size_t start = 0; start <= path.size();) {
      const size_t end = std::min(path.find(':', start), path.size());
      const std::string entry = path.substr(start, end - start);
      if (entry != root.path && !entry.empty()) rest += (rest.empty() ? "" : ":") + entry;
      start = end + 1;
    }
    out_.commands.push_back(rest.empty() ? "unset PYTHONPATH"
                                         : "export PYTHONPATH=" + quoted(rest));
  }

  void tf_keras() {
    const bool damage = damaged(is_tf_keras);
    if (out_.tensorflow == nullptr || (!has(out_, FindingKind::kTfKerasVersion) && !damage)) return;
    const PythonVersion& version = out_.tensorflow->parsed;
    const std::vector<const Distribution*> found = installed(kTfKeras, is_tf_keras);
    // tf_keras begins with 2.15; older TensorFlows have its code in keras.
    const bool exists = version.at_least(2, 15);
    if (damage || !exists || found.size() > 1) uninstall(found, is_tf_keras);
    if (exists) pip("install " + quoted("tf_keras==" + minor_text(version) + ".*"));
  }

  void outlook(bool tensorflows) {
    if (out_.raises) {
      out_.expect.push_back(
          "One Keras is left, 'experimentalOptimizer' is registered once, and the AssertionError "
          "is "
          "gone; it never concerned a model.");
    }
    out_.expect.push_back(tensorflows
                              ? "pip downloads TensorFlow again (some hundred megabytes)."
                              : "Saved models and scripts stay as they are; restart any running "
                                "Python or notebook kernel.");
    out_.expect.push_back("Running pumice doctor again then reports a healthy environment.");
  }

  const Environment& environment_;
  const Installed& installed_;
  const Surroundings& around_;
  Diagnosis& out_;
  std::string pip_;
};

}  // namespace

void prescribe(const Environment& environment, const Installed& installed,
               const Surroundings& surroundings, Diagnosis& diagnosis) {
  Prescription(environment, installed, surroundings, diagnosis).run();
}

}  // namespace pumice
