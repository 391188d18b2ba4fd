#include "kernels/cpu/product.h"

#include <omp.h>

#include <array>
#include <dnnl.hpp>
#include <unordered_map>

#include "base/digest.h"
#include "device/buffer.h"

namespace corollary::cpu {
namespace {

/// m, n, k, a row step, a column step, b row step, b column step, c row step, in, out, accumulate
using Key = std::array<std::int64_t, 11>;
struct KeyHash {
  std::size_t operator()(const Key& key) const { return hash64({reinterpret_cast<const char*>(key.data()), sizeof key}); }
};

constexpr std::size_t kMaxPrimitives = 1024;

dnnl::memory::data_type to_dnnl(DType dtype) {
  return dtype == DType::bf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
}

dnnl::engine& engine() {
  static dnnl::engine instance(dnnl::engine::kind::cpu, 0);
  return instance;
}

struct Primitive {
  dnnl::memory a, b, c, scratch;
  dnnl::matmul run;
  std::unordered_map<int, dnnl::memory> arguments;
};

/// Each thread has its own primitives: oneDNN's scratch memory is then never shared, and no lock is taken.
struct ThreadState {
  dnnl::stream stream{engine()};
  std::unordered_map<Key, Primitive, KeyHash> primitives;
  Buffer scratch;
  ThreadState() { omp_set_num_threads(1); }  // of this thread's regions: the pieces are cut by our caller
};

ThreadState& thread_state() {
  thread_local ThreadState state;
  return state;
}

Primitive make(const Key& key) {
  const auto [m, n, k, a_row, a_column, b_row, b_column, c_row, in, out, accumulate] = key;
  const auto in_type = to_dnnl(static_cast<DType>(in)), out_type = to_dnnl(static_cast<DType>(out));
  const dnnl::memory::desc a({m, k}, in_type, dnnl::memory::dims{a_row, a_column});
  const dnnl::memory::desc b({k, n}, in_type, dnnl::memory::dims{b_row, b_column});
  const dnnl::memory::desc c({m, n}, out_type, dnnl::memory::dims{c_row, 1});
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (accumulate != 0) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
#if DNNL_VERSION_MAJOR >= 3
  const dnnl::matmul::primitive_desc plan(engine(), a, b, c, attributes);
#else
  const dnnl::matmul::primitive_desc plan(dnnl::matmul::desc(a, b, c), attributes, engine());
#endif
  Primitive made{dnnl::memory(a, engine(), nullptr),
                 dnnl::memory(b, engine(), nullptr),
                 dnnl::memory(c, engine(), nullptr),
                 dnnl::memory(plan.scratchpad_desc(), engine(), nullptr),
                 dnnl::matmul(plan),
                 {}};
  made.arguments = {
      {DNNL_ARG_SRC, made.a}, {DNNL_ARG_WEIGHTS, made.b}, {DNNL_ARG_DST, made.c}, {DNNL_ARG_SCRATCHPAD, made.scratch}};
  return made;
}

}  // namespace

Operand operand(ConstTensor t) {
  check(t.shape().rank() == 2, "a matrix has two dimensions, got ", t.shape());
  return {t.raw(), t.dim(0), t.dim(1), t.row_stride(), 1};
}

void product(void* c, DType out, std::int64_t c_row_step, const Operand& a, const Operand& b, DType in, bool accumulate) {
  if (a.rows == 0 || b.columns == 0) return;
  ThreadState& state = thread_state();
  const Key key{a.rows,
                b.columns,
                a.columns,
                a.row_step,
                a.column_step,
                b.row_step,
                b.column_step,
                c_row_step,
                static_cast<std::int64_t>(in),
                static_cast<std::int64_t>(out),
                accumulate};
  auto found = state.primitives.find(key);
  if (found == state.primitives.end()) {
    if (state.primitives.size() >= kMaxPrimitives) state.primitives.clear();  // prompts of every length pass by in generation
    try {
      found = state.primitives.emplace(key, make(key)).first;
    } catch (const dnnl::error& error) {
      fail("oneDNN has no product for ", Shape{a.rows, a.columns}, " by ", Shape{b.rows, b.columns}, " in ", in, ": ",
           error.what());
    }
  }
  Primitive& primitive = found->second;
  const auto scratch_bytes = static_cast<std::int64_t>(primitive.scratch.get_desc().get_size());
  if (state.scratch.size_bytes() < scratch_bytes) state.scratch = Buffer(scratch_bytes);
  primitive.a.set_data_handle(const_cast<void*>(a.data));
  primitive.b.set_data_handle(const_cast<void*>(b.data));
  primitive.c.set_data_handle(c);
  primitive.scratch.set_data_handle(state.scratch.data());
  primitive.run.execute(state.stream, primitive.arguments);
}

}  // namespace corollary::cpu
