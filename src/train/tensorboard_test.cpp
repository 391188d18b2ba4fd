#include "train/tensorboard.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <limits>
#include <map>

#include "base/files.h"

namespace corollary {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// An independent reader, written from the format's description: a bitwise CRC, and a walk over any protobuf message.
std::uint32_t slow_crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78u : crc >> 1;
  }
  return crc ^ 0xFFFFFFFFu;
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::uint32_t unmasked(std::uint64_t masked) {
  const auto rotated = static_cast<std::uint32_t>(masked) - 0xa282ead8u;
  return rotated >> 17 | rotated << 15;
}

std::vector<std::string> records(std::string_view file) {
  std::vector<std::string> payloads;
  while (!file.empty()) {
    if (file.size() < 12) throw std::runtime_error("torn header");
    const std::uint64_t length = little_endian(file.substr(0, 8));
    if (unmasked(little_endian(file.substr(8, 4))) != slow_crc32c(file.substr(0, 8))) throw std::runtime_error("length CRC");
    if (file.size() < 16 + length) throw std::runtime_error("torn payload");
    payloads.emplace_back(file.substr(12, length));
    if (unmasked(little_endian(file.substr(12 + length, 4))) != slow_crc32c(payloads.back()))
      throw std::runtime_error("payload CRC");
    file.remove_prefix(16 + length);
  }
  return payloads;
}

/// field number -> raw values: varints and fixed numbers as 8 or 4 bytes little endian, nested messages as they are.
std::multimap<int, std::string> fields(std::string_view message) {
  std::multimap<int, std::string> found;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(message.at(0));
      message.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
  };
  while (!message.empty()) {
    const std::uint64_t key = varint();
    std::string value;
    if ((key & 7) == 0) {
      const std::uint64_t number = varint();
      value.assign(reinterpret_cast<const char*>(&number), 8);
    } else {
      const std::size_t size = (key & 7) == 1 ? 8 : (key & 7) == 5 ? 4 : varint();
      if (message.size() < size) throw std::runtime_error("torn field");
      value = message.substr(0, size);
      message.remove_prefix(size);
    }
    found.emplace(static_cast<int>(key >> 3), value);
  }
  return found;
}

double as_double(const std::string& raw) { return std::bit_cast<double>(little_endian(raw)); }
float as_float(const std::string& raw) { return std::bit_cast<float>(static_cast<std::uint32_t>(little_endian(raw))); }

class TensorBoard : public testing::Test {
 protected:
  void SetUp() override { fs::remove_all(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  const fs::path folder_ = fs::temp_directory_path() / ("corollary_tensorboard_" + std::to_string(::getpid()));
};

TEST(Crc32c, KnownAnswers) {  // RFC 3720, B.4
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
  EXPECT_EQ(crc32c(""), 0u);
}

TEST(TfRecord, FramesAnyLength) {
  std::string file;
  for (const std::size_t n : {0, 1, 7, 300}) file += tfrecord(std::string(n, 'x'));
  EXPECT_THAT(records(file), ElementsAre("", "x", "xxxxxxx", std::string(300, 'x')));
  file[file.size() - 5] ^= 1;  // the last payload byte: the reader above must notice
  EXPECT_ANY_THROW(records(file));
}

TEST_F(TensorBoard, ScalarsReadBack) {
  TensorBoardWriter writer(folder_, 17);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  writer.scalars(17, 1700000000.25, {{"train/loss", 2.5}, {"speed/mfu", nan}});
  writer.scalars(300000000000, 1700000001.0, {{"train/loss", -1e-3}});
  writer.sync();

  const auto events = records(read_file(writer.path()));
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(fields(events[0]).find(3)->second, "brain.Event:2");
  EXPECT_EQ(little_endian(fields(events[1]).find(2)->second), 17u) << "the session starts at its first step";
  EXPECT_EQ(little_endian(fields(fields(events[1]).find(7)->second).find(1)->second), 1u) << "SessionLog.START";

  const auto event = fields(events[2]);
  EXPECT_EQ(as_double(event.find(1)->second), 1700000000.25);
  EXPECT_EQ(little_endian(event.find(2)->second), 17u);
  const auto summary = fields(event.find(5)->second);
  ASSERT_EQ(summary.count(1), 2u);
  const auto loss = fields(summary.begin()->second), mfu = fields(std::next(summary.begin())->second);
  EXPECT_EQ(loss.find(1)->second, "train/loss");
  EXPECT_EQ(as_float(loss.find(2)->second), 2.5f);
  EXPECT_EQ(mfu.find(1)->second, "speed/mfu");
  EXPECT_TRUE(std::isnan(as_float(mfu.find(2)->second)));
  EXPECT_EQ(little_endian(fields(events[3]).find(2)->second), 300000000000u);
}

TEST_F(TensorBoard, EachSessionHasItsOwnFile) {
  const TensorBoardWriter first(folder_, 0), second(folder_, 0);
  EXPECT_NE(first.path(), second.path());
  EXPECT_THAT(first.path().filename().string(), testing::StartsWith("events.out.tfevents."));
  EXPECT_THAT(first.path().filename().string(), HasSubstr("." + std::to_string(::getpid())));
}

TEST_F(TensorBoard, PythonReadsIt) {
  if (std::system("python3 -c 'import tensorboard' 2>/dev/null") != 0) GTEST_SKIP() << "python3 has no tensorboard here";
  TensorBoardWriter(folder_, 0).scalars(1, 1700000000, {{"train/loss", 2.5}});
  const std::string script =
      "from tensorboard.backend.event_processing.event_accumulator import EventAccumulator as E;"
      "e=E('" +
      folder_.string() + "');e.Reload();s=e.Scalars('train/loss');assert len(s)==1 and s[0].value==2.5 and s[0].step==1";
  EXPECT_EQ(std::system(("python3 -c \"" + script + "\"").c_str()), 0);
}

}  // namespace
}  // namespace corollary
