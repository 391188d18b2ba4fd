#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/digest.h"
#include "corpus/document.h"

namespace corollary {

/// What exact deduplication knows of a document. Computed on any thread.
struct Fingerprint {
  struct Chunk {
    Hash128 hash;
    std::int64_t offset;  ///< byte
  };
  Hash128 document;           ///< of the text, runs of white space counted as one blank
  std::vector<Chunk> chunks;  ///< of each aligned piece of exactly 2048 characters; the tail has none
};
/// as_published: a text shorter than 2048 characters is a chunk too (not the empty one).
Fingerprint fingerprint(std::string_view text, bool with_chunks, bool as_published = false);

/// Says which documents repeat an earlier one: the same text but for white space, or (where fingerprints have chunks) a piece of
/// 2048 characters that an earlier document of the same scope has. AlgebraicStack's rule, but a document does not repeat itself.
/// The first holder stays. The answer depends on the order of the calls, so they come from one thread.
/// as_published: a document that repeats a chunk of its own is a duplicate too, of itself.
class Deduplicator {
 public:
  explicit Deduplicator(bool as_published = false) : as_published_(as_published) {}
  /// nullopt: new. Either way what the document holds counts as seen from now on. `scope`: a language.
  std::optional<Rejection> add(const Fingerprint& print, std::string_view scope);

 private:
  struct Hash {
    std::size_t operator()(const Hash128& h) const { return h.low; }
  };
  bool as_published_;
  std::unordered_set<Hash128, Hash> documents_, chunks_;
};

/// Hashes of equal chunks in different scopes differ.
Hash128 scoped(Hash128 hash, std::string_view scope);

}  // namespace corollary
