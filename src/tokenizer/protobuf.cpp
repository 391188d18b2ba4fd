#include "tokenizer/protobuf.h"

#include <bit>

#include "base/error.h"

namespace corollary {

void ProtobufReader::damaged(const char* what) const {
  fail("in ", where_, " at byte ", at_ + position_, ": ", what, ": not a SentencePiece model, or a damaged one; fetch it again");
}

std::uint64_t ProtobufReader::read_varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (position_ == bytes_.size()) damaged("a number is cut short");
    const auto byte = static_cast<unsigned char>(bytes_[position_++]);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  damaged("a number has more than 10 bytes");
}

std::string_view ProtobufReader::take(std::uint64_t count) {
  if (count > bytes_.size() - position_) damaged("a field is longer than what is left");
  const std::string_view value = bytes_.substr(position_, count);
  position_ += count;
  return value;
}

void ProtobufReader::skip() {
  has_value_ = false;
  switch (wire_) {
    case varint:
      read_varint();
      break;
    case fixed64:
      take(8);
      break;
    case length_delimited:
      take(read_varint());
      break;
    case fixed32:
      take(4);
      break;
    default:
      damaged("a field of unknown wire type");
  }
}

std::optional<int> ProtobufReader::next_field() {
  if (has_value_) skip();
  if (position_ == bytes_.size()) return std::nullopt;
  const std::uint64_t tag = read_varint();
  if (tag >> 3 == 0 || tag >> 3 > 0x1FFFFFFF) damaged("a field number out of range");
  field_ = static_cast<int>(tag >> 3);
  wire_ = static_cast<int>(tag & 7);
  has_value_ = true;
  return field_;
}

void ProtobufReader::expect(Wire wire) {
  if (wire_ != wire) damaged("a field of the wrong type");
  has_value_ = false;
}

std::int64_t ProtobufReader::integer() {
  expect(varint);
  return static_cast<std::int64_t>(read_varint());
}

float ProtobufReader::number() {
  expect(fixed32);
  const std::string_view four = take(4);
  std::uint32_t bits = 0;
  for (int i = 3; i >= 0; --i) bits = bits << 8 | static_cast<unsigned char>(four[static_cast<std::size_t>(i)]);
  return std::bit_cast<float>(bits);
}

std::string_view ProtobufReader::bytes() {
  expect(length_delimited);
  return take(read_varint());
}

void ProtobufWriter::varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
  out_ += static_cast<char>(value);
}

void ProtobufWriter::integer(int field, std::int64_t value) {
  varint(static_cast<std::uint64_t>(field) << 3);
  varint(static_cast<std::uint64_t>(value));
}

void ProtobufWriter::number(int field, float value) {
  varint(static_cast<std::uint64_t>(field) << 3 | 5);
  const auto bits = std::bit_cast<std::uint32_t>(value);
  for (int shift = 0; shift < 32; shift += 8) out_ += static_cast<char>(bits >> shift);
}

void ProtobufWriter::bytes(int field, std::string_view value) {
  varint(static_cast<std::uint64_t>(field) << 3 | 2);
  varint(value.size());
  out_ += value;
}

}  // namespace corollary
