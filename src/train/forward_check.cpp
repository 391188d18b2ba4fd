#include "train/forward_check.h"

#include <cmath>

#include "base/error.h"

namespace corollary {

ForwardCheck forward_check_of(ConstTensor losses, ConstTensor targets) {
  check(losses.count() == targets.count(), "forward check: ", losses.count(), " losses of ", targets.count(), " targets");
  ForwardCheck result;
  double sum = 0;
  for (std::int64_t t = 0; t < losses.count(); ++t) {
    if (targets.data<std::int32_t>()[t] < 0) continue;
    const double loss = losses.data<float>()[t];
    sum += loss;
    if (result.tokens++ < ForwardCheck::kLosses) result.losses.push_back(loss);
  }
  if (result.tokens == 0 || !std::isfinite(sum)) return {};
  result.mean_loss = sum / static_cast<double>(result.tokens);
  return result;
}

double forward_check_tolerance(DType compute) { return compute == DType::bf16 ? 3e-2 : 1e-4; }

}  // namespace corollary
