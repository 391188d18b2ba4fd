#include "tokenizer/encoder.h"

#include <algorithm>
#include <bit>

#include "tokenizer/whole_text.h"

namespace corollary {
namespace {

TokenBuffer ids_of_zero_byte(WordMerger& merger) {
  TokenBuffer ids;
  merger.encode(std::string_view("\0", 1), ids);
  return ids;
}

/// A run of unknown ids becomes one.
void fuse_unknown(TokenBuffer& out, std::size_t from, std::int32_t unk_id) {
  const auto ids = out.ids().subspan(from);
  const auto end = std::unique(ids.begin(), ids.end(), [&](std::int32_t a, std::int32_t b) { return a == unk_id && b == unk_id; });
  out.resize(from + static_cast<std::size_t>(end - ids.begin()));
}

}  // namespace

EncodingTables::EncodingTables(Vocabulary given)
    : vocabulary(std::move(given)),
      index(vocabulary),
      rules(vocabulary, index),
      cuts(vocabulary, rules),
      words_are_independent(vocabulary.has_explicit_merges ||
                            std::none_of(vocabulary.pieces.begin(), vocabulary.pieces.end(),
                                         [](auto& piece) { return piece.type == PieceType::unused; })) {}

Encoder::Encoder(const EncodingTables& tables)
    : tables_(tables),
      merger_(tables.vocabulary, tables.index, tables.rules),
      cache_(ids_of_zero_byte(merger_).ids()),
      words_(kBatchBytes) {}

void Encoder::encode(std::string_view text, bool with_prefix, TokenBuffer& out) {
  if (text.empty()) return;
  const std::size_t before = out.size();
  if (!tables_.words_are_independent) {
    encode_whole_text(tables_.vocabulary, tables_.index, text, with_prefix, out);
  } else if (!with_prefix) {
    encode_words(text, 0, out);
  } else {
    // The space before the text is joined to the first word in a copy of that word.
    const std::size_t end = tables_.cuts.between(' ', text[0]) ? 0 : tables_.cuts.next(text, 1);
    first_word_.assign(1, ' ').append(text.substr(0, end));
    out.reserve(WordCache::kMaxInlineIds);
    out.set_end(encode_word(first_word_, out.end(), out));
    encode_words(text, end, out);
  }
  if (tables_.vocabulary.fuses_unknown && !tables_.vocabulary.byte_fallback) fuse_unknown(out, before, tables_.vocabulary.unk_id);
}

/// Merges a word, remembers it, and writes its ids at `end`, which is out.end() in the making; returns the new one.
std::int32_t* Encoder::encode_unseen(std::string_view word, std::int32_t* end, TokenBuffer& out) {
  word_ids_.clear();
  merger_.encode(word, word_ids_);
  cache_.insert(word, word_ids_.ids());
  out.set_end(end);
  out.reserve(word_ids_.size() + kBatchIds);
  return std::copy(word_ids_.ids().begin(), word_ids_.ids().end(), out.end());
}

/// A word that is longer than 8 bytes, has many ids, or stands near the end of the text.
std::int32_t* Encoder::encode_word(std::string_view word, std::int32_t* end, TokenBuffer& out) {
  std::uint64_t value;
  if (word.size() <= 8) {
    char bytes[8] = {};
    std::memcpy(bytes, word.data(), word.size());
    value = cache_.find_short(WordCache::short_key(bytes, 8));
  } else {
    value = word.size() <= WordCache::kMaxWordBytes ? cache_.find(word) : WordCache::kMiss;
  }
  if (value == WordCache::kMiss) return encode_unseen(word, end, out);
  if (WordCache::is_inline(value)) return cache_.write(value, end);
  const auto ids = cache_.side_ids(value);
  out.set_end(end);
  out.reserve(ids.size() + kBatchIds);
  return std::copy(ids.begin(), ids.end(), out.end());
}

/// Fills words_ with the words that end before a border in [block, end), whole blocks; `start` is where the next word begins, and
/// how many there are is returned.
std::size_t Encoder::find_words(const char*& start, const char* block, const char* end) {
  Word* word = words_.data();
  for (; block != end; block += kBlockBytes) {
    for (std::uint64_t cuts = tables_.cuts.mask64(block); cuts != 0; cuts &= cuts - 1) {
      const char* const stop = block + std::countr_zero(cuts);
      *word = {WordCache::short_key(start, static_cast<std::size_t>(stop - start)), start, static_cast<std::size_t>(stop - start)};
      cache_.prefetch_short(word->key);
      start = stop;
      ++word;
    }
  }
  return static_cast<std::size_t>(word - words_.data());
}

/// Appends the ids of the first `count` of words_. Where a word is in the cache entry itself there is room for its ids without a
/// look: for a whole batch from the beginning, and again after each word that is not.
void Encoder::look_up_words(std::size_t count, TokenBuffer& out) {
  out.reserve(kBatchIds);
  std::int32_t* end = out.end();
  for (const Word *word = words_.data(), *last = word + count; word != last; ++word) {
    const std::uint64_t value = word->length <= 8 ? cache_.find_short(word->key) : WordCache::kMiss;
    if (WordCache::is_inline(value)) [[likely]]
      end = cache_.write(value, end);
    else
      end = encode_word({word->begin, word->length}, end, out);
  }
  out.set_end(end);
}

/// In two passes over a batch small enough for the first cache: find the words and ask for their cache entries, then look them up.
/// What cannot be predicted (where words end) and what takes long (memory) so wait for different things at different times.
void Encoder::encode_words(std::string_view text, std::size_t at, TokenBuffer& out) {
  const char *start = text.data() + at, *block = start + 1, *const end = text.data() + text.size();
  while (end - block >= static_cast<std::ptrdiff_t>(kBlockBytes + 8)) {
    const std::size_t bytes = std::min((static_cast<std::size_t>(end - block) - 8) / kBlockBytes * kBlockBytes, kBatchBytes);
    look_up_words(find_words(start, block, block + bytes), out);
    block += bytes;
  }
  for (at = static_cast<std::size_t>(start - text.data()); at < text.size();) {
    const std::size_t stop = tables_.cuts.next(text, at + 1);
    out.reserve(kBatchIds);
    out.set_end(encode_word(text.substr(at, stop - at), out.end(), out));
    at = stop;
  }
}

}  // namespace corollary
