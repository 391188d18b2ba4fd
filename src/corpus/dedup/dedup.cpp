#include "corpus/dedup/dedup.h"

#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::int64_t kChunkCharacters = 2048;

std::string collapsed(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : trim(text)) {
    if (!is_ascii_space(c))
      out += c;
    else if (out.back() != ' ')
      out += ' ';
  }
  return out;
}

}  // namespace

Fingerprint fingerprint(std::string_view text, bool with_chunks) {
  Fingerprint print{hash128(collapsed(text)), {}};
  if (!with_chunks) return print;
  std::size_t begin = 0;
  std::int64_t characters = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const bool is_character_start = i == text.size() || (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (!is_character_start) continue;
    if (characters == kChunkCharacters) {
      print.chunks.push_back({hash128(text.substr(begin, i - begin)), static_cast<std::int64_t>(begin)});
      begin = i;
      characters = 0;
    }
    ++characters;
  }
  return print;
}

std::optional<Rejection> Deduplicator::add(const Fingerprint& print, std::string_view scope) {
  std::optional<Rejection> rejection;
  if (!documents_.insert(print.document).second) rejection = Rejection{"duplicate_document"};
  const std::uint64_t salt = hash64(scope);
  const auto scoped = [&](Hash128 hash) { return Hash128{hash.low ^ salt, hash.high}; };
  for (const auto& chunk : print.chunks)
    if (!rejection && chunks_.contains(scoped(chunk.hash))) rejection = Rejection{"duplicate_chunk", chunk.offset};
  for (const auto& chunk : print.chunks) chunks_.insert(scoped(chunk.hash));  // only now: it may repeat itself
  return rejection;
}

}  // namespace corollary
