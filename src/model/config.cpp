#include "model/config.h"

#include <cmath>

#include "base/error.h"

namespace corollary {
namespace {

constexpr std::int64_t kLargestExtent = std::int64_t{1} << 31;  // two of these multiply without overflow
constexpr double kMostParameters = 1e17;                        // 16 bytes each still fit an std::int64_t

double parameters_as_double(const LlamaConfig& c) {
  const auto of = [](std::int64_t n) { return static_cast<double>(n); };
  const double hidden = of(c.hidden_size);
  const double block = hidden * (2 * of(c.q_size()) + 2 * of(c.kv_size()) + 3 * of(c.intermediate_size) + 2);
  return 2 * of(c.vocab_size) * hidden + of(c.num_hidden_layers) * block + hidden;
}

std::int64_t matrix_parameters(const LlamaConfig& c) {  // without the embedding table, which is looked up, not multiplied
  const std::int64_t block = 2 * c.q_size() + 2 * c.kv_size() + 3 * c.intermediate_size;
  return c.hidden_size * (c.num_hidden_layers * block + c.vocab_size);
}

/// A config.json with the questions we ask of it; every complaint names file and key.
class Keys {
 public:
  Keys(const Json& json, const std::string& where) : json_(json), where_(where) {
    check(json.is_object(), "not a Hugging Face config.json: ", where, " holds no JSON object");
  }
  const Json* find(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }
  std::int64_t whole(const char* key, std::int64_t fallback) const {
    const Json* value = find(key);
    if (!value) return fallback;
    check(value->is_number_integer(), "wrong type: ", where_, ": ", key, " must be a whole number, is ",
          value->dump().substr(0, 60));
    return value->get<std::int64_t>();
  }
  std::int64_t required(const char* key) const {
    check(find(key) != nullptr, "missing key: ", where_, " has no ", key, ": is it the config.json of a Llama?");
    return whole(key, 0);
  }
  double number(const char* key, double fallback) const { return number_of(find(key), key, fallback); }
  double number_of(const Json* value, const char* key, double fallback) const {
    if (!value) return fallback;
    check(value->is_number(), "wrong type: ", where_, ": ", key, " must be a number, is ", value->dump().substr(0, 60));
    return value->get<double>();
  }
  bool flag(const char* key) const {
    const Json* value = find(key);
    if (!value) return false;
    check(value->is_boolean(), "wrong type: ", where_, ": ", key, " must be true or false, is ", value->dump().substr(0, 60));
    return value->get<bool>();
  }
  std::string text(const char* key, const std::string& fallback) const {
    const Json* value = find(key);
    if (!value) return fallback;
    check(value->is_string(), "wrong type: ", where_, ": ", key, " must be a string, is ", value->dump().substr(0, 60));
    return value->get<std::string>();
  }
  std::int64_t token_id(const char* key, std::int64_t fallback) const {
    const auto found = json_.find(key);
    if (found == json_.end()) return fallback;
    if (found->is_null()) return -1;
    const Json& value = found->is_array() && !found->empty() ? found->front() : *found;
    check(value.is_number_integer(), "wrong type: ", where_, ": ", key, " must be a token id or a list of them");
    return value.get<std::int64_t>();
  }
  void expect(bool ok, const char* key, const char* supported) const {
    const auto found = json_.find(key);
    check(ok, "unsupported model: ", where_, ": ", key, " is ", found == json_.end() ? "absent" : found->dump().substr(0, 80),
          ", supported is ", supported);
  }

 private:
  const Json& json_;
  const std::string& where_;
};

/// The base of the rotary embedding, where old and new releases keep it; any scaling of it is refused.
double read_rope_theta(const Keys& keys, const std::string& where) {
  double theta = keys.number("rope_theta", 10000.0);
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const Json* rope = keys.find(key);
    if (!rope) continue;
    check(rope->is_object(), "wrong type: ", where, ": ", key, " must be an object or null");
    for (const char* kind : {"rope_type", "type"})
      if (const auto type = rope->find(kind); type != rope->end())
        keys.expect(*type == "default", key, "null, or the type default");
    keys.expect(rope->contains("rope_type") || rope->contains("type") || !rope->contains("factor"), key,
                "null, or the type default");
    if (const auto base = rope->find("rope_theta"); base != rope->end()) theta = keys.number_of(&*base, "rope_theta", theta);
  }
  return theta;
}

}  // namespace

