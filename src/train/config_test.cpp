#include "train/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fields.h"

namespace corollary {
namespace {

using ::testing::HasSubstr;

std::string error_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(TrainConfig, ResolvesTheDecayAndKeepsTheRest) {
  EXPECT_EQ(resolve(TrainConfig{}, 1).lr_decay_iters, 600);
  EXPECT_EQ(resolve(TrainConfig{.train_iters = 42'000, .lr_decay_iters = 48'000}, 1).lr_decay_iters, 48'000);
  const Json once = fields_to_json(resolve(TrainConfig{}, 1));
  TrainConfig again;
  fields_from_json(again, once, "train");
  EXPECT_EQ(fields_to_json(resolve(again, 1)), once);
}

TEST(TrainConfig, NamesTheFieldAndTheRemedy) {
  EXPECT_THAT(error_of([] { resolve(TrainConfig{.global_batch_size = 12}, 1); }), HasSubstr("micro_batch_size 8"));
  EXPECT_THAT(error_of([] { resolve(TrainConfig{}, 4); }), HasSubstr("32, 64"));
  EXPECT_THAT(error_of([] { resolve(TrainConfig{.train_iters = 10}, 1); }), HasSubstr("warmup_iters 40"));
  EXPECT_THAT(error_of([] { resolve(TrainConfig{.precision = "fp8"}, 1); }), HasSubstr("fp8"));
  EXPECT_THAT(error_of([] { resolve(TrainConfig{.seq_len = 0}, 1); }), HasSubstr("seq_len"));
  EXPECT_THAT(error_of([] { resolve(TrainConfig{.beta2 = 1.0}, 1); }), HasSubstr("beta2"));
  EXPECT_THAT(error_of([] { resolve(TrainConfig{.eps = 0}, 1); }), HasSubstr("eps"));
  EXPECT_THAT(error_of([] { resolve(TrainConfig{.resume = "12x"}, 1); }), HasSubstr("auto, never or the step"));
  EXPECT_THAT(error_of([] { resolve(TrainConfig{.spike_sigma = -1}, 1); }), HasSubstr("spike_sigma"));
  EXPECT_THAT(error_of([] { resolve(TrainConfig{.on_spike = "panic"}, 1); }), HasSubstr("warn, skip or rewind"));
  EXPECT_THAT(error_of([] { resolve(TrainConfig{.on_spike = "rewind", .rewind_after = 10}, 1); }), HasSubstr("gives up before"));
}

TEST(TrainConfig, CountsTheCheckpointsOnDisk) {
  EXPECT_EQ(TrainConfig{}.most_checkpoints(), 3);
  EXPECT_EQ((TrainConfig{.train_iters = 600, .keep_every = 200}.most_checkpoints()), 6);
  EXPECT_EQ((TrainConfig{.save_interval = 10, .on_spike = "rewind", .rewind_steps = 45}.most_checkpoints()), 7);
}

TEST(Mixture, ParsesWhatThePaperWrites) {
  const Mixture mixture = parse_mixture("papers=2,web=4,code=0.5");
  ASSERT_EQ(mixture.size(), 3u);
  EXPECT_EQ(mixture[1].subset, "web");
  EXPECT_EQ(mixture[1].weight, 4.0);
  EXPECT_EQ(mixture[2].weight, 0.5);
}

TEST(Mixture, RefusesWhatItCannotRead) {
  for (const char* text : {"", "papers", "papers=", "=2", "papers=2,", "papers=x", "papers=2x", "papers=-1", "papers=0",
                           "papers=inf", "papers=nan", "papers=1,papers=2", "a/b=1", ",papers=1"})
    EXPECT_THROW(parse_mixture(text), Error) << text;
}

}  // namespace
}  // namespace corollary
