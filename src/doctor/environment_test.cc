#include "doctor/environment.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "formats/file.h"

namespace pumice {
namespace {

class EnvironmentTest : public testing::Test {
 protected:
  EnvironmentTest() {
    std::string name = testing::TempDir() + "/pumice_environment_XXXXXX";
    if (mkdtemp(name.data()) != nullptr) home_ = std::filesystem::canonical(name);
    around_.variable = [this](const char* variable) {
      auto found = variables_.find(variable);
      return found == variables_.end() ? std::string() : found->second;
    };
    around_.working_folder = folder("work/below");
    variables_["HOME"] = home_;
  }
  ~EnvironmentTest() override { std::filesystem::remove_all(home_); }

  std::string folder(const std::string& name) {
    const std::string path = join_path(home_, name);
    std::filesystem::create_directories(path);
    return path;
  }
  void write(const std::string& name, const std::string& text) {
    const std::string path = join_path(home_, name);
    std::filesystem::create_directories(folder_of(path));
    std::ofstream(path) << text;
  }
  /// A prefix with site-packages; returns its path.
  std::string python(const std::string& name, const std::string& version = "3.11") {
    folder(name + "/lib/python" + version + "/site-packages");
    write(name + "/bin/python", "");
    return join_path(home_, name);
  }
  Environment find(const std::string& python_env = "") {
    auto found = find_environment(python_env, around_);
    EXPECT_TRUE(found.ok()) << (found.ok() ? "" : found.error().text());
    return found.ok() ? *found : Environment();
  }
  std::vector<std::string> roots(const Environment& environment) {
    std::vector<std::string> names;
    for (const PackageRoot& root : environment.roots)
      names.push_back(root.path.substr(home_.size() + 1));
    return names;
  }