LlamaConfig resolve(LlamaConfig c) {
  const auto extent = [](const char* name, std::int64_t value) {
    check(value > 0 && value < kLargestExtent, "model: ", name, " is ", value, ", must be from 1 to ", kLargestExtent - 1);
  };
  check(c.vocab_size != 0, "model: vocab_size is 0: set it to the number of the tokenizer's pieces");
  extent("vocab_size", c.vocab_size);
  extent("hidden_size", c.hidden_size);
  extent("num_hidden_layers", c.num_hidden_layers);
  extent("num_attention_heads", c.num_attention_heads);
  extent("max_position_embeddings", c.max_position_embeddings);
  if (c.intermediate_size == 0) c.intermediate_size = (8 * c.hidden_size / 3 + 63) / 64 * 64;
  extent("intermediate_size", c.intermediate_size);
  if (c.num_key_value_heads == 0) c.num_key_value_heads = c.num_attention_heads;
  extent("num_key_value_heads", c.num_key_value_heads);
  if (c.head_dim == 0) {
    check(c.hidden_size % c.num_attention_heads == 0, "model: hidden_size ", c.hidden_size,
          " does not divide into num_attention_heads ", c.num_attention_heads, ": change one of them or give head_dim");
    c.head_dim = c.hidden_size / c.num_attention_heads;
  }
  extent("head_dim", c.head_dim);
  check(c.head_dim % 2 == 0, "model: head_dim is ", c.head_dim, ", must be even: the rotary embedding turns pairs");
  check(c.num_attention_heads % c.num_key_value_heads == 0, "model: num_attention_heads ", c.num_attention_heads,
        " does not divide into num_key_value_heads ", c.num_key_value_heads);
  check(std::isfinite(c.rms_norm_eps) && c.rms_norm_eps > 0, "model: rms_norm_eps is ", c.rms_norm_eps, ", must be above 0");
  check(std::isfinite(c.rope_theta) && c.rope_theta > 0, "model: rope_theta is ", c.rope_theta, ", must be above 0");
  check(std::isfinite(c.initializer_range) && c.initializer_range > 0, "model: initializer_range is ", c.initializer_range,
        ", must be above 0");
  for (const std::int64_t id : {c.bos_token_id, c.eos_token_id})
    check(-1 <= id && id < c.vocab_size, "model: token id ", id, " lies outside the vocabulary of ", c.vocab_size, " (-1: none)");
  check(parameters_as_double(c) < kMostParameters, "model: these sizes make ", parameters_as_double(c),
        " parameters: more than any memory; lower hidden_size or num_hidden_layers");
  return c;
}

HuggingFaceConfig parse_huggingface_config(const Json& json, const std::string& where) {
  const Keys keys(json, where);
  keys.expect(keys.text("model_type", "") == "llama", "model_type", "llama");
  keys.expect(keys.text("hidden_act", "silu") == "silu", "hidden_act", "silu");
  keys.expect(!keys.flag("attention_bias"), "attention_bias", "false");
  keys.expect(!keys.flag("mlp_bias"), "mlp_bias", "false");
  keys.expect(keys.number("partial_rotary_factor", 1.0) == 1.0, "partial_rotary_factor", "1");
  keys.expect(keys.find("quantization_config") == nullptr, "quantization_config", "none: float32, bfloat16 or float16 weights");

  HuggingFaceConfig result;
  LlamaConfig& c = result.config;
  c.vocab_size = keys.required("vocab_size");
  c.hidden_size = keys.required("hidden_size");
  c.intermediate_size = keys.required("intermediate_size");
  c.num_hidden_layers = keys.required("num_hidden_layers");
  c.num_attention_heads = keys.required("num_attention_heads");
  c.num_key_value_heads = keys.whole("num_key_value_heads", 0);
  c.head_dim = keys.whole("head_dim", 0);
  c.max_position_embeddings = keys.whole("max_position_embeddings", 2048);
  c.rms_norm_eps = keys.number("rms_norm_eps", 1e-6);
  c.rope_theta = read_rope_theta(keys, where);
  c.bos_token_id = keys.token_id("bos_token_id", 1);
  c.eos_token_id = keys.token_id("eos_token_id", 2);
  c.initializer_range = keys.number("initializer_range", 0.02);
  try {
    c = resolve(c);
  } catch (const Error& error) {
    fail("contradictory ", where, ": ", error.what());
  }
  result.ties_embeddings = keys.flag("tie_word_embeddings");
  result.torch_dtype = keys.text("torch_dtype", keys.text("dtype", ""));
  return result;
}

HuggingFaceConfig read_huggingface_config(const fs::path& config_json) {
  return parse_huggingface_config(read_json_file(config_json), config_json.string());
}
LlamaConfig read_llama_config(const fs::path& config_json) { return read_huggingface_config(config_json).config; }

Json llama_config_to_huggingface(const LlamaConfig& config, const std::string& torch_dtype) {
  const auto id_or_null = [](std::int64_t id) { return id < 0 ? Json(nullptr) : Json(id); };
  Json json;
  json["architectures"] = Json::array({"LlamaForCausalLM"});
  json["model_type"] = "llama";
  json["vocab_size"] = config.vocab_size;
  json["hidden_size"] = config.hidden_size;
  json["intermediate_size"] = config.intermediate_size;
  json["num_hidden_layers"] = config.num_hidden_layers;
  json["num_attention_heads"] = config.num_attention_heads;
  json["num_key_value_heads"] = config.num_key_value_heads;
  json["head_dim"] = config.head_dim;
  json["hidden_act"] = "silu";
  json["max_position_embeddings"] = config.max_position_embeddings;
  json["initializer_range"] = config.initializer_range;
  json["rms_norm_eps"] = config.rms_norm_eps;
  json["rope_theta"] = config.rope_theta;
  json["rope_scaling"] = nullptr;
  json["attention_bias"] = false;
  json["attention_dropout"] = 0.0;
  json["mlp_bias"] = false;
  json["tie_word_embeddings"] = false;
  json["use_cache"] = true;
  json["bos_token_id"] = id_or_null(config.bos_token_id);
  json["eos_token_id"] = id_or_null(config.eos_token_id);
  json["torch_dtype"] = torch_dtype;
  return json;
}

std::int64_t parameter_count(const LlamaConfig& config) {
  return matrix_parameters(config) + config.hidden_size * (config.vocab_size + 2 * config.num_hidden_layers + 1);
}

double flops_per_token(const LlamaConfig& config, std::int64_t seq_len) {
  const double attention = static_cast<double>(config.num_hidden_layers) * static_cast<double>(seq_len * config.q_size());
  return 6.0 * static_cast<double>(matrix_parameters(config)) + 6.0 * attention;
}

}  // namespace corollary
