#include "model/safetensors.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/test_error.h"
#include "base/test_folder.h"
#include "device/buffer.h"

namespace corollary {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const fs::path kSharedModels = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data/models";

std::string file_of(const std::string& header, std::size_t data_bytes, std::uint64_t announced = 0) {
  const std::uint64_t size = announced ? announced : header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &size, 8);
  return file + header + std::string(data_bytes, '\x01');
}
std::string error_of_bytes(const std::string& bytes) {
  return error_of([&] { parse_safetensors_header(std::as_bytes(std::span(bytes)), "w.safetensors"); });
}
std::string error_of_header(const std::string& header, std::size_t data_bytes) {
  return error_of_bytes(file_of(header, data_bytes));
}

TEST(Safetensors, WritesWhatItReads) {
  const TestFolder folder;
  OwnedTensor a(DType::f32, {2, 3}), b(DType::bf16, {5}), c(DType::i32, {1, 1, 2});
  for (int i = 0; i < 6; ++i) a.view().data<float>()[i] = static_cast<float>(i) * 0.5f;
  for (int i = 0; i < 5; ++i) b.view().data<bf16>()[i] = to_bf16(static_cast<float>(-i));
  c.view().data<std::int32_t>()[1] = -7;
  SafetensorsWriter writer(folder / "x.safetensors",
                           {{"a", DType::f32, {2, 3}}, {"b", DType::bf16, {5}}, {"c", DType::i32, {1, 1, 2}}},
                           {{"format", "pt"}, {"made", "here"}});
  writer.write(a);
  writer.write(b);
  EXPECT_THROW(writer.commit(), Error);  // c is missing
  EXPECT_FALSE(fs::exists(folder / "x.safetensors"));
  writer.write(c);
  EXPECT_THROW(writer.write(c), Error);  // one too many
  writer.commit();

  const SafetensorsFile file(folder / "x.safetensors");
  EXPECT_EQ(file.metadata().at("made"), "here");
  ASSERT_EQ(file.entries().size(), 3u);
  EXPECT_EQ(file.find("a")->offset_bytes % 8, 0);
  EXPECT_EQ(file.find("d"), nullptr);
  OwnedTensor a2(DType::f32, {2, 3}), b2(DType::bf16, {5}), c2(DType::i32, {1, 1, 2});
  file.read(*file.find("a"), a2);
  file.read(*file.find("b"), b2);
  file.read(*file.find("c"), c2);
  EXPECT_EQ(std::memcmp(a.view().raw(), a2.view().raw(), 24), 0);
  EXPECT_EQ(std::memcmp(b.view().raw(), b2.view().raw(), 10), 0);
  EXPECT_EQ(std::memcmp(c.view().raw(), c2.view().raw(), 8), 0);
  OwnedTensor other(DType::f32, {7});
  EXPECT_THAT(error_of([&] { file.read(*file.find("a"), other); }), AllOf(HasSubstr("[2,3]"), HasSubstr("[7]")));
  EXPECT_THAT(error_of([&] { file.read(*file.find("c"), OwnedTensor(DType::f32, {2})); }), HasSubstr("I32"));
}

TEST(Safetensors, ConvertsBetweenFloatTypes) {
  const TestFolder folder;
  // Every half, widened; its value by the definition: (-1)^s 2^(e-15) (1 + f / 1024), subnormal 2^-14 f / 1024.
  std::string halves(65536 * 2, '\0');
  for (std::uint32_t i = 0; i < 65536; ++i)
    halves[2 * i] = static_cast<char>(i & 255), halves[2 * i + 1] = static_cast<char>(i >> 8);
  const std::string header = R"({"h":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}})";
  write_file(folder / "h.safetensors", file_of(header, 0) + halves);
  const SafetensorsFile file(folder / "h.safetensors");
  OwnedTensor wide(DType::f32, {65536}), narrow(DType::bf16, {65536});
  file.read(file.entries()[0], wide);
  file.read(file.entries()[0], narrow);
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const int exponent = static_cast<int>(i >> 10 & 31);
    const double fraction = static_cast<double>(i & 1023) / 1024, sign = i & 0x8000 ? -1.0 : 1.0;
    const float got = wide.view().data<float>()[i];
    if (exponent == 31) {
      EXPECT_EQ(std::isnan(got), fraction != 0) << i;
      EXPECT_EQ(std::isinf(got), fraction == 0) << i;
      continue;
    }
    const double want = sign * (exponent ? std::ldexp(1 + fraction, exponent - 15) : std::ldexp(fraction, -14));
    ASSERT_EQ(got, static_cast<float>(want)) << i;
    ASSERT_EQ(std::signbit(got), (i & 0x8000) != 0) << i;
    ASSERT_EQ(narrow.view().data<bf16>()[i].bits, to_bf16(got).bits) << i;
  }
}

TEST(Safetensors, RoundsWhenABf16FileIsGivenF32) {
  const TestFolder folder;
  OwnedTensor values(DType::f32, {3'000'001});  // more than one piece of the conversion
  for (std::int64_t i = 0; i < 3'000'001; ++i) values.view().data<float>()[i] = static_cast<float>(i) * 0.37f;
  SafetensorsWriter writer(folder / "x.safetensors", {{"x", DType::bf16, {3'000'001}}});
  writer.write(values);
  writer.commit();
  const SafetensorsFile file(folder / "x.safetensors");
  OwnedTensor back(DType::f32, {3'000'001});
  file.read(*file.find("x"), back);
  for (std::int64_t i = 0; i < 3'000'001; ++i)
    ASSERT_EQ(back.view().data<float>()[i], to_float(to_bf16(values.view().data<float>()[i]))) << i;
}

