#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace corollary {

/// Reads the fields of one protobuf message, in order, with every length checked against the bytes there are. A field is given out
/// once; nested messages are read by another reader over bytes(). Wire format:
/// developers.google.com/protocol-buffers/docs/encoding.
class ProtobufReader {
 public:
  /// `where` names the message in errors and must outlive the reader; `at` is its offset in the file, for errors.
  ProtobufReader(std::string_view message, const std::string& where, std::size_t at = 0)
      : bytes_(message), where_(where), at_(at) {}

  std::optional<int> next_field();  ///< its number; nullopt at the end. A value not asked for is skipped.

  // The value of the field just given out. Error if the file has another type there, or the value is cut short.
  std::int64_t integer();
  bool boolean() { return integer() != 0; }
  float number();  ///< 32-bit float
  std::string_view bytes();
  std::size_t value_offset() const { return at_ + position_; }

 private:
  enum Wire { varint = 0, fixed64 = 1, length_delimited = 2, fixed32 = 5 };
  std::uint64_t read_varint();
  std::string_view take(std::uint64_t count);
  void expect(Wire wire);
  void skip();
  [[noreturn]] void damaged(const char* what) const;

  std::string_view bytes_;
  const std::string& where_;
  std::size_t at_, position_ = 0;
  int field_ = 0, wire_ = 0;
  bool has_value_ = false;
};

/// Builds a message field by field.
class ProtobufWriter {
 public:
  void integer(int field, std::int64_t value);
  void number(int field, float value);
  void bytes(int field, std::string_view value);
  const std::string& message() const { return out_; }

 private:
  void varint(std::uint64_t value);
  std::string out_;
};

}  // namespace corollary
