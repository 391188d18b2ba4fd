#include "kernels/split_vocabulary.h"

#include "device/profile.h"
#include "kernels/checks.h"

namespace corollary {
namespace {

void check_ids(const char* operation, const char* name, ConstTensor ids, std::int64_t count) {
  check_packed(operation, name, ids, Shape{count});
  check_dtype(operation, name, ids, DType::i32);
}
void check_per_token(const char* operation, const char* name, ConstTensor x, Shape shape) {
  check_packed(operation, name, x, shape);
  check_dtype(operation, name, x, DType::f32);
}

}  // namespace

void ids_within(Stream& stream, Tensor part, ConstTensor ids, std::int64_t begin, std::int64_t end) {
  check_ids("ids_within", "ids", ids, ids.count());
  check_ids("ids_within", "part", part, ids.count());
  const Timed timed(stream, "ids_within");
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::ids_within(stream, part, ids, begin, end);
  cpu::ids_within(stream, part, ids, begin, end);
}

void split_maxima(Stream& stream, Tensor maxima, ConstTensor logits) {
  check_matrix("split_maxima", "logits", logits);
  check_per_token("split_maxima", "maxima", maxima, Shape{logits.dim(0)});
  const Timed timed(stream, "split_maxima");
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::split_maxima(stream, maxima, logits);
  cpu::split_maxima(stream, maxima, logits);
}

void split_sums(Stream& stream, Tensor sums, ConstTensor logits, ConstTensor maxima, ConstTensor part_targets) {
  check_matrix("split_sums", "logits", logits);
  check_per_token("split_sums", "sums", sums, Shape{2, logits.dim(0)});
  check_per_token("split_sums", "maxima", maxima, Shape{logits.dim(0)});
  check_ids("split_sums", "part_targets", part_targets, logits.dim(0));
  if (!stream.on_cuda()) check_range("split_sums", "part_targets", part_targets, -1, logits.dim(1));
  const Timed timed(stream, "split_sums");
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::split_sums(stream, sums, logits, maxima, part_targets);
  cpu::split_sums(stream, sums, logits, maxima, part_targets);
}

void split_losses(Stream& stream, Tensor losses, ConstTensor sums, ConstTensor targets) {
  check_per_token("split_losses", "losses", losses, Shape{targets.count()});
  check_per_token("split_losses", "sums", sums, Shape{2, targets.count()});
  check_ids("split_losses", "targets", targets, targets.count());
  const Timed timed(stream, "split_losses");
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::split_losses(stream, losses, sums, targets);
  cpu::split_losses(stream, losses, sums, targets);
}

void split_gradient(Stream& stream, Tensor logits, ConstTensor maxima, ConstTensor sums, ConstTensor targets, ConstTensor part_targets,
                    float grad_scale) {
  check_matrix("split_gradient", "logits", logits);
  check_per_token("split_gradient", "maxima", maxima, Shape{logits.dim(0)});
  check_per_token("split_gradient", "sums", sums, Shape{2, logits.dim(0)});
  check_ids("split_gradient", "targets", targets, logits.dim(0));
  check_ids("split_gradient", "part_targets", part_targets, logits.dim(0));
  if (!stream.on_cuda()) check_range("split_gradient", "part_targets", part_targets, -1, logits.dim(1));
  const Timed timed(stream, "split_gradient");
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::split_gradient(stream, logits, maxima, sums, targets, part_targets, grad_scale);
  cpu::split_gradient(stream, logits, maxima, sums, targets, part_targets, grad_scale);
}

}  // namespace corollary
