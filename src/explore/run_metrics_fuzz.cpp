// Any bytes as a metrics.jsonl: parsed, drawn, never a crash; steps come out rising.
#include <cstdlib>
#include <string>
#include <vector>

#include "explore/charts.h"
#include "explore/run_metrics.h"

std::vector<std::string> fuzz_seeds() {
  return {
      "{\"step\":1,\"loss\":9.5,\"grad_norm\":0.5,\"learning_rate\":1e-3,\"tokens\":8,\"seconds\":0.5,\"tokens_per_second\":16,"
      "\"mfu\":0.4}\n"
      "{\"step\":1,\"validation\":{\"code\":8.5,\"web\":null}}\n{\"step\":2,\"loss\":null}\n{\"step\":30,\"loss\":-1e300}\n",
      "{\"step\":9007199254740992,\"loss\":1}\n{\"step\":-1", ""};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace corollary;
  const RunMetrics metrics = parse_run_metrics({reinterpret_cast<const char*>(data), size});
  for (std::size_t i = 1; i < metrics.training.size(); ++i)
    if (metrics.training[i].step <= metrics.training[i - 1].step) std::abort();
  const auto charts = run_charts(metrics);
  for (const Chart& chart : charts) chart_figure(chart);
  Html().json(chart_data(charts));
  return 0;
}