  std::string home_;
  std::map<std::string, std::string> variables_;
  Surroundings around_;
};

TEST_F(EnvironmentTest, VariablesComeBeforeThePath) {
  const std::string venv = python("venv"), conda = python("conda"), other = python("other");
  variables_["PATH"] = other + "/bin";
  EXPECT_EQ(find().found_by, "PATH");
  EXPECT_EQ(find().prefix, other);
  variables_["CONDA_PREFIX"] = conda;
  EXPECT_EQ(find().prefix, conda);
  EXPECT_EQ(find().found_by, "CONDA_PREFIX");
  variables_["VIRTUAL_ENV"] = venv;
  EXPECT_EQ(find().prefix, venv);
  EXPECT_EQ(find().found_by, "VIRTUAL_ENV");
  EXPECT_EQ(find().python, venv + "/bin/python");
  EXPECT_EQ(find(other).found_by, "--python-env");
}

TEST_F(EnvironmentTest, AVariableThatLeadsNowhereIsSaid) {
  variables_["PATH"] = python("other") + "/bin";
  variables_["VIRTUAL_ENV"] = home_ + "/gone";
  variables_["CONDA_PREFIX"] = home_ + "/gone too";
  const Environment found = find();
  EXPECT_EQ(found.found_by, "PATH");
  ASSERT_EQ(found.warnings.size(), 2u);
  EXPECT_NE(found.warnings[0].find("VIRTUAL_ENV"), std::string::npos);
  EXPECT_NE(found.warnings[1].find("CONDA_PREFIX"), std::string::npos);
}

TEST_F(EnvironmentTest, PyvenvCfgBesideThePythonOfThePath) {
  const std::string base = python("base", "3.12");
  folder("venv/lib/python3.11/site-packages");
  folder("venv/lib/python3.12/site-packages");
  folder("venv/bin");
  ASSERT_EQ(symlink((base + "/bin/python").c_str(), (home_ + "/venv/bin/python").c_str()), 0);
  write("venv/pyvenv.cfg", "home = " + base + "/bin\nVersion = 3.11.7\n");
  variables_["PATH"] = home_ + "/nowhere::" + home_ + "/venv/bin:" + base + "/bin";
  const Environment found = find();
  EXPECT_EQ(found.found_by, "pyvenv.cfg");
  EXPECT_EQ(found.prefix, home_ + "/venv");
  EXPECT_EQ(found.python_version, "3.11");
  EXPECT_EQ(roots(found), std::vector<std::string>{"venv/lib/python3.11/site-packages"});
}

TEST_F(EnvironmentTest, SystemPackagesFollowTheVenvsWhereItSaysSo) {
  const std::string base = python("base");
  python("venv");
  folder("user/lib/python3.11/site-packages");
  folder("extra");
  variables_["PYTHONUSERBASE"] = home_ + "/user";
  variables_["PYTHONPATH"] = home_ + "/extra:" + home_ + "/none:" + home_ + "/extra";
  const std::string text = "home = " + base + "/bin\nversion_info = 3.11.7.final.0\n";
  write("venv/pyvenv.cfg", text + "include-system-site-packages = true\n");
  EXPECT_EQ(roots(find(home_ + "/venv")),
            (std::vector<std::string>{"extra", "venv/lib/python3.11/site-packages",
                                      "user/lib/python3.11/site-packages",
                                      "base/lib/python3.11/site-packages"}));
  write("venv/pyvenv.cfg", text + "include-system-site-packages = false\n");
  EXPECT_EQ(roots(find(home_ + "/venv")),
            (std::vector<std::string>{"extra", "venv/lib/python3.11/site-packages"}));
  // A plain Python reads the user's packages first.
  EXPECT_EQ(roots(find(base)),
            (std::vector<std::string>{"extra", "user/lib/python3.11/site-packages",
                                      "base/lib/python3.11/site-packages"}));
  variables_["PYTHONNOUSERSITE"] = "1";
  EXPECT_EQ(roots(find(base)).size(), 2u);
}

TEST_F(EnvironmentTest, PyenvsChoice) {
  python(".pyenv/versions/3.10.4", "3.10");
  python(".pyenv/versions/3.11.2");
  python(".pyenv/versions/3.11.10");
  folder(".pyenv/shims");
  const std::string system = python("system", "3.9");
  variables_["PATH"] = home_ + "/.pyenv/shims:" + system + "/bin";
  EXPECT_EQ(find().prefix, system);  // nothing is chosen
  write(".pyenv/version", "3.10.4\n");
  EXPECT_EQ(find().prefix, home_ + "/.pyenv/versions/3.10.4");
  EXPECT_EQ(find().found_by, home_ + "/.pyenv/version");
  write("work/.python-version", "# ours\n 3.11:3.10.4 \n");
  EXPECT_EQ(find().prefix, home_ + "/.pyenv/versions/3.11.10");  // the newest 3.11
  EXPECT_EQ(find().found_by, home_ + "/work/.python-version");
  variables_["PYENV_VERSION"] = "3.11.2";
  EXPECT_EQ(find().prefix, home_ + "/.pyenv/versions/3.11.2");
  EXPECT_EQ(find().found_by, "PYENV_VERSION");
  variables_["PYENV_VERSION"] = "system";
  EXPECT_EQ(find().prefix, system);
  EXPECT_TRUE(find().warnings.empty());
  for (const char* wrong : {"3.8", "../../system", "/etc", "3.1"}) {
    variables_["PYENV_VERSION"] = wrong;
    EXPECT_EQ(find().prefix, system) << wrong;
    EXPECT_EQ(find().warnings.size(), 1u) << wrong;
  }
}

TEST_F(EnvironmentTest, SitePackagesNameTheirEnvironment) {
  python("env");
  folder("env/lib/python3.12/site-packages");
  const Environment found = find(home_ + "/env/lib/python3.11/site-packages/");
  EXPECT_EQ(found.prefix, home_ + "/env");
  EXPECT_EQ(found.python_version, "3.11");
  EXPECT_EQ(roots(found), std::vector<std::string>{"env/lib/python3.11/site-packages"});
  const Environment windows = find(folder("win/Lib/site-packages"));
  EXPECT_EQ(windows.prefix, home_ + "/win");
  const Environment lone = find(folder("somewhere/site-packages"));
  EXPECT_EQ(roots(lone), std::vector<std::string>{"somewhere/site-packages"});
  // Without a choice, the newest; and that is said.
  EXPECT_EQ(find(home_ + "/env").python_version, "3.12");
  EXPECT_EQ(find(home_ + "/env").warnings.size(), 1u);
}

TEST_F(EnvironmentTest, WhatIsNoEnvironmentIsAnError) {
  auto code = [&](const std::string& path) {
    auto found = find_environment(path, around_);
    return found.ok() ? ErrorCode::kInternal : found.error().code();
  };
  EXPECT_EQ(code(""), ErrorCode::kNotFound);
  EXPECT_EQ(code(home_ + "/none"), ErrorCode::kNotFound);
  EXPECT_EQ(code(folder("empty")), ErrorCode::kUnknownFormat);
  write("file", "x");
  EXPECT_EQ(code(home_ + "/file"), ErrorCode::kUnknownFormat);
  ASSERT_EQ(symlink("loop", (home_ + "/loop").c_str()), 0);
  EXPECT_EQ(code(home_ + "/loop"), ErrorCode::kNotFound);
  // A lib folder that leads back to itself, and one that cannot be listed.
  folder("cycle");
  ASSERT_EQ(symlink(".", (home_ + "/cycle/lib").c_str()), 0);
  EXPECT_EQ(code(home_ + "/cycle"), ErrorCode::kUnknownFormat);
}

}  // namespace
}  // namespace pumice
