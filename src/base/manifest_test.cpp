#include "base/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/test_folder.h"

namespace corollary {
namespace {

using testing::HasSubstr;

class ManifestTest : public testing::Test {
 protected:
  const TestFolder folder_;
  const Json config_ = {{"vocab_size", 8192}, {"learning_rate", 1e-4}, {"nested", {{"third", 1.0 / 3}}}};
  const Json inputs_ = {{"corpus", "abc"}};

  void SetUp() override {
    write_file(folder_ / "out/a.bin", "four");
    write_file(folder_ / "b.bin", "");
    Manifest manifest;
    manifest.stage = "pack";
    manifest.config = config_;
    manifest.inputs = inputs_;
    manifest.counts = {{"tokens", 4}};
    manifest.seconds = 1.5;
    write_manifest(folder_.path(), manifest, {"out/a.bin", "b.bin"});
  }
  std::string why(const std::string& stage, const Json& config, const Json& inputs) {
    std::string reason;
    EXPECT_EQ(up_to_date(folder_.path(), stage, config, inputs, &reason), std::nullopt);
    return reason;
  }
};

TEST_F(ManifestTest, ComesBackWhole) {
  const Manifest read = read_manifest(folder_.path());
  EXPECT_EQ(read.stage, "pack");
  EXPECT_EQ(read.config, config_);
  EXPECT_EQ(read.inputs, inputs_);
  EXPECT_EQ(read.counts["tokens"], 4);
  EXPECT_EQ(read.seconds, 1.5);
  EXPECT_EQ(read.version, program_version());
  EXPECT_EQ(read.outputs["out/a.bin"], (Json{{"bytes", 4}, {"sha256", sha256_hex("four")}}));
}

TEST_F(ManifestTest, UpToDate) { EXPECT_TRUE(up_to_date(folder_.path(), "pack", config_, inputs_)); }

TEST_F(ManifestTest, SaysWhyNot) {
  Json changed = config_;
  changed["nested"]["third"] = 0.25;
  EXPECT_EQ(why("pack", changed, inputs_), "configuration changed: nested.third");
  changed = config_;
  changed["new"] = 1;
  EXPECT_EQ(why("pack", changed, inputs_), "configuration changed: new");
  EXPECT_EQ(why("pack", config_, {{"corpus", "abd"}}), "input changed: corpus");
  EXPECT_EQ(why("train", config_, inputs_), "the folder belongs to stage pack");
  write_file(folder_ / "out/a.bin", "longer");
  EXPECT_EQ(why("pack", config_, inputs_), "output missing or changed: out/a.bin");
  fs::remove(folder_ / "out/a.bin");
  EXPECT_EQ(why("pack", config_, inputs_), "output missing or changed: out/a.bin");
  fs::remove(folder_ / "manifest.json");
  EXPECT_EQ(why("pack", config_, inputs_), "never finished");
}

TEST_F(ManifestTest, DamagedManifestsMeanWorkToDo) {
  const std::string whole = read_file(folder_ / "manifest.json");
  for (std::size_t size = 0; size < whole.size() - 2; size += 17) {
    write_file(folder_ / "manifest.json", whole.substr(0, size));
    EXPECT_NE(why("pack", config_, inputs_), "");
  }
  write_file(
      folder_ / "manifest.json",
      R"({"stage":"pack","version":"1","config":{},"inputs":{},"outputs":{"b.bin":{"bytes":"0"}},"counts":{},"seconds":"x"})");
  EXPECT_EQ(why("pack", Json::object(), Json::object()), "output missing or changed: b.bin");
  write_file(folder_ / "manifest.json", R"({"stage":"pack"})");
  EXPECT_THAT(why("pack", config_, inputs_), HasSubstr("lacks \"version\""));
}

TEST_F(ManifestTest, NamesAnOutputThatIsMissing) {
  EXPECT_THAT([&] { write_manifest(folder_.path(), {}, {"absent"}); }, testing::ThrowsMessage<Error>(HasSubstr("did not write")));
}

}  // namespace
}  // namespace corollary
