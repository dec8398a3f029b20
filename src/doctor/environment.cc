#include "doctor/environment.h"

#include <algorithm>
#include <cstdlib>
#include <limits.h>
#include <set>
#include <unistd.h>

#include "doctor/versions.h"
#include "formats/file.h"

namespace pumice {
namespace {

// Marker files are a few lines; nobody's is longer.
constexpr size_t kMarkerBytes = 64 << 10;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t at = text.find(separator);
    if (at != 0) parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) break;
    text.remove_prefix(at + 1);
  }
  return parts;
}

std::string marker_text(const std::string& path) {
  auto bytes = map_file(path);
  if (!bytes.ok()) return {};
  return std::string(as_text(bytes->view().first(std::min(bytes->size(), kMarkerBytes))));
}

/// With links resolved; the path as it came where that fails (a cycle, a missing part).
std::string real_path(const std::string& path) {
  char buffer[PATH_MAX];
  return realpath(path.c_str(), buffer) != nullptr ? buffer : path;
}

/// The value of "key = value" in a pyvenv.cfg.
std::string config_value(const std::string& text, std::string_view key) {
  for (const std::string& line : split(text, '\n')) {
    const size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    std::string name(trimmed(std::string_view(line).substr(0, equals)));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (name == key) return std::string(trimmed(std::string_view(line).substr(equals + 1)));
  }
  return {};
}

/// "3.11" of a folder's name "python3.11"; empty for others.
std::string version_of_folder(const std::string& name) {
  for (std::string_view stem : {"python", "pypy"}) {
    if (name.size() <= stem.size() || name.compare(0, stem.size(), stem) != 0) continue;
    const PythonVersion version = parse_version(std::string_view(name).substr(stem.size()));
    if (version.release.size() == 2)
      return std::to_string(version.release[0]) + "." + std::to_string(version.release[1]);
  }
  return {};
}

/// A fault that is met twice is said once.
void warn(Environment& environment, std::string text) {
  std::vector<std::string>& all = environment.warnings;
  if (std::find(all.begin(), all.end(), text) == all.end()) all.push_back(std::move(text));
}

class Search {
 public:
  explicit Search(Environment& environment) : environment_(environment) {}

  void add(PackageRoot::Kind kind, const std::string& path) {
    if (!is_folder(path) || !seen_.insert(real_path(path)).second) return;
    environment_.roots.push_back({kind, path});
  }

  /// lib/pythonX.Y/site-packages and its like below a prefix; of several Pythons, `version`'s or
  /// the newest one's.
  void add_prefix(PackageRoot::Kind kind, const std::string& prefix, std::string version) {
    for (const char* lib : {"lib", "lib64"}) {
      const std::string folder = join_path(prefix, lib);
      auto names = is_folder(folder) ? list_folder(folder) : std::vector<std::string>();
      if (!names.ok()) {
        warn(environment_, names.error().text());
        continue;
      }
      std::vector<std::string> versions;
      for (const std::string& name : *names) {
        const std::string found = version_of_folder(name);
        if (!found.empty() && has_packages(join_path(folder, name))) versions.push_back(name);
      }
      std::sort(versions.begin(), versions.end(), [](const std::string& a, const std::string& b) {
        return parse_version(version_of_folder(a)).compare(parse_version(version_of_folder(b))) > 0;
      });
      if (versions.size() > 1 && version.empty() && kind == PackageRoot::Kind::kSite) {
        warn(environment_,
             folder + ": holds packages of several Pythons; " + versions.front() + " is examined");
      }
      for (const std::string& name : versions) {
        const std::string found = version_of_folder(name);
        if (!version.empty() && found != version) continue;
        version = found;
        if (environment_.python_version.empty()) environment_.python_version = found;
        for (const char* packages : {"site-packages", "dist-packages"})
          add(kind, join_path(join_path(folder, name), packages));
        break;
      }
      add(kind, join_path(folder, "python3/dist-packages"));  // Debian's own packages
    }
    add(kind, join_path(prefix, "Lib/site-packages"));  // Windows
  }

 private:
  static bool has_packages(const std::string& folder) {
    return is_folder(join_path(folder, "site-packages")) ||
           is_folder(join_path(folder, "dist-packages"));
  }

  Environment& environment_;
  std::set<std::string> seen_;
};

/// "3.11" of "3.11.7".
std::string minor_of(const std::string& text) {
  const PythonVersion version = parse_version(text);
  if (version.release.size() < 2) return {};
  return std::to_string(version.release[0]) + "." + std::to_string(version.release[1]);
}

