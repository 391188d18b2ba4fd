#include "train/tensorboard.h"

#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <cstdio>

#include "base/error.h"

namespace corollary {
namespace {

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82F63B78u : 0u);
    table[i] = value;
  }
  return table;
}
constexpr auto kCrcTable = make_crc_table();

std::uint32_t masked_crc(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xa282ead8u; }

template <class T>
void put_little_endian(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
}

// Protocol Buffers, the four shapes used here. A key is (field number << 3) | wire type.
void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(static_cast<unsigned char>(value | 0x80));
  out += static_cast<char>(static_cast<unsigned char>(value));
}
void put_varint_field(std::string& out, int field, std::uint64_t value) {
  put_varint(out, static_cast<std::uint64_t>(field) << 3);
  put_varint(out, value);
}
void put_double_field(std::string& out, int field, double value) {
  put_varint(out, static_cast<std::uint64_t>(field) << 3 | 1);
  put_little_endian(out, std::bit_cast<std::uint64_t>(value));
}
void put_bytes_field(std::string& out, int field, std::string_view bytes) {
  put_varint(out, static_cast<std::uint64_t>(field) << 3 | 2);
  put_varint(out, bytes.size());
  out += bytes;
}
void put_float_field(std::string& out, int field, float value) {
  put_varint(out, static_cast<std::uint64_t>(field) << 3 | 5);
  put_little_endian(out, std::bit_cast<std::uint32_t>(value));
}

// Field numbers of tensorflow.Event, .Summary, .Summary.Value and .SessionLog.
constexpr int kEventWallTime = 1, kEventStep = 2, kEventFileVersion = 3, kEventSummary = 5, kEventSessionLog = 7;
constexpr int kSummaryValue = 1, kValueTag = 1, kValueSimpleValue = 2;
constexpr int kSessionLogStatus = 1, kSessionLogStart = 1;

std::string event(double wall_time_seconds, std::int64_t step, int what, std::string_view payload) {
  std::string bytes;
  put_double_field(bytes, kEventWallTime, wall_time_seconds);
  put_varint_field(bytes, kEventStep, static_cast<std::uint64_t>(step));
  put_bytes_field(bytes, what, payload);
  return bytes;
}

double now_seconds() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

std::unique_ptr<AppendFile> open_new(const fs::path& folder) {
  char host[256] = "";
  if (::gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') std::snprintf(host, sizeof host, "localhost");
  std::string name = "events.out.tfevents." + std::to_string(static_cast<std::int64_t>(now_seconds())) + "." + host + "." +
                     std::to_string(::getpid());
  for (char& c : name)
    if (c == '/') c = '_';
  fs::path path = folder / name;
  for (int i = 1; fs::exists(path); ++i) path = folder / (name + "." + std::to_string(i));
  return std::make_unique<AppendFile>(path, AppendFile::Open::must_be_new);
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0u;
  for (const char c : bytes) crc = (crc >> 8) ^ kCrcTable[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  return ~crc;
}

std::string tfrecord(std::string_view payload) {
  std::string length, record;
  put_little_endian(length, std::uint64_t{payload.size()});
  record = length;
  put_little_endian(record, masked_crc(length));
  record += payload;
  put_little_endian(record, masked_crc(payload));
  return record;
}

TensorBoardWriter::TensorBoardWriter(const fs::path& folder, std::int64_t first_step) : file_(open_new(folder)) {
  check(first_step >= 0, "a session cannot start at step ", first_step);
  const double now = now_seconds();
  std::string start;
  put_varint_field(start, kSessionLogStatus, kSessionLogStart);
  file_->append(tfrecord(event(now, 0, kEventFileVersion, "brain.Event:2")) +
                tfrecord(event(now, first_step, kEventSessionLog, start)));
}

void TensorBoardWriter::scalars(std::int64_t step, double wall_time_seconds,
                                const std::vector<std::pair<std::string, double>>& values) {
  std::string summary;
  for (const auto& [tag, value] : values) {
    std::string one;
    put_bytes_field(one, kValueTag, tag);
    put_float_field(one, kValueSimpleValue, static_cast<float>(value));
    put_bytes_field(summary, kSummaryValue, one);
  }
  file_->append(tfrecord(event(wall_time_seconds, step, kEventSummary, summary)));
}

}  // namespace corollary
