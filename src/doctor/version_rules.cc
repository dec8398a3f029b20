#include "doctor/rules.h"

namespace pumice {

void Rules::choose_tensorflow() {
  if (root_[kTensorFlow] == environment_.roots.size()) return;
  // `tensorflow` may be an empty shell around tensorflow-intel or -macos: the one with files
  // counts.
  for (const Distribution* d : owners(kTensorFlow, is_tensorflow)) {
    if (!is_tensorflow(d->normalized)) continue;
    const Distribution* best = out_.tensorflow;
    const bool better = best == nullptr ||
                        (best->files[kTensorFlow].empty() && !d->files[kTensorFlow].empty()) ||
                        (!d->files[kTensorFlow].empty() && (d->parsed.compare(best->parsed) > 0));
    if (better) out_.tensorflow = d;
  }
  out_.assertion_file =
      path_in(root_[kTensorFlow], "tensorflow/python/saved_model/revived_types.py");
  const Bytes text = source_of(out_.assertion_file);
  if (text.size() == 0) out_.assertion_file.clear();
  out_.assertion = contains(text, "Duplicate registrations");
}

void Rules::keras_version() {
  if (out_.tensorflow == nullptr) return;
  const Distribution& tf = *out_.tensorflow;
  const Requirement wanted = keras_requirement(tf);
  if (wanted.name.empty()) return;
  const std::string wants =
      "TensorFlow " + tf.version + " needs " + wanted.name + wanted.specifiers;
  const auto found = owners(kKeras, is_keras);
  if (found.empty()) {
    if (root_[kKeras] != environment_.roots.size()) return;  // a copy that no one declares
    Finding& finding = add(FindingKind::kKerasVersion, "Keras is not installed; " + wants + ".");
    finding.distributions = {&tf};
    return;
  }
  for (const Distribution* d : found) {
    if (!is_keras(d->normalized) || d->parsed.release.empty()) continue;
    const bool fits = tf.parsed.at_least(2, 16)
                          ? d->parsed.major() >= 3 &&
                                (d->parsed.development || satisfies(d->parsed, wanted.specifiers))
                          : d->parsed.same_minor(tf.parsed);
    if (fits) continue;
    Finding& finding =
        add(FindingKind::kKerasVersion,
            label(*d) + " does not fit " + label(tf) + ": " + wants +
                (tf.parsed.at_least(2, 16) ? "." : " (before 2.16, the same minor version)."));
    finding.distributions = {d, &tf};
  }
}

void Rules::tf_keras_version() {
  if (out_.tensorflow == nullptr) return;
  for (const Distribution* d : owners(kTfKeras, is_tf_keras)) {
    if (!is_tf_keras(d->normalized) || d->parsed.same_minor(out_.tensorflow->parsed)) continue;
    if (d->parsed.release.empty() || out_.tensorflow->parsed.release.empty()) continue;
    Finding& finding =
        add(FindingKind::kTfKerasVersion, label(*d) + " does not fit " + label(*out_.tensorflow) +
                                              ": tf_keras must have TensorFlow's minor version.");
    finding.distributions = {d, out_.tensorflow};
  }
}

void Rules::conda_records() {
  for (const CondaPackage& package : installed_.conda) {
    for (const Distribution& d : installed_.distributions) {
      if (d.normalized != package.normalized || d.by_conda ||
          environment_.roots[d.root].kind != PackageRoot::Kind::kSite ||
          d.parsed.compare(parse_version(package.version)) == 0)
        continue;
      Finding& finding =
          add(FindingKind::kCondaRecord,
              "conda's record says " + package.name + " " + package.version + ", but pip has put " +
                  label(d) +
                  " in its place. Python is content; a later `conda update` or `conda install` may "
                  "lay its files over pip's.");
      finding.problem = false;
      finding.distributions = {&d};
      finding.files = {package.file};
      finding.file_count = 1;
    }
  }
}

Requirement keras_requirement(const Distribution& tensorflow) {
  const PythonVersion& version = tensorflow.parsed;
  for (const Requirement& requirement : tensorflow.requirements)
    if (is_keras(requirement.name)) return requirement;
  Requirement rule;
  if (!version.at_least(2, 6)) return rule;
  rule.name = "keras";
  rule.specifiers =
      version.at_least(2, 16) ? ">=3" : "==2." + std::to_string(version.minor()) + ".*";
  return rule;
}

}  // namespace pumice