std::string executable_in(const std::string& prefix) {
  for (const char* name : {"bin/python", "bin/python3", "Scripts/python.exe", "python.exe"}) {
    std::string path = join_path(prefix, name);
    if (is_file(path)) return path;
  }
  return {};
}

/// Fills roots, version and executable of the environment at `prefix`.
void look_into(Environment& environment, const Surroundings& around, const std::string& version) {
  const std::string& prefix = environment.prefix;
  Search search(environment);
  for (const std::string& path : split(around.variable("PYTHONPATH"), ':'))
    search.add(PackageRoot::Kind::kPythonPath, path);
  const std::string config = marker_text(join_path(prefix, "pyvenv.cfg"));
  const bool venv = !config.empty();
  environment.python_version = version;
  if (venv) {
    environment.python_version = minor_of(config_value(config, "version"));
    if (environment.python_version.empty())  // virtualenv's and uv's spelling
      environment.python_version = minor_of(config_value(config, "version_info"));
  }
  const bool system_too = venv && config_value(config, "include-system-site-packages") == "true";
  // The version must be known before the user's packages; they stand before a plain Python's own.
  Environment trial;
  Search(trial).add_prefix(PackageRoot::Kind::kSite, prefix, environment.python_version);
  if (environment.python_version.empty()) {
    environment.python_version = trial.python_version;
    for (std::string& text : trial.warnings) warn(environment, std::move(text));
  }

  if (venv) search.add_prefix(PackageRoot::Kind::kSite, prefix, environment.python_version);
  if ((!venv || system_too) && around.variable("PYTHONNOUSERSITE").empty()) {
    std::string base = around.variable("PYTHONUSERBASE");
    if (base.empty() && !around.variable("HOME").empty())
      base = join_path(around.variable("HOME"), ".local");
    if (!base.empty() && !environment.python_version.empty()) {
      search.add(PackageRoot::Kind::kUser,
                 join_path(base, "lib/python" + environment.python_version + "/site-packages"));
    }
  }
  if (!venv) {
    // Debian's /usr/bin/python3 also reads /usr/local.
    if (prefix == "/usr")
      search.add_prefix(PackageRoot::Kind::kSite, "/usr/local", environment.python_version);
    search.add_prefix(PackageRoot::Kind::kSite, prefix, environment.python_version);
  } else if (system_too) {
    std::string home = config_value(config, "home");  // the base's bin folder
    if (!home.empty()) {
      if (name_of(home) == "bin") home = folder_of(home);
      if (home == "/usr")
        search.add_prefix(PackageRoot::Kind::kSystem, "/usr/local", environment.python_version);
      search.add_prefix(PackageRoot::Kind::kSystem, home, environment.python_version);
    }
  }
  environment.python = executable_in(prefix);
}

bool has_site(const Environment& environment) {
  return std::any_of(environment.roots.begin(), environment.roots.end(),
                     [](const PackageRoot& r) { return r.kind == PackageRoot::Kind::kSite; });
}

std::string pyenv_root(const Surroundings& around) {
  std::string root = around.variable("PYENV_ROOT");
  if (root.empty() && !around.variable("HOME").empty())
    root = join_path(around.variable("HOME"), ".pyenv");
  return root;
}

/// A pyenv version's folder; "3.11" stands for the newest 3.11.x that is installed.
std::string pyenv_prefix(const std::string& root, const std::string& version) {
  // A name, not a path: it must not lead out of the folder of versions.
  if (version.empty() || version.find("..") != std::string::npos || version[0] == '/') return {};
  const std::string versions = join_path(root, "versions");
  std::string exact = join_path(versions, version);
  if (is_folder(exact)) return exact;
  auto names = list_folder(versions);
  if (!names.ok()) return {};
  std::string best;
  for (const std::string& name : *names) {
    if (name.compare(0, version.size() + 1, version + ".") != 0) continue;
    if (best.empty() || parse_version(name).compare(parse_version(best)) > 0) best = name;
  }
  return best.empty() ? best : join_path(versions, best);
}

/// What an activated environment says of itself.
bool find_by_variable(Environment& environment, const Surroundings& around) {
  for (const char* name : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    const std::string prefix = around.variable(name);
    if (prefix.empty()) continue;
    if (is_folder(prefix)) {
      environment.prefix = prefix;
      environment.found_by = name;
      return true;
    }
    warn(environment,
         std::string(name) + " names " + prefix + ", which is no folder; it was passed over");
  }
  return false;
}

