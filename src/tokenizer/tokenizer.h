#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "tokenizer/decoder.h"
#include "tokenizer/token_buffer.h"
#include "tokenizer/vocabulary.h"

namespace corollary {

struct EncodeOptions {
  bool add_bos = false, add_eos = false;
  /// Text such as "<s>" becomes the id of the special token: what Hugging Face does with a tokenizer.json, and what prompts made by
  /// a chat template need. Off, a document that quotes "</s>" cannot end itself. Added tokens that are not special always match.
  bool match_special = false;
};

/// Text <-> ids, exactly as SentencePiece (tokenizer.model) or Hugging Face (tokenizer.json) make them. Immutable and shared:
/// copies are handles on one object, every function may be called from any thread.
class Tokenizer {
 public:
  /// A file, told by its content: SentencePiece model, Hugging Face JSON, llama2.c tokenizer.bin, any of them also .zst or .gz; or
  /// a folder with tokenizer.model, tokenizer.json or tokenizer.bin (the first that exists). Error names file, place and remedy.
  static Tokenizer load(const fs::path& path);
  /// The same from memory; `where` names it in errors.
  static Tokenizer from_bytes(std::string bytes, const std::string& where);

  std::vector<std::int32_t> encode(std::string_view text, const EncodeOptions& options = {}) const;
  void encode(std::string_view text, TokenBuffer& out, const EncodeOptions& options = {}) const;  ///< appends
  std::vector<std::vector<std::int32_t>> encode_batch(std::span<const std::string_view> texts,
                                                      const EncodeOptions& options = {}) const;

  /// Control ids write nothing; the encoder's leading space is taken off; malformed bytes become U+FFFD.
  std::string decode(std::span<const std::int32_t> ids) const;
  StreamDecoder stream_decoder() const;  ///< must not outlive the last copy of this tokenizer

  std::int32_t vocab_size() const;
  std::int32_t bos_id() const, eos_id() const, unk_id() const, pad_id() const;  ///< -1 if there is none
  const std::string& piece(std::int32_t id) const;                              ///< as in the file: spaces are U+2581
  std::optional<std::int32_t> id_of(std::string_view piece) const;
  const Vocabulary& vocabulary() const;

  /// Writes what Hugging Face's tools load: tokenizer.model (tokenizer.json if it came from one, byte for byte) and
  /// tokenizer_config.json.
  void save(const fs::path& folder) const;
  std::string digest() const;  ///< sha256 of that file
  /// The name of the file save() writes beside tokenizer_config.json.
  std::string file_name() const;

 private:
  friend class StreamEncoder;
  struct State;
  explicit Tokenizer(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

/// Encodes a text that comes in chunks, cut anywhere: ids come out as soon as no later byte can change them, and all together are
/// those of the whole text. (Whole texts are kept until finish() for the few vocabularies that look at all of it: see encoder.h,
/// and those with added tokens or remove_extra_whitespaces.)
class StreamEncoder {
 public:
  explicit StreamEncoder(Tokenizer tokenizer, const EncodeOptions& options = {});
  void push(std::string_view chunk, TokenBuffer& out);
  void finish(TokenBuffer& out);  ///< then the next push() begins another text

 private:
  Tokenizer tokenizer_;
  EncodeOptions options_;
  bool can_stream_, is_begun_ = false;
  std::string waiting_;
};

}  // namespace corollary
