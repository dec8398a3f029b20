#include "doctor/diagnose.h"

#include <filesystem>
#include <fstream>
#include <stdlib.h>

#include <gtest/gtest.h>

#include "doctor/sha256.h"
#include "formats/file.h"

namespace pumice {
namespace {

constexpr char kRegisters[] = "register_revived_type(\"experimentalOptimizer\")\n";
constexpr char kAssertion[] = "raise AssertionError(\"Duplicate registrations\")\n";
constexpr char kRevived[] = "tensorflow/python/saved_model/revived_types.py";

/// Trees as pip leaves them, with as little in them as the rules look at.
class DiagnoseTest : public testing::Test {
 protected:
  DiagnoseTest() {
    std::string name = testing::TempDir() + "/pumice_diagnose_XXXXXX";
    if (mkdtemp(name.data()) != nullptr) prefix_ = name;
    std::filesystem::create_directories(site());
    around_.variable = [](const char*) { return std::string(); };
  }
  ~DiagnoseTest() override { std::filesystem::remove_all(prefix_); }

  std::string site() const { return prefix_ + "/lib/python3.11/site-packages"; }

  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(folder_of(path));
    std::ofstream(path) << text;
  }
  using Files = std::vector<std::pair<std::string, std::string>>;
  void install(const std::string& name, const std::string& version, const Files& files,
               const std::string& requires_dist = "", const std::string& installer = "pip") {
    std::string record;
    for (const auto& [path, text] : files) {
      write(join_path(site(), path), text);
      record += path + ",sha256=" + record_digest(std::as_bytes(std::span(text))) + "," +
                std::to_string(text.size()) + "\n";
    }
    const std::string info = site() + "/" + name + "-" + version + ".dist-info/";
    write(info + "RECORD", record);
    write(info + "INSTALLER", installer + "\n");
    write(info + "METADATA", "Name: " + name + "\nVersion: " + version + "\n" +
                                 (requires_dist.empty() ? "" : "Requires-Dist: " + requires_dist));
  }
  void tensorflow(const std::string& name, const std::string& version,
                  const std::string& wants = "") {
    install(name, version,
            {{"tensorflow/__init__.py", "# " + version},
             {kRevived, version < "2.15" ? kAssertion : "# none\n"}},
            wants);
  }
  void keras(const std::string& name, const std::string& version,
             const std::string& installer = "pip") {
    const char* file =
        version < "2.13" ? "keras/optimizers/optimizer.py" : "keras/src/optimizers/optimizer.py";
    install(name, version,
            {{"keras/__init__.py", "# " + version},
             {file, version[0] == '3' ? "# 3\n" : kRegisters + version}},
            "", installer);
  }
  Diagnosis examine() {
    auto environment = find_environment(prefix_, around_);
    EXPECT_TRUE(environment.ok());
    environment_ = *environment;
    installed_ = read_installed(environment_);
    return diagnose(environment_, installed_, around_);
  }
  static std::vector<std::string> names(const Diagnosis& diagnosis) {
    std::vector<std::string> kinds;
    for (const Finding& finding : diagnosis.findings) kinds.push_back(finding_name(finding.kind));
    return kinds;
  }
  /// The commands without the path of Python.
  static std::vector<std::string> commands(const Diagnosis& diagnosis) {
    std::vector<std::string> texts = diagnosis.commands;
    for (std::string& text : texts)
      if (const size_t at = text.find(" -m pip "); at != std::string::npos) text.erase(0, at + 4);
    return texts;
  }
  using Texts = std::vector<std::string>;

