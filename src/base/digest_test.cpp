#include "base/digest.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/test_folder.h"

namespace corollary {
namespace {

// FIPS 180-4's examples.
TEST(Digest, Sha256KnownAnswers) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Digest, PiecesAndFilesAgree) {
  Sha256 pieces;
  pieces.update("a");
  pieces.update("");
  pieces.update("bc");
  EXPECT_EQ(pieces.hex(), sha256_hex("abc"));
  const TestFolder folder;
  write_file(folder / "x", "abc");
  EXPECT_EQ(sha256_file(folder / "x"), sha256_hex("abc"));
}

// XXH3's values for no bytes at all, as its specification's sanity checks give them.
TEST(Digest, XxHash) {
  EXPECT_EQ(hash64(""), 0x2d06800538d394c2u);
  EXPECT_EQ(hash128(""), (Hash128{0x6001c324468d497f, 0x99aa06d3014798d8}));
  EXPECT_NE(hash64("a"), hash64("a", 1));
  EXPECT_NE(hash128("a"), hash128("b"));
}

}  // namespace
}  // namespace corollary
