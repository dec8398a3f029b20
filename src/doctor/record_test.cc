#include "doctor/record.h"

#include <gtest/gtest.h>

#include "doctor/conda.h"
#include "doctor/sha256.h"

namespace pumice {
namespace {

constexpr char kHash[] = "sha256=abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ";

TEST(Record, KeepsFilesOfTheFamily) {
  Distribution d;
  std::string what;
  const std::string text = std::string("keras/__init__.py,") + kHash +
                           ",12\r\n"
                           "keras_cv/__init__.py,sha256=x,1\n"
                           "numpy/__init__.py,sha256=x,1\n"
                           "\n"
                           "keras/a.py,,\n"
                           "tensorflow/b.py,sha256=abc=,3\n"
                           "tf_keras/c.py,md5=abc,3";
  EXPECT_TRUE(read_record(text, d, &what)) << what;
  ASSERT_EQ(d.files[kKeras].size(), 2u);
  EXPECT_EQ(d.files[kKeras][0].path, "keras/__init__.py");
  EXPECT_EQ(d.files[kKeras][0].digest, std::string_view(kHash).substr(7));
  EXPECT_EQ(d.files[kKeras][0].size, 12);
  EXPECT_EQ(d.files[kKeras][1].digest, "");
  EXPECT_EQ(d.files[kKeras][1].size, -1);
  ASSERT_EQ(d.files[kTensorFlow].size(), 1u);
  EXPECT_EQ(d.files[kTensorFlow][0].digest, "abc");
  ASSERT_EQ(d.files[kTfKeras].size(), 1u);
  EXPECT_EQ(d.files[kTfKeras][0].digest, "");
}

TEST(Record, UnquotesPaths) {
  Distribution d;
  std::string what;
  EXPECT_TRUE(read_record(
      "\"keras/a,b.py\",sha256=x,1\n\"keras/say \"\"hi\"\".py\",\"sha256=y\",2\n", d, &what));
  ASSERT_EQ(d.files[kKeras].size(), 2u);
  EXPECT_EQ(d.files[kKeras][0].path, "keras/a,b.py");
  EXPECT_EQ(d.files[kKeras][1].path, "keras/say \"hi\".py");
  EXPECT_EQ(d.files[kKeras][1].digest, "y");
  // Moving the distribution leaves the views valid.
  const Distribution moved = std::move(d);
  EXPECT_EQ(moved.files[kKeras][0].path, "keras/a,b.py");
}

TEST(Record, CountsBrokenLinesAndReadsTheOthers) {
  Distribution d;
  std::string what;
  EXPECT_FALSE(
      read_record("keras/a.py,sha256=x,1\n"
                  "\"keras/never closed,sha256=x,1\n"
                  "\"keras/b.py\"junk,sha256=x,1\n"
                  "keras/c.py,sha256=x,many\n"
                  "keras/d.py,sha256=x,-5\n"
                  "keras/e.py,sha256=x,99999999999999999999\n"
                  "keras/f.py,sha256=x,7\n",
                  d, &what));
  EXPECT_EQ(what, "line 2 is broken (5 in all); the others were read");
  ASSERT_EQ(d.files[kKeras].size(), 5u);
  EXPECT_EQ(d.files[kKeras][1].size, -1);
  EXPECT_EQ(d.files[kKeras][4].size, 7);
}

TEST(Record, PathsStayInTheirRoot) {
  Distribution d;
  std::string what;
  const std::string text(
      "keras/../../etc/passwd,,\nkeras/a\0b.py,,\n../keras/x.py,,\n/keras/y.py,,\n", 70);
  EXPECT_TRUE(read_record(text, d, &what));
  EXPECT_TRUE(d.files[kKeras].empty());
  read_installed_files("../keras/a.py\n../keras/../../x\n../numpy/b.py\nkeras/c.py\n", d);
  ASSERT_EQ(d.files[kKeras].size(), 1u);
  EXPECT_EQ(d.files[kKeras][0].path, "keras/a.py");
}

TEST(Record, EndsWhereALineIsTooMany) {
  std::string text;
  for (int i = 0; i < 200'001; ++i) text += "keras/a,,\n";
  Distribution d;
  std::string what;
  EXPECT_FALSE(read_record(text, d, &what));
  EXPECT_EQ(d.files[kKeras].size(), 200'000u);
  EXPECT_NE(what.find("200000"), std::string::npos);
}

TEST(Record, FindsAPackageWithoutReadingTheLines) {
  EXPECT_TRUE(lists_a_package("keras/__init__.py,,\n", ""));
  EXPECT_TRUE(lists_a_package("a,,\r\ntensorflow/__init__.py,,\n", ""));
  EXPECT_TRUE(lists_a_package("a\n../tf_keras/__init__.py\n", "../"));
  EXPECT_FALSE(lists_a_package("mine/keras/__init__.py,,\nkeras/other.py,,\n", ""));
  EXPECT_FALSE(lists_a_package("", ""));
}

TEST(Metadata, IsReadUpToTheDescription) {
  Distribution d;
  EXPECT_TRUE(
      read_metadata("Metadata-Version: 2.1\r\nName: TF_Keras\nVersion: 2.16.0rc1\n"
                    "Requires-Dist: tensorflow<2.17,>=2.16\nnonsense\n\nName: other\n",
                    d));
  EXPECT_EQ(d.name, "TF_Keras");
  EXPECT_EQ(d.normalized, "tf-keras");
  EXPECT_EQ(d.version, "2.16.0rc1");
  EXPECT_TRUE(d.parsed.development);
  ASSERT_EQ(d.requirements.size(), 1u);
  EXPECT_EQ(d.requirements[0].name, "tensorflow");
}

TEST(Metadata, WithoutANameTheFoldersStays) {
  Distribution d;
  d.name = "keras";
  d.version = "2.12.0";
  EXPECT_FALSE(read_metadata("Version: 2.13.0\n", d));
  EXPECT_EQ(d.name, "keras");
  EXPECT_EQ(d.parsed.minor(), 13);
  EXPECT_FALSE(read_metadata(std::string(10'000, 'x'), d));
}

TEST(CondaRecord, GivesFilesBelowSitePackages) {
  const std::string hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  Distribution d;
  EXPECT_TRUE(read_conda_record(
      R"({"name": "keras", "files": ["x"], "paths_data": {"paths_version": 1, "paths": [
          {"_path": "lib/python3.11/site-packages/keras/__init__.py", "path_type": "hardlink",
           "sha256": ")" +
          hex + R"(", "size_in_bytes": 3},
          {"_path": "site-packages/keras/a.py", "sha256": "short", "sha256_in_prefix": ")" +
          hex +
          R"("}, {"_path": "bin/keras/x"}, {"_path": "lib/my-site-packages/keras/x"},
          {"_path": "lib/site-packages/keras/../../x"}]}})",
      d));
  ASSERT_EQ(d.files[kKeras].size(), 2u);
  const std::string abc = "abc";
  EXPECT_EQ(d.files[kKeras][0].path, "keras/__init__.py");
  EXPECT_EQ(d.files[kKeras][0].digest, record_digest(std::as_bytes(std::span(abc))));
  EXPECT_EQ(d.files[kKeras][0].size, 3);
  EXPECT_EQ(d.files[kKeras][1].digest, d.files[kKeras][0].digest);
}

TEST(CondaRecord, BrokenOnesAreRefused) {
  for (const char* text :
       {"", "[]", "{\"paths_data\": {\"paths\": [", "{\"paths_data\": {\"paths\": 3}}",
        "{\"paths_data\": {\"paths\": [{\"_path\": 1}]}}"}) {
    Distribution d;
    EXPECT_FALSE(read_conda_record(text, d)) << text;
  }
  Distribution d;
  EXPECT_TRUE(read_conda_record("{\"paths_data\": null, \"deep\": [[[]]]}", d));
}

TEST(Sha256, IsWrittenAsARecordHasIt) {
  // The examples of FIPS 180-4, and an empty message.
  const std::string abc = "abc";
  EXPECT_EQ(record_digest({}), "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
  EXPECT_EQ(record_digest(std::as_bytes(std::span(abc))),
            "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
  const std::string two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  EXPECT_EQ(
      record_digest(std::as_bytes(std::span(two))),
      record_digest_of_hex("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
  EXPECT_EQ(record_digest_of_hex("zz"), "");
  EXPECT_EQ(record_digest_of_hex(std::string(64, 'z')), "");
}

}  // namespace
}  // namespace pumice