  std::string prefix_;
  Surroundings around_;
  Environment environment_;
  Installed installed_;
};

TEST_F(DiagnoseTest, TheErrorOfTheTitleByEveryNameOfTensorFlow) {
  keras("keras", "2.12.0");
  keras("keras_nightly", "2.13.0.dev2023050207");
  for (const char* name : {"tensorflow", "tensorflow_cpu", "tensorflow_gpu", "tensorflow_intel",
                           "tensorflow_macos", "tf_nightly", "tf_nightly_cpu"}) {
    tensorflow(name, "2.13.1", "keras (<2.14,>=2.13.1)");
    const Diagnosis found = examine();
    EXPECT_TRUE(found.raises) << name;
    EXPECT_EQ(names(found), (Texts{"shared_files", "two_layouts", "keras_version"})) << name;
    EXPECT_EQ(commands(found),
              (Texts{"pip uninstall -y keras keras_nightly", "pip install 'keras<2.14,>=2.13.1'"}))
        << name;
    std::filesystem::remove_all(site() + "/" + name + "-2.13.1.dist-info");
  }
}

TEST_F(DiagnoseTest, AShellAroundTensorFlowsFilesIsNotASecondOne) {
  tensorflow("tensorflow_intel", "2.15.1", "keras<2.16,>=2.15.0");
  install("tensorflow", "2.15.1", {}, "tensorflow-intel==2.15.1");
  keras("keras", "2.15.0");
  const Diagnosis found = examine();
  EXPECT_EQ(names(found), Texts());
  ASSERT_NE(found.tensorflow, nullptr);
  EXPECT_EQ(found.tensorflow->name, "tensorflow_intel");
}

TEST_F(DiagnoseTest, PairsThatFit) {
  struct {
    const char *tensorflow, *wants, *name, *keras;
    bool fits;
  } const kPairs[] = {
      {"2.12.1", "keras<2.13,>=2.12.0", "keras", "2.12.0", true},
      {"2.13.1", "keras<2.14,>=2.13.1", "keras", "2.12.0", false},
      {"2.13.0.dev1", "keras-nightly~=2.13.0.dev", "keras_nightly", "2.13.0.dev1", true},
      {"2.15.1", "keras<2.16,>=2.15.0", "keras", "3.0.5", false},
      {"2.16.1", "keras>=3.0.0", "keras", "3.1.0", true},
      {"2.16.1", "keras>=3.0.0", "keras", "2.15.0", false},
      {"2.20.0.dev1", "keras-nightly>=3.0.0.dev", "keras_nightly", "3.9.0.dev1", true},
      {"2.21.0", "keras>=3.12.0", "keras", "3.11.0", false},
      {"2.21.0", "keras>=3.12.0", "keras", "3.12.0", true},
  };
  for (const auto& pair : kPairs) {
    std::filesystem::remove_all(site());
    tensorflow("tensorflow", pair.tensorflow, pair.wants);
    keras(pair.name, pair.keras);
    EXPECT_EQ(names(examine()), pair.fits ? Texts() : Texts{"keras_version"})
        << pair.tensorflow << " " << pair.keras;
  }
}

TEST_F(DiagnoseTest, TwoBuildsOfTensorFlow) {
  tensorflow("tensorflow", "2.15.1", "keras<2.16,>=2.15.0");
  tensorflow("tensorflow_cpu", "2.15.1", "keras<2.16,>=2.15.0");
  keras("keras", "2.15.0");
  Diagnosis found = examine();
  EXPECT_EQ(names(found), Texts{"same_files"});
  EXPECT_EQ(found.problems(), 0u);
  EXPECT_TRUE(found.commands.empty());
  tensorflow("tensorflow_gpu", "2.13.1", "keras<2.14,>=2.13.1");  // over them
  found = examine();
  EXPECT_GT(found.problems(), 0u);
  EXPECT_EQ(commands(found), (Texts{"pip uninstall -y tensorflow tensorflow_cpu tensorflow_gpu",
                                    "pip install tensorflow==2.15.1"}));
}

TEST_F(DiagnoseTest, ALayoutThatNobodyOwnsIsDeletedByHand) {
  tensorflow("tensorflow", "2.13.1", "keras<2.14,>=2.13.1");
  keras("keras", "2.13.1");
  write(site() + "/keras/optimizers/optimizer.py", kRegisters);
  const Diagnosis found = examine();
  EXPECT_TRUE(found.raises);
  EXPECT_EQ(names(found), Texts{"two_layouts"});
  EXPECT_EQ(commands(found), (Texts{"pip uninstall -y keras", "rm -r " + site() + "/keras",
                                    "pip install 'keras<2.14,>=2.13.1'"}));
}

TEST_F(DiagnoseTest, CommandsAreQuotedForAShell) {
  std::filesystem::rename(prefix_, prefix_ + " it's; rm");
  prefix_ += " it's; rm";
  tensorflow("tensorflow", "2.13.1", "keras<2.14,>=2.13.1");
  keras("keras", "2.12.0");
  write(prefix_ + "/bin/python", "");
  const Diagnosis found = examine();
  ASSERT_EQ(found.commands.size(), 1u);
  EXPECT_NE(
      found.commands[0].find(" it'\\''s; rm/bin/python' -m pip install 'keras<2.14,>=2.13.1'"),
      std::string::npos)
      << found.commands[0];
}

TEST_F(DiagnoseTest, CondaRemovesWhatCondaInstalled) {
  tensorflow("tensorflow", "2.13.1", "keras<2.14,>=2.13.1");
  keras("keras", "2.12.0", "conda");
  keras("keras_nightly", "2.13.0.dev1");
  write(prefix_ + "/conda-meta/keras-2.12.0-pyhd8ed1ab_0.json", "{}");
  write(prefix_ + "/conda-meta/history", "");
  const Diagnosis found = examine();
  EXPECT_TRUE(found.raises);
  EXPECT_EQ(commands(found),
            (Texts{"conda remove -y --force -p " + prefix_ + " keras",
                   "pip uninstall -y keras_nightly", "pip install 'keras<2.14,>=2.13.1'"}));
}

TEST_F(DiagnoseTest, CondasRecordOfAPackageWithoutDistInfo) {
  tensorflow("tensorflow", "2.13.1", "keras<2.14,>=2.13.1");
  keras("keras_nightly", "2.13.0.dev1");
  write(site() + "/keras/optimizers/optimizer.py", kRegisters);
  write(prefix_ + "/conda-meta/keras-2.12.0-0.json",
        R"({"paths_data": {"paths": [
            {"_path": "lib/python3.11/site-packages/keras/__init__.py", "sha256": "x"},
            {"_path": "lib/python3.11/site-packages/keras/optimizers/optimizer.py"}]}})");
  write(prefix_ + "/conda-meta/tensorflow-2.13.1-0.json", "not json");  // pip's is there: not read
  const Diagnosis found = examine();
  EXPECT_EQ(names(found), (Texts{"shared_files", "two_layouts", "keras_version"}));
  EXPECT_EQ(installed_.conda.size(), 2u);
  EXPECT_TRUE(installed_.warnings.empty());
  EXPECT_EQ(commands(found)[0], "conda remove -y --force -p " + prefix_ + " keras");
}

TEST_F(DiagnoseTest, PipsKerasInThePlaceOfCondasIsANote) {
  tensorflow("tensorflow", "2.13.1", "keras<2.14,>=2.13.1");
  keras("keras", "2.13.1");
  write(prefix_ + "/conda-meta/keras-2.12.0-0.json", "{}");
  const Diagnosis found = examine();
  EXPECT_EQ(names(found), Texts{"conda_record"});
  EXPECT_EQ(found.problems(), 0u);
}

TEST_F(DiagnoseTest, ARecordThatIsTooLongIsAWarning) {
  tensorflow("tensorflow", "2.21.0", "keras>=3.12.0");
  keras("keras", "3.15.1");
  const std::string record = site() + "/keras-3.15.1.dist-info/RECORD";
  std::filesystem::resize_file(record, 100 << 20);
  const Diagnosis found = examine();
  EXPECT_EQ(found.problems(), 0u);
  ASSERT_EQ(installed_.warnings.size(), 2u);
  EXPECT_NE(installed_.warnings[0].find(record), std::string::npos);
}

}  // namespace
}  // namespace pumice
