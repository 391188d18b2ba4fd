#include "infer/decoder.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "base/test_error.h"
#include "base/test_folder.h"
#include "infer/test_models.h"
#include "model/llama.h"

namespace corollary {
namespace {

using testing::HasSubstr;

std::vector<float> copy_of(std::span<const float> logits) { return {logits.begin(), logits.end()}; }

TEST(Decoder, MatchesPublishedCheckpoints) {
  const std::vector<ReferenceCase> cases = reference_cases();
  if (cases.empty()) GTEST_SKIP() << kModels << " is absent";
  Stream stream;
  for (const ReferenceCase& reference : cases) {
    const LoadedModel model = reference_model(reference.model, DType::f32);
    const auto length = static_cast<std::int64_t>(reference.ids.size());
    Decoder prefill(model.config, model.weights(), length), stepwise(model.config, model.weights(), length);
    const std::vector<float> at_once = copy_of(prefill.append(stream, reference.ids));
    std::vector<float> last;
    for (std::size_t i = 0; i < reference.ids.size(); ++i) {
      last = copy_of(stepwise.append(stream, std::span(reference.ids).subspan(i, 1)));
      EXPECT_EQ(std::ranges::max_element(last) - last.begin(), reference.argmax[i]) << reference.model << " at " << i;
      if (i + 1 < reference.ids.size()) {
        double sum = 0;
        for (const float logit : last) sum += std::exp(static_cast<double>(logit));
        EXPECT_NEAR(std::log(sum) - static_cast<double>(last[static_cast<std::size_t>(reference.ids[i + 1])]),
                    reference.nll_of_next[i], 1e-4);
      }
    }
    ASSERT_EQ(last.size(), reference.last_logits.size());
    for (std::size_t v = 0; v < last.size(); ++v) {
      EXPECT_NEAR(at_once[v], reference.last_logits[v], 1e-4) << reference.model << " logit " << v;
      EXPECT_NEAR(last[v], reference.last_logits[v], 1e-4) << reference.model << " logit " << v;
    }
  }
}

TEST(Decoder, AnyCutOfThePromptGivesTheLogitsOfTheTrainingForward) {
  Stream stream;
  LoadedModel model = small_model(DType::f32);
  const std::vector<std::int32_t> tokens = some_tokens(70, 50);
  Llama llama(model.config, DType::f32, 1, 70, false);
  OwnedTensor ids(DType::i32, {70}), all(DType::f32, {70, 50});
  std::copy(tokens.begin(), tokens.end(), ids.view().data<std::int32_t>());
  llama.logits(stream, all, model.weights(), {ids});
  for (const std::vector<std::size_t>& cuts : {std::vector<std::size_t>{70}, {1, 69}, {33, 1, 1, 35}, {69, 1}}) {
    Decoder decoder(model.config, model.weights(), 70);
    std::size_t at = 0;
    for (const std::size_t cut : cuts) {
      const std::span<const float> logits = decoder.append(stream, std::span(tokens).subspan(at, cut));
      at += cut;
      for (std::size_t v = 0; v < 50; ++v)
        ASSERT_NEAR(logits[v], all.view().data<float>()[(at - 1) * 50 + v], 2e-4) << at << " " << v;
    }
  }
}

TEST(Decoder, Bf16StaysNearF32) {
  Stream stream;
  const LoadedModel narrow = small_model(DType::bf16);
  LoadedModel wide{narrow.config, OwnedTensor(DType::f32, {parameter_count(narrow.config)})};
  for (std::int64_t i = 0; i < parameter_count(narrow.config); ++i)
    wide.parameters.view().data<float>()[i] = to_float(narrow.parameters.view().data<bf16>()[i]);
  const std::vector<std::int32_t> tokens = some_tokens(40, 50);
  Decoder a(narrow.config, narrow.weights(), 60), b(wide.config, wide.weights(), 60);
  for (std::size_t begin = 0; begin < 40; begin += 20) {  // a prefill, then a continuation
    const auto some = std::span(tokens).subspan(begin, 20);
    const std::span<const float> narrow_logits = a.append(stream, some), wide_logits = b.append(stream, some);
    double difference = 0, size = 0;
    for (std::size_t v = 0; v < 50; ++v)
      difference += std::pow(narrow_logits[v] - wide_logits[v], 2), size += std::pow(wide_logits[v], 2);
    EXPECT_LT(std::sqrt(difference / size), 0.05);  // about ten roundings to 8 bits, each 0.2 %
    EXPECT_GT(difference, 0);
  }
}

TEST(Decoder, TruncateForgets) {
  Stream stream;
  const LoadedModel model = small_model(DType::f32);
  const std::vector<std::int32_t> prompt = some_tokens(10, 50);
  const std::int32_t a[] = {3}, b[] = {4};
  Decoder decoder(model.config, model.weights(), 20);
  decoder.append(stream, prompt);
  const std::vector<float> first = copy_of(decoder.append(stream, a));
  decoder.truncate(10);
  EXPECT_NE(copy_of(decoder.append(stream, b)), first);
  decoder.truncate(10);
  EXPECT_EQ(copy_of(decoder.append(stream, a)), first);
  EXPECT_THROW(decoder.truncate(12), Error);
}

TEST(Decoder, RefusesWhatDoesNotFit) {
  Stream stream;
  const LoadedModel model = small_model(DType::f32);
  EXPECT_THAT(error_of([&] { Decoder(model.config, model.weights(), 97); }), HasSubstr("up to 96"));
  Decoder decoder(model.config, model.weights(), 4);
  const std::int32_t outside[] = {50}, negative[] = {-1}, good[] = {1};
  EXPECT_THAT(error_of([&] { decoder.append(stream, outside); }), HasSubstr("vocabulary of 50"));
  EXPECT_THAT(error_of([&] { decoder.append(stream, negative); }), HasSubstr("vocabulary of 50"));
  EXPECT_THAT(error_of([&] { decoder.append(stream, {}); }), HasSubstr("no room"));
  for (int i = 0; i < 4; ++i) decoder.append(stream, good);
  EXPECT_THAT(error_of([&] { decoder.append(stream, good); }), HasSubstr("after 4 of 4"));
}

}  // namespace
}  // namespace corollary
