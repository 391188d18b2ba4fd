#include "model/llama2c.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

namespace corollary {
namespace {

constexpr std::int64_t kHeaderBytes = 7 * 4;

struct Header {
  LlamaConfig config;
  bool shares_classifier = false;
};

Header parse_header(std::span<const std::byte> bytes, const std::string& where) {
  check(bytes.size() >= kHeaderBytes, "not a llama2.c model: ", where, " has ", bytes.size(), " bytes, its header alone takes 28");
  std::array<std::int32_t, 7> raw;
  std::memcpy(raw.data(), bytes.data(), kHeaderBytes);
  check(raw[0] != 0x616b3432, "unsupported ", where, ": a llama2.c model of version 1 or 2: export it with version 0");
  Header header;
  header.shares_classifier = raw[5] > 0;  // the sign says whether the embedding table serves as the head
  LlamaConfig& c = header.config;
  c.hidden_size = raw[0];
  c.intermediate_size = raw[1];
  c.num_hidden_layers = raw[2];
  c.num_attention_heads = raw[3];
  c.num_key_value_heads = raw[4];
  c.vocab_size = std::abs(std::int64_t{raw[5]});
  c.max_position_embeddings = raw[6];
  check(c.intermediate_size > 0 && c.num_key_value_heads > 0, "not a llama2.c model: ", where, " has hidden_dim ",
        c.intermediate_size, " and n_kv_heads ", c.num_key_value_heads, " in its header");
  try {
    c = resolve(c);
  } catch (const Error& error) {
    fail("not a llama2.c model: the header of ", where, ": ", error.what());
  }
  return header;
}

double expected_bytes(const Header& header) {  // a double: a hostile header may ask for more than an integer holds
  const LlamaConfig& c = header.config;
  const double table = static_cast<double>(c.vocab_size) * static_cast<double>(c.hidden_size);
  const double rotary = static_cast<double>(c.max_position_embeddings) * static_cast<double>(c.head_dim);
  return kHeaderBytes + 4 * (static_cast<double>(parameter_count(c)) - (header.shares_classifier ? table : 0) + rotary);
}

/// Row r of a head in half-split order is row interleaved_row(r) of the file: pairs (2i, 2i + 1) become (i, i + D/2).
std::int64_t interleaved_row(std::int64_t row, std::int64_t head_dim) {
  const std::int64_t in_head = row % head_dim, half = head_dim / 2;
  return row - in_head + (in_head < half ? 2 * in_head : 2 * (in_head - half) + 1);
}

/// Walks the file's f32 and places matrices in the layout.
class Importer {
 public:
  Importer(std::span<const std::byte> bytes, Tensor flat, const ParameterLayout& layout, const LlamaConfig& config)
      : bytes_(bytes.subspan(kHeaderBytes)), flat_(flat), layout_(layout), config_(config) {}

  void tensor(const std::string& name, bool is_rotated = false) {
    const ParameterLayout::Entry& entry = layout_.find(name);
    const std::int64_t columns = entry.shape[-1], rows = entry.shape.count() / columns;
    values_.resize(static_cast<std::size_t>(entry.shape.count()));
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t from = is_rotated ? interleaved_row(row, config_.head_dim) : row;
      std::memcpy(values_.data() + row * columns, bytes_.data() + (at_ + from * columns) * 4,
                  static_cast<std::size_t>(columns) * 4);
    }
    at_ += entry.shape.count();
    place(entry);
  }
  void per_layer(const std::string& name, bool is_rotated = false) {
    for (std::int64_t layer = 0; layer < config_.num_hidden_layers; ++layer)
      tensor("model.layers." + std::to_string(layer) + "." + name, is_rotated);
  }
  void skip(std::int64_t count) { at_ += count; }
  void copy(const std::string& from, const std::string& to) {
    const ParameterLayout::Entry &a = layout_.find(from), &b = layout_.find(to);
    std::memcpy(flat_.rows(b.offset, b.offset + b.shape.count()).raw(), flat_.rows(a.offset, a.offset + a.shape.count()).raw(),
                static_cast<std::size_t>(a.shape.count() * size_of(flat_.dtype())));
  }

 private:
  void place(const ParameterLayout::Entry& entry) {
    const Tensor to = flat_.rows(entry.offset, entry.offset + entry.shape.count());
    if (to.dtype() == DType::f32)
      std::ranges::copy(values_, to.data<float>());
    else
      std::ranges::transform(values_, to.data<bf16>(), to_bf16);
  }

  std::span<const std::byte> bytes_;
  Tensor flat_;
  const ParameterLayout& layout_;
  const LlamaConfig& config_;
  std::vector<float> values_;
  std::int64_t at_ = 0;  // f32 elements from the end of the header
};

}  // namespace

LoadedModel parse_llama2c(std::span<const std::byte> bytes, DType dtype, const std::string& where) {
  const Header header = parse_header(bytes, where);
  const double expected = expected_bytes(header);
  check(static_cast<double>(bytes.size()) == expected, "damaged ", where, ": its header promises ", expected, " bytes, it has ",
        bytes.size(), ": download it again, or it is no llama2.c model");
  const LlamaConfig& config = header.config;
  const ParameterLayout layout = parameter_layout(config);
  LoadedModel model{config, OwnedTensor(dtype, {layout.count})};
  Importer importer(bytes, model.parameters, layout, config);
  importer.tensor("model.embed_tokens.weight");
  importer.per_layer("input_layernorm.weight");
  importer.per_layer("self_attn.q_proj.weight", true);
  importer.per_layer("self_attn.k_proj.weight", true);
  importer.per_layer("self_attn.v_proj.weight");
  importer.per_layer("self_attn.o_proj.weight");
  importer.per_layer("post_attention_layernorm.weight");
  importer.per_layer("mlp.gate_proj.weight");
  importer.per_layer("mlp.down_proj.weight");
  importer.per_layer("mlp.up_proj.weight");
  importer.tensor("model.norm.weight");
  importer.skip(config.max_position_embeddings * config.head_dim);  // tables of cos and sin, which we compute
  if (header.shares_classifier)
    importer.copy("model.embed_tokens.weight", "lm_head.weight");
  else
    importer.tensor("lm_head.weight");
  check_finite(config, model.parameters, where);
  return model;
}

LoadedModel load_llama2c(const fs::path& path, DType dtype) {
  return parse_llama2c(MappedFile(path).bytes(), dtype, path.string());
}

bool is_llama2c(const fs::path& path) {
  if (!fs::is_regular_file(path)) return false;
  const MappedFile file(path);
  try {
    return static_cast<double>(file.bytes().size()) == expected_bytes(parse_header(file.bytes(), path.string()));
  } catch (const Error&) {
    return false;
  }
}

}  // namespace corollary
