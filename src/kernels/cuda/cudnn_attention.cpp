#include "kernels/cuda/cudnn_attention.h"

#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

#include "device/buffer.h"
#include "kernels/cuda/cudnn_attention_graph.h"

// On this side a call costs a lookup under a mutex and cuDNN's packing of pointers, 0.3 to 1.5 us; the launch is cuDNN's.
namespace corollary::cuda {
namespace {

enum class Pass : std::uint8_t { forward, backward, backward_in_any_order };

/// Everything a plan depends on; the scale is handed over at execution.
using PlanKey = std::tuple<Pass, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t>;
PlanKey key_of(Pass pass, const AttentionShape& s) { return {pass, s.batch, s.seq_len, s.num_heads, s.num_kv_heads, s.head_dim}; }

/// Plans and handles live as long as the process: tearing them down after the driver would be an error nobody can see.
struct Cache {
  std::mutex mutex;
  std::map<PlanKey, std::unique_ptr<const CudnnPlan>> plans;
  std::map<void*, cudnnHandle_t> handles;  // a stream each
};
Cache& cache() {
  static Cache& forever = *new Cache;
  return forever;
}

CudnnGraph graph_of(Pass pass, const AttentionShape& shape) {
  return pass == Pass::forward ? attention_forward_graph(shape) : attention_backward_graph(shape, pass == Pass::backward);
}

/// A plan and the handle to execute it with on this stream.
struct Ready {
  const CudnnPlan& plan;
  cudnnHandle_t handle;
};
Ready ready(Stream& stream, Pass pass, const AttentionShape& shape) {
  Cache& known = cache();
  const std::lock_guard lock(known.mutex);
  cudnnHandle_t& handle = known.handles[stream.native()];
  if (handle == nullptr) check_cudnn(cudnn().create(&handle), "making a cuDNN handle");
  // Every time, and at once if it is the same: another stream may have got the address of one destroyed.
  check_cudnn(cudnn().set_stream(handle, static_cast<cudaStream_t>(stream.native())), "giving cuDNN a stream");
  auto& plan = known.plans[key_of(pass, shape)];
  if (!plan) plan = std::make_unique<const CudnnPlan>(graph_of(pass, shape).plan(CudnnTarget(handle)));
  return {*plan, handle};
}

const void* offset(const void* memory, std::int64_t elements, DType dtype) {
  return static_cast<const char*>(memory) + elements * size_of(dtype);
}

/// Where q, k and v, or their gradients, begin in a packed row.
struct Slices {
  const void *q, *k, *v;
  Slices(const void* qkv, const AttentionShape& s)
      : q(qkv),
        k(offset(qkv, s.num_heads * s.head_dim, DType::bf16)),
        v(offset(qkv, (s.num_heads + s.num_kv_heads) * s.head_dim, DType::bf16)) {}
};

constexpr float kMinusInfinityValue = -std::numeric_limits<float>::infinity(), kOneValue = 1;

/// Scratch of a backward call before cuDNN's own: f32 of a row of scores each, and of dq if that is added up in any order.
std::int64_t softmax_sum_bytes(const AttentionShape& s) { return Arena::padded(s.batch * s.num_heads * s.seq_len * 4); }
std::int64_t dq_sum_bytes(const AttentionShape& s) { return Arena::padded(s.batch * s.num_heads * s.seq_len * s.head_dim * 4); }

AttentionShape one_sequence(AttentionShape shape) {
  shape.batch = 1;
  return shape;
}

/// As many sequences as `shape` says, at once.
void backward(Stream& stream, Pass pass, const void* d_qkv, const void* d_o, const void* o, const void* lse, const void* qkv,
              const AttentionShape& shape) {
  const auto [plan, handle] = ready(stream, pass, shape);
  const std::int64_t dq_sum_at = softmax_sum_bytes(shape);
  const std::int64_t rest_at = dq_sum_at + (pass == Pass::backward ? 0 : dq_sum_bytes(shape));
  auto* scratch = static_cast<char*>(stream.workspace(rest_at + plan.workspace_bytes()));
  const Slices in(qkv, shape), gradient(d_qkv, shape);
  const CudnnBinding bindings[] = {{kQ, in.q}, {kK, in.k}, {kV, in.v}, {kO, o}, {kLse, lse}, {kDO, d_o},
                                   {kDQ, gradient.q}, {kDK, gradient.k}, {kDV, gradient.v},
                                   {kScale, &shape.scale}, {kMinusInfinity, &kMinusInfinityValue}, {kOne, &kOneValue},
                                   {kSoftmaxSum, scratch}, {kDQSum, scratch + dq_sum_at}};
  const std::size_t bound = std::size(bindings) - (pass == Pass::backward ? 1 : 0);
  plan.execute(handle, std::span(bindings, bound), scratch + rest_at);
}

}  // namespace

bool cudnn_attention_serves(const AttentionShape& s, DType dtype) {
  if (dtype != DType::bf16 || s.head_dim <= 0 || s.head_dim % 8 != 0 || s.head_dim > 128) return false;
  const CudnnLibrary* library = find_cudnn().library;
  if (library == nullptr || library->version < 91002 || library->version == 91400) return false;  // wrong, as cudnn-frontend knows
  return library->version >= 91600 || s.seq_len % 128 == 0;  // before, a last partial tile of keys needs a mask that our graphs lack
}

std::int64_t cudnn_attention_workspace_bytes(const AttentionShape& s, bool backward, CudnnAttentionOptions options) {
  const std::int64_t own = 256;
  if (!backward) return own;
  const auto up_to = [](std::int64_t n, std::int64_t tile) { return (n + tile - 1) / tile * tile; };
  const AttentionShape at_once = options.is_deterministic ? one_sequence(s) : s;
  std::int64_t bytes = softmax_sum_bytes(at_once) + own;
  if (options.is_deterministic)
    bytes += s.num_heads * up_to(s.seq_len, 64) * up_to(s.seq_len, 128) * 2;
  else
    bytes += dq_sum_bytes(at_once);
  if (s.num_heads != s.num_kv_heads)
    bytes += 2 * at_once.batch * s.num_heads * s.seq_len * s.head_dim * 2;  // dk and dv of every head
  return bytes;
}

void cudnn_attention_prepare(Stream& stream, const AttentionShape& shape, CudnnAttentionOptions options) {
  ready(stream, Pass::forward, shape);
  if (options.is_deterministic)
    ready(stream, Pass::backward, one_sequence(shape));
  else
    ready(stream, Pass::backward_in_any_order, shape);
}

void cudnn_attention_forward(Stream& stream, Tensor o, Tensor lse, ConstTensor qkv, const AttentionShape& shape) {
  const auto [plan, handle] = ready(stream, Pass::forward, shape);
  const Slices in(qkv.raw(), shape);
  const CudnnBinding bindings[] = {{kQ, in.q}, {kK, in.k}, {kV, in.v}, {kO, o.raw()}, {kLse, lse.raw()},
                                   {kScale, &shape.scale}, {kMinusInfinity, &kMinusInfinityValue}};
  plan.execute(handle, bindings, stream.workspace(plan.workspace_bytes()));
}

void cudnn_attention_backward(Stream& stream, Tensor d_qkv, ConstTensor d_o, ConstTensor o, ConstTensor lse, ConstTensor qkv,
                              const AttentionShape& shape, CudnnAttentionOptions options) {
  if (!options.is_deterministic)
    return backward(stream, Pass::backward_in_any_order, d_qkv.raw(), d_o.raw(), o.raw(), lse.raw(), qkv.raw(), shape);
  const AttentionShape one = one_sequence(shape);
  for (std::int64_t b = 0; b < shape.batch; ++b) {
    const std::int64_t packed = b * shape.seq_len * shape.qkv_width(), out = b * shape.seq_len * shape.num_heads * shape.head_dim;
    backward(stream, Pass::backward, offset(d_qkv.raw(), packed, DType::bf16), offset(d_o.raw(), out, DType::bf16),
             offset(o.raw(), out, DType::bf16), offset(lse.raw(), b * shape.num_heads * shape.seq_len, DType::f32),
             offset(qkv.raw(), packed, DType::bf16), one);
  }
}

}  // namespace corollary::cuda