TEST(Safetensors, AcceptsEmptyTensorsScalarsAndPadding) {
  const std::string header =
      R"({"e":{"dtype":"F32","shape":[0,9223372036854775807,9],"data_offsets":[0,0]},"s":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}   )";
  EXPECT_EQ(error_of_header(header, 8), "no error");
  EXPECT_EQ(error_of_header("{}", 0), "no error");
}

TEST(Safetensors, NamesWhatIsWrongWithAHostileFile) {
  const auto one = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"({"t":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  EXPECT_EQ(error_of_header(one("F32", "[2]", "[0,8]"), 8), "no error");
  EXPECT_THAT(error_of_bytes("short"), HasSubstr("w.safetensors has 5 bytes"));
  EXPECT_THAT(error_of_bytes(file_of("{}", 0, 1u << 30)), HasSubstr("announces"));
  EXPECT_THAT(error_of_bytes(file_of("{}", 0, std::numeric_limits<std::uint64_t>::max())), HasSubstr("announces"));
  EXPECT_THAT(error_of_bytes(file_of("{}", 0, 3)), HasSubstr("download it again"));
  EXPECT_THAT(error_of_header("[]", 0), HasSubstr("does not begin with {"));
  EXPECT_THAT(error_of_header("{\"t\":", 0), HasSubstr("does not parse"));
  EXPECT_THAT(error_of_header("{\"t\":1e999}", 0), HasSubstr("does not parse"));
  EXPECT_THAT(error_of_header("{\"t\":" + std::string(100, '[') + std::string(100, ']') + "}", 0), HasSubstr("nests"));
  EXPECT_THAT(error_of_header(R"({"t":7})", 0), HasSubstr("tensor t is no object"));
  EXPECT_THAT(error_of_header(R"({"t":{"shape":[1],"data_offsets":[0,4]}})", 4), HasSubstr("dtype"));
  EXPECT_THAT(error_of_header(one("Q4", "[2]", "[0,8]"), 8), AllOf(HasSubstr("Q4"), HasSubstr("convert")));
  EXPECT_THAT(error_of_header(one("F32", "[-2]", "[0,8]"), 8), HasSubstr("extent -2"));
  EXPECT_THAT(error_of_header(one("F32", "[2.5]", "[0,8]"), 8), HasSubstr("extent"));
  EXPECT_THAT(error_of_header(one("F32", "[4294967296,4294967296]", "[0,8]"), 8), HasSubstr("larger than any file"));
  EXPECT_THAT(error_of_header(one("F32", "[18446744073709551615]", "[0,8]"), 8), HasSubstr("whole number"));
  EXPECT_THAT(error_of_header(one("F32", "[3]", "[0,8]"), 8), HasSubstr("needs 12"));
  EXPECT_THAT(error_of_header(one("F32", "[2]", "[8,0]"), 8), HasSubstr("ends before it begins"));
  EXPECT_THAT(error_of_header(one("F32", "[2]", "[0]"), 8), HasSubstr("data_offsets"));
  EXPECT_THAT(error_of_header(one("F32", "[2]", "[4,12]"), 12), HasSubstr("4 bytes before tensor t"));
  EXPECT_THAT(error_of_header(one("F32", "[2]", "[0,8]"), 7), HasSubstr("truncated"));
  EXPECT_THAT(error_of_header(one("F32", "[2]", "[0,8]"), 9), HasSubstr("1 bytes after the last tensor"));
  EXPECT_THAT(
      error_of_header(
          R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", 6),
      HasSubstr("overlaps"));
  EXPECT_THAT(
      error_of_header(
          R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 4),
      HasSubstr("twice"));
  EXPECT_THAT(error_of_header(R"({"__metadata__":{"format":1}})", 0), HasSubstr("__metadata__"));
  EXPECT_THAT(error_of([] { SafetensorsFile("/nowhere/w.safetensors"); }), HasSubstr("/nowhere/w.safetensors"));
}

TEST(Safetensors, IndexNeverLeavesItsFolder) {
  const auto with = [](const std::string& file) { return R"({"metadata":{"total_size":4},"weight_map":{"t":")" + file + "\"}}"; };
  EXPECT_EQ(parse_safetensors_index(with("model-00001-of-00002.safetensors"), "i").file_of.at("t"),
            "model-00001-of-00002.safetensors");
  EXPECT_THAT(error_of([&] { parse_safetensors_index(with("../secret.safetensors"), "i.json"); }),
              AllOf(HasSubstr("i.json"), HasSubstr("refused")));
  EXPECT_THAT(error_of([&] { parse_safetensors_index(with("pytorch_model.bin"), "i.json"); }), HasSubstr("pytorch_model.bin"));
  EXPECT_THAT(error_of([&] { parse_safetensors_index("{}", "i.json"); }), HasSubstr("weight_map"));
  EXPECT_THAT(error_of([&] { parse_safetensors_index(R"({"weight_map":{}})", "i.json"); }), HasSubstr("empty"));
  EXPECT_THAT(error_of([&] { parse_safetensors_index(R"({"weight_map":{"t":1}})", "i.json"); }), HasSubstr("names no file"));
}

TEST(Safetensors, ReadsARealFile) {
  const fs::path file = kSharedModels / "tiny_llama_hf/model.safetensors";
  if (!fs::exists(file)) GTEST_SKIP() << file << " is absent";
  const SafetensorsFile weights(file);
  EXPECT_EQ(weights.entries().size(), 39u);
  EXPECT_EQ(weights.metadata().at("format"), "pt");
  EXPECT_EQ(weights.find("lm_head.weight")->shape, (std::vector<std::int64_t>{16, 128}));
}

}  // namespace
}  // namespace corollary
