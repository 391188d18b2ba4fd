#include "device/tensor.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <sstream>
#include <vector>

namespace corollary {
namespace {

float from_bits(std::uint32_t bits) { return std::bit_cast<float>(bits); }
std::string text(const auto& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

TEST(Bf16, EveryValueSurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const bf16 value{static_cast<std::uint16_t>(bits)};
    const float wide = to_float(value);
    if (std::isnan(wide)) {
      ASSERT_EQ(to_bf16(wide).bits, bits | 0x40) << std::hex << bits;  // a signalling NaN becomes quiet, sign and payload stay
    } else {
      ASSERT_EQ(to_bf16(wide).bits, bits) << std::hex << bits;
    }
  }
}

TEST(Bf16, RoundsToNearestAndTiesToEven) {
  EXPECT_EQ(to_bf16(from_bits(0x3f808000)).bits, 0x3f80);  // halfway, down to even
  EXPECT_EQ(to_bf16(from_bits(0x3f818000)).bits, 0x3f82);  // halfway, up to even
  EXPECT_EQ(to_bf16(from_bits(0x3f807fff)).bits, 0x3f80);
  EXPECT_EQ(to_bf16(from_bits(0x3f808001)).bits, 0x3f81);
  EXPECT_EQ(to_bf16(from_bits(0xbf818000)).bits, 0xbf82);  // by magnitude, whatever the sign
  EXPECT_EQ(to_bf16(from_bits(0x3fffffff)).bits, 0x4000);  // carries into the exponent
  EXPECT_EQ(to_bf16(from_bits(0x7f7fffff)).bits, 0x7f80);  // past the largest: infinity
  EXPECT_EQ(to_bf16(from_bits(0x00008000)).bits, 0x0000);  // subnormals round alike
  EXPECT_EQ(to_bf16(from_bits(0x00018000)).bits, 0x0002);
}

TEST(Bf16, IsNeverFurtherThanItsNeighbours) {
  for (std::uint32_t high = 0; high < 0x7f80; high += 37)
    for (std::uint32_t low = 0; low < 0x10000; low += 4099) {
      const float value = from_bits(high << 16 | low);
      const bf16 nearest = to_bf16(value);
      const double error = std::abs(double{to_float(nearest)} - value);
      for (const std::uint32_t other : {high, high + 1}) {
        if (other < 0x7f80) {
          ASSERT_LE(error, std::abs(double{from_bits(other << 16)} - value));
        }
      }
    }
}

TEST(Bf16, NanStaysNan) {
  for (const std::uint32_t bits : {0x7f800001u, 0x7fffffffu, 0xffffffffu, 0xff800001u, 0x7fc00000u, 0x7f80ffffu})
    EXPECT_TRUE(std::isnan(to_float(to_bf16(from_bits(bits))))) << std::hex << bits;
  EXPECT_EQ(to_bf16(INFINITY).bits, 0x7f80);
  EXPECT_EQ(to_bf16(-INFINITY).bits, 0xff80);
}

TEST(Shape, CountsComparesPrints) {
  EXPECT_EQ((Shape{2, 3, 4}).count(), 24);
  EXPECT_EQ(Shape{}.count(), 1);
  EXPECT_EQ((Shape{5, 0}).count(), 0);
  EXPECT_EQ((Shape{2, 3})[-1], 3);
  EXPECT_NE((Shape{2, 3}), (Shape{2, 3, 1}));
  EXPECT_EQ(text(Shape{2, 3}), "[2,3]");
  EXPECT_EQ(text(Shape{}), "[]");
}

TEST(Shape, RefusesTheImpossible) {
  EXPECT_THROW((Shape{1, 2, 3, 4, 5}), Error);
  EXPECT_THROW((Shape{2, -1}.count()), Error);
  EXPECT_THROW((Shape{std::int64_t{1} << 40, std::int64_t{1} << 40}.count()), Error);
  EXPECT_EQ((Shape{0, std::int64_t{1} << 62}.count()), 0);
}

TEST(DTypes, HaveSizesAndNames) {
  EXPECT_EQ(size_of(DType::f32), 4);
  EXPECT_EQ(size_of(DType::bf16), 2);
  EXPECT_EQ(size_of(DType::i32), 4);
  EXPECT_EQ(size_of(DType::u16), 2);
  EXPECT_EQ(size_of(DType::u8), 1);
  EXPECT_EQ(size_of(DType::i8), 1);
  EXPECT_EQ(text(DType::bf16), "bf16");
  EXPECT_EQ(text(DType::i8), "i8");
}

class View : public ::testing::Test {
 protected:
  View() {
    for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<float>(i);
  }
  std::vector<float> memory = std::vector<float>(60);
};

TEST_F(View, RowsAndColumnsShareMemory) {
  const Tensor x(memory.data(), DType::f32, {6, 10});
  const Tensor rows = x.rows(2, 5);
  EXPECT_EQ(rows.shape(), (Shape{3, 10}));
  EXPECT_EQ(rows.data<float>()[0], 20);
  const Tensor block = rows.columns(4, 7);
  EXPECT_EQ(block.shape(), (Shape{3, 3}));
  EXPECT_EQ(block.row_stride(), 10);
  EXPECT_FALSE(block.is_contiguous());
  EXPECT_EQ(block.data<float>()[block.row_stride() * 2], 44);
  EXPECT_EQ(block.rows(1, 2).data<float>()[0], 34);
  EXPECT_EQ(x.rows(3, 3).count(), 0);
  block.data<float>()[0] = -1;
  EXPECT_EQ(memory[24], -1);
}

TEST_F(View, RowsOfOtherRanks) {
  const Tensor line(memory.data(), DType::f32, {60});
  EXPECT_EQ(line.rows(7, 9).data<float>()[0], 7);
  EXPECT_EQ(line.rows(7, 9).shape(), (Shape{2}));
  EXPECT_TRUE(line.rows(7, 9).is_contiguous());
  const Tensor cube(memory.data(), DType::f32, {3, 4, 5});
  EXPECT_EQ(cube.rows(1, 3).data<float>()[0], 20);
  EXPECT_EQ(cube.rows(1, 3).shape(), (Shape{2, 4, 5}));
  const Tensor padded(memory.data(), DType::f32, {2, 3, 4}, 10);
  EXPECT_EQ(padded.rows(1, 2).data<float>()[0], 30);
}

TEST_F(View, ReshapesContiguousMemoryOnly) {
  const Tensor x(memory.data(), DType::f32, {6, 10});
  EXPECT_EQ(x.reshaped({3, 20}).rows(1, 2).data<float>()[0], 20);
  EXPECT_EQ(x.size_bytes(), 240);
  EXPECT_THROW(x.reshaped({3, 19}), Error);
  EXPECT_THROW(x.columns(0, 5).reshaped({30}), Error);
}

TEST_F(View, ErrorsNameWhatWasAsked) {
  const Tensor x(memory.data(), DType::f32, {6, 10});
  EXPECT_THROW(x.rows(-1, 2), Error);
  EXPECT_THROW(x.rows(3, 2), Error);
  EXPECT_THROW(x.rows(0, 7), Error);
  EXPECT_THROW(x.columns(0, 11), Error);
  EXPECT_THROW(Tensor(memory.data(), DType::f32, {60}).columns(0, 1), Error);
  EXPECT_THROW(Tensor().rows(0, 0), Error);
  try {
    x.data<bf16>();
    ADD_FAILURE() << "f32 read as bf16";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("tensor holds f32, asked for bf16"), std::string::npos) << error.what();
  }
}

TEST_F(View, EmptyViewIsFalse) {
  EXPECT_FALSE(Tensor());
  EXPECT_TRUE(Tensor(memory.data(), DType::f32, {1}));
  const ConstTensor from = Tensor(memory.data(), DType::f32, {2, 3}, 5);
  EXPECT_EQ(from.row_stride(), 5);
  EXPECT_EQ(from.raw(), memory.data());
}

}  // namespace
}  // namespace corollary
