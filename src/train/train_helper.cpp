// A training run as a process of its own, for tests that kill it: train_helper FOLDER OUT [field=value ...] [spike=SAMPLE]
#include <cstdio>
#include <exception>
#include <string>

#include "base/fields.h"
#include "base/stop.h"
#include "comm/communicator.h"
#include "train/test_corpus.h"
#include "train/trainer.h"

int main(int argc, char** argv) {
  using namespace corollary;
  install_stop_handler();
  try {
    check(argc >= 3, "usage: train_helper FOLDER OUT [field=value ...]");
    const fs::path folder = argv[1];
    Json changed = Json::object();
    GradientFault fault;
    for (int i = 3; i < argc; ++i) {
      const std::string argument = argv[i];
      if (argument.starts_with("spike=")) {
        fault = [sample = std::stoll(argument.substr(6))](Tensor gradients, std::int64_t first_sample) {
          for (std::int64_t at = 0; first_sample == sample && at < gradients.count(); ++at) gradients.data<float>()[at] *= 1000;
        };
        continue;
      }
      changed[argument.substr(0, argument.find('='))] = parse_json(argument.substr(argument.find('=') + 1), argument);
    }
    TrainConfig config = TestCorpus::config();
    fields_from_json(config, changed, "train");
    const auto world = make_single_rank();
    train(TestCorpus::model(), config, TestCorpus::mixture(), folder / "pack", folder / "tokenizer", argv[2], *world, fault);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
