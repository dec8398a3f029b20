#include <algorithm>

#include "doctor/rules.h"
#include "formats/file.h"

namespace pumice {
namespace {

/// Where each generation of Keras registers 'experimentalOptimizer'.
struct Layout {
  const char *file, *versions;
};
constexpr Layout kLayouts[] = {
    {"keras/optimizers/optimizer_experimental/optimizer.py", "2.11 or older"},
    {"keras/optimizers/optimizer.py", "2.12"},
    {"keras/src/optimizers/optimizer.py", "2.13 or newer"}};

/// Whether a Python source registers the type of the title with TensorFlow.
bool registers_optimizer(const std::string& path) {
  const Bytes text = source_of(path);
  return contains(text, "register_revived_type") && contains(text, "experimentalOptimizer");
}

bool owns_file(const Distribution& d, std::string_view path) {
  return std::any_of(d.files[kKeras].begin(), d.files[kKeras].end(),
                     [&](const OwnedFile& file) { return file.path == path; });
}

}  // namespace

void Rules::two_layouts() {
  const size_t root = root_[kKeras];
  if (root == environment_.roots.size()) return;
  std::vector<std::string> found;
  std::string named;
  for (const Layout& layout : kLayouts) {
    const std::string path = path_in(root, layout.file);
    if (!is_file(path)) continue;
    found.emplace_back(layout.file);
    named += (named.empty() ? "" : " and ") + found.back() + " (" + layout.versions + ")";
    if (registers_optimizer(path)) out_.registering_files.push_back(path);
  }
  if (found.size() < 2) return;
  Finding& finding = add(FindingKind::kTwoLayouts,
                         "keras/ holds the files of more than one Keras: " + named +
                             ". Each registers 'experimentalOptimizer' when it is imported.");
  finding.files = found;
  finding.file_count = found.size();
  for (const Distribution* d : owners(kKeras, is_keras))
    for (const std::string& file : found)
      if (owns_file(*d, file)) {
        finding.distributions.push_back(d);
        break;
      }
}

void Rules::second_copy() {
  const size_t first = root_[kKeras];
  const auto& roots = environment_.roots;
  if (first == roots.size() || (roots[first].kind != PackageRoot::Kind::kPythonPath &&
                                roots[first].kind != PackageRoot::Kind::kUser))
    return;
  for (size_t later = first + 1; later < roots.size(); ++later) {
    const std::string other = path_in(later, "keras");
    if (!is_file(join_path(other, "__init__.py"))) continue;
    const bool user = roots[first].kind == PackageRoot::Kind::kUser;
    Finding& finding =
        add(FindingKind::kSecondCopy,
            "Python imports Keras from " + path_in(first, "keras") +
                (user ? " (packages installed with pip install --user)" : " (on PYTHONPATH)") +
                ", not the one installed at " + other +
                ". Code that reaches both imports Keras twice.");
    finding.files = {path_in(first, "keras/__init__.py"), join_path(other, "__init__.py")};
    finding.file_count = 2;
    for (const Distribution& d : installed_.distributions)
      if ((d.root == first || d.root == later) && d.owns(kKeras))
        finding.distributions.push_back(&d);
    for (const Layout& layout : kLayouts) {
      const std::string path = path_in(later, layout.file);
      if (registers_optimizer(path)) out_.registering_files.push_back(path);
    }
    return;
  }
}

}  // namespace pumice
