#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/json.h"

namespace corollary {

/// One set of documents of a corpus: a subset ("code", "web", ...) and a split ("train", "validation", "test"), in one file or
/// several.
struct CorpusSet {
  std::string subset, split;
  std::vector<fs::path> files;  ///< sorted; JSON Lines {"text", ...}, plain, .zst or .gz
};

/// The sets of a corpus, sorted by subset and split. Understood are SUBSET/SPLIT.jsonl[.zst|.gz] (our corpus stage),
/// SUBSET/SPLIT/*.jsonl[...] (Proof-Pile-2), files directly in the folder (subset: the file's name, split: train), and a single
/// file. rejected.jsonl, contaminated.jsonl and folders whose name begins with a dot are no sets. Error if there is none.
std::vector<CorpusSet> corpus_sets(const fs::path& corpus);

/// What up_to_date() compares: each file's path below `corpus` with its digest, taken from corpus/manifest.json where that lists
/// the file with the size it has, else computed.
Json corpus_digests(const fs::path& corpus, const std::vector<CorpusSet>& sets);

/// Takes the "text" of JSON Lines. Not thread-safe: one per thread.
class DocumentParser {
 public:
  DocumentParser();
  ~DocumentParser();
  /// The text, valid until the next call; nullopt with the reason in why() if the line is no object with a string "text".
  std::optional<std::string_view> text(std::string_view line);
  const std::string& why() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace corollary
