#include "runtime/runtime.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include <gtest/gtest.h>

namespace pumice {
namespace {

namespace fs = std::filesystem;

// Sets an environment variable for a test, and puts the old value back.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    set(value);
  }
  ~Variable() { set(old_ ? old_->c_str() : nullptr); }

 private:
  void set(const char* value) {
    if (value)
      setenv(name_, value, 1);
    else
      unsetenv(name_);
  }
  const char* name_;
  std::optional<std::string> old_;
};

TEST(FindLiteRt, NamedPlacesComeFirst) {
  fs::path folder = fs::path(testing::TempDir()) / "pumice_find_litert";
  fs::path package = folder / "lib" / "python3.11" / "site-packages" / "ai_edge_litert";
  fs::create_directories(package);
  std::ofstream(package / "libLiteRt.so") << "x";
  EXPECT_EQ(find_litert("/some/where.so"), "/some/where.so");
  {
    Variable litert("PUMICE_LITERT", package.c_str());
    EXPECT_EQ(find_litert(""), (package / "libLiteRt.so").string());
  }
  Variable litert("PUMICE_LITERT", nullptr), venv("VIRTUAL_ENV", folder.c_str());
  fs::path before = fs::current_path();
  fs::current_path(folder);
  std::string found = find_litert("");
  // The cache of the checkout that this program was built in may come before the environment.
  if (found.find(".cache") == found.npos) {
    EXPECT_EQ(found, (package / "libLiteRt.so").string());
  }
  fs::create_directories(folder / ".cache" / "litert");
  std::ofstream(folder / ".cache" / "litert" / "libLiteRt.so") << "x";
  EXPECT_EQ(fs::weakly_canonical(find_litert("")),
            fs::weakly_canonical(folder / ".cache" / "litert" / "libLiteRt.so"));
  fs::current_path(before);
  fs::remove_all(folder);
}

TEST(Runtime, AMissingLibraryIsExplained) {
  for (Error e : {load_litert("/nowhere/libLiteRt.so", "m.tflite").error(),
                  run_isolated("/nowhere/libLiteRt.so", "m.tflite", "", {}).error(),
                  isolate_litert("/nowhere/libLiteRt.so", "m.tflite")->signatures().error(),
                  preload_litert("/nowhere/libLiteRt.so").error()}) {
    EXPECT_EQ(e.code(), ErrorCode::kNotFound);
    EXPECT_NE(e.hint().find("ai-edge-litert"), std::string::npos) << e.text();
  }
}

TEST(Runtime, ALibraryOfAnotherKindIsRefused) {
  EXPECT_EQ(load_litert("libz.so.1", "m.tflite").error().code(), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace pumice
