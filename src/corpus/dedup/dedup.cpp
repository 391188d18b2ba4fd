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

Fingerprint fingerprint(std::string_view text, bool with_chunks, bool as_published) {
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
  if (as_published && begin == 0 && !text.empty()) print.chunks.push_back({hash128(text), 0});
  return print;
}

Hash128 scoped(Hash128 hash, std::string_view scope) { return {hash.low ^ hash64(scope), hash.high}; }

std::optional<Rejection> Deduplicator::add(const Fingerprint& print, std::string_view scope) {
  std::optional<Rejection> rejection;
  if (!documents_.insert(print.document).second) rejection = Rejection{"duplicate_document"};
  for (const auto& chunk : print.chunks) {
    if (!rejection && chunks_.contains(scoped(chunk.hash, scope))) rejection = Rejection{"duplicate_chunk", chunk.offset};
    if (as_published_) chunks_.insert(scoped(chunk.hash, scope));
  }
  for (const auto& chunk : print.chunks) chunks_.insert(scoped(chunk.hash, scope));  // only now: it may repeat itself
  return rejection;
}

}  // namespace corollary
