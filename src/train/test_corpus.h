#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/random.h"
#include "model/config.h"
#include "train/config.h"

namespace corollary {

/// For tests: a packed corpus and a tokenizer of our own making, in folder/pack and folder/tokenizer, written byte by byte from the
/// description of the format and not by the library under test.
struct TestCorpus {
  static constexpr std::int32_t kVocabSize = 64;

  /// Documents whose tokens follow one another by a rule that differs by subset, so that there is something to learn. Id 2 ends
  /// each.
  static std::vector<std::vector<std::uint16_t>> documents(int count, std::int32_t factor, std::uint64_t seed) {
    Random random(seed);
    std::vector<std::vector<std::uint16_t>> all;
    for (int i = 0; i < count; ++i) {
      std::vector<std::uint16_t> document;
      std::int64_t token = random.below(kVocabSize - 3);
      const std::int64_t length = 5 + random.below(60);
      for (std::int64_t t = 0; t < length; ++t) {
        document.push_back(static_cast<std::uint16_t>(3 + token));
        token = random.below(10) == 0 ? random.below(kVocabSize - 3) : (factor * token + 1) % (kVocabSize - 3);
      }
      document.push_back(2);
      all.push_back(std::move(document));
    }
    return all;
  }

  /// prefix.bin and prefix.idx (Megatron's memory-mapped format, little endian).
  static void write_indexed(const fs::path& prefix, const std::vector<std::vector<std::uint16_t>>& documents) {
    std::string bin, lengths, offsets, boundaries, idx("MMIDIDX\0\0", 9);
    const auto put = [](std::string& out, auto value) { out.append(reinterpret_cast<const char*>(&value), sizeof value); };
    put(boundaries, std::int64_t{0});
    for (std::size_t i = 0; i < documents.size(); ++i) {
      put(lengths, static_cast<std::int32_t>(documents[i].size()));
      put(offsets, static_cast<std::int64_t>(bin.size()));
      put(boundaries, static_cast<std::int64_t>(i + 1));
      for (const std::uint16_t token : documents[i]) put(bin, token);
    }
    put(idx, std::uint64_t{1});
    put(idx, std::uint8_t{8});
    put(idx, std::uint64_t{documents.size()});
    put(idx, std::uint64_t{documents.size() + 1});
    write_file(prefix.string() + ".bin", bin);
    write_file(prefix.string() + ".idx", idx + lengths + offsets + boundaries);
  }

  static void write_tokenizer(const fs::path& folder) {
    Json vocab = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}};
    for (std::int32_t id = 3; id < kVocabSize; ++id) vocab[std::string(1, static_cast<char>('0' + id))] = id;
    Json added = Json::array();
    for (const auto& [text, id] : {std::pair{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}})
      added.push_back({{"id", id}, {"content", text}, {"special", true}});
    write_json_file(folder / "tokenizer.json",
                    {{"added_tokens", added},
                     {"normalizer", {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}}},
                     {"pre_tokenizer", nullptr},
                     {"model", {{"type", "BPE"}, {"unk_token", "<unk>"}, {"vocab", vocab}, {"merges", Json::array()}}}});
  }

  /// Two subsets; "small" has less of everything, and no full window of 32 to validate on.
  static void write(const fs::path& folder) {
    write_indexed(folder / "pack" / "big_train_text_document", documents(120, 5, 1));
    write_indexed(folder / "pack" / "big_validation_text_document", documents(12, 5, 2));
    write_indexed(folder / "pack" / "small_train_text_document", documents(9, 7, 3));
    write_indexed(folder / "pack" / "small_validation_text_document", {{3, 4, 5, 6, 7, 2}});
    write_tokenizer(folder / "tokenizer");
  }

  static Mixture mixture() { return {{"big", 3}, {"small", 1}}; }
  static LlamaConfig model() {
    return {.vocab_size = kVocabSize,
            .hidden_size = 32,
            .intermediate_size = 64,
            .num_hidden_layers = 2,
            .num_attention_heads = 4,
            .num_key_value_heads = 2,
            .max_position_embeddings = 32};
  }
  static TrainConfig config() {
    return {.seq_len = 32,
            .micro_batch_size = 2,
            .global_batch_size = 4,
            .train_iters = 40,
            .learning_rate = 1e-2,
            .warmup_iters = 5,
            .precision = "fp32",
            .eval_interval = 10,
            .eval_sequences = 4,
            .save_interval = 3,
            .keep_checkpoints = 2};
  }
};

}  // namespace corollary