/// The prefix of the Python that a shell would start, by PATH and pyenv's files.
bool find_on_path(Environment& environment, const Surroundings& around) {
  const std::string root = pyenv_root(around);
  for (const std::string& folder : split(around.variable("PATH"), ':')) {
    if (!root.empty() && real_path(folder) == real_path(join_path(root, "shims"))) {
      const PyenvChoice choice = pyenv_choice(root, around);
      const std::string prefix = pyenv_prefix(root, choice.version);
      if (!prefix.empty()) {
        environment.prefix = prefix;
        environment.found_by = choice.made_by;
        return true;
      }
      if (!choice.version.empty() && choice.version != "system") {
        warn(environment, choice.made_by + " asks for Python " + choice.version +
                              ", which is not in " + join_path(root, "versions"));
      }
      continue;
    }
    for (const char* name : {"python", "python3"}) {
      const std::string python = join_path(folder, name);
      if (!is_file(python)) continue;
      // A virtual environment's python is a link to another: its pyvenv.cfg decides, not the link.
      const std::string unresolved = folder_of(folder);
      if (is_file(join_path(unresolved, "pyvenv.cfg"))) {
        environment.prefix = unresolved;
        environment.found_by = "pyvenv.cfg";
      } else {
        environment.prefix = folder_of(folder_of(real_path(python)));
        environment.found_by = "PATH";
      }
      return true;
    }
  }
  return false;
}

}  // namespace

Surroundings Surroundings::of_process() {
  Surroundings around;
  around.variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  char folder[PATH_MAX];
  if (getcwd(folder, sizeof folder) != nullptr) around.working_folder = folder;
  return around;
}

PyenvChoice pyenv_choice(const std::string& pyenv_root, const Surroundings& surroundings) {
  // Several versions may be chosen (":" or lines between them); `python` is the first one's.
  auto first = [](std::string_view text) {
    for (const std::string& line : split(text, '\n')) {
      std::string_view word = trimmed(line);
      if (word.empty() || word[0] == '#') continue;
      return std::string(word.substr(0, word.find_first_of(": \t")));
    }
    return std::string();
  };
  if (std::string version = first(surroundings.variable("PYENV_VERSION")); !version.empty())
    return {version, "PYENV_VERSION"};
  for (std::string folder = surroundings.working_folder; !folder.empty();) {
    const std::string file = join_path(folder, ".python-version");
    if (std::string version = first(marker_text(file)); !version.empty()) return {version, file};
    const std::string above = folder_of(folder);
    if (above == folder || folder == ".") break;
    folder = above;
  }
  const std::string file = join_path(pyenv_root, "version");
  if (std::string version = first(marker_text(file)); !version.empty()) return {version, file};
  return {};
}

Result<Environment> find_environment(const std::string& python_env, const Surroundings& around) {
  Environment environment;
  std::string version;
  if (!python_env.empty()) {
    environment.found_by = "--python-env";
    environment.prefix = python_env;
    while (environment.prefix.size() > 1 && environment.prefix.back() == '/')
      environment.prefix.pop_back();
    if (is_file(environment.prefix)) {
      return Error(ErrorCode::kUnknownFormat, "is a file, not a Python environment's folder")
          .in(python_env)
          .hint("Give the folder that holds its bin and lib, or its site-packages.");
    }
    if (!is_folder(environment.prefix))
      return Error(ErrorCode::kNotFound, "there is no such folder")
          .in(python_env)
          .hint("Give the folder of a Python environment.");
    const std::string name = name_of(environment.prefix);
    if (name == "site-packages" || name == "dist-packages") {
      // …/lib/python3.11/site-packages: the environment stands three folders above.
      const std::string site = environment.prefix;
      version = version_of_folder(name_of(folder_of(site)));
      const std::string above = folder_of(folder_of(site));
      environment.prefix = version.empty() ? above : folder_of(above);
      look_into(environment, around, version);
      if (!has_site(environment)) environment.roots.push_back({PackageRoot::Kind::kSite, site});
      return environment;
    }
  } else if (!find_by_variable(environment, around) && !find_on_path(environment, around)) {
    return Error(ErrorCode::kNotFound, "no Python environment is active")
        .expected("VIRTUAL_ENV, CONDA_PREFIX, a pyenv version, or python on PATH")
        .hint("Name the environment with --python-env DIR.");
  }
  look_into(environment, around, version);
  if (!has_site(environment)) {
    return Error(ErrorCode::kUnknownFormat, "holds no Python packages")
        .in(environment.prefix)
        .expected("lib/pythonX.Y/site-packages or Lib/site-packages below it")
        .hint("Name another environment with --python-env DIR.");
  }
  return environment;
}

}  // namespace pumice
