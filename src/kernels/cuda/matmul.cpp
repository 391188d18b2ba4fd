// Matrix products by cuBLASLt. A row-major C[m,n] = A[m,k] B[k,n] is, read column by column, C^T = B^T A^T: cuBLASLt's first operand is our
// second. For every shape the library names candidates in the order it expects them to be fast; its order is a guess, so the first time a
// shape is met they are timed on its own operands and the fastest is kept (matmul_choices.h saves the choice with a run: another algorithm
// sums in another order). Candidates that add partial sums by atomics, in whatever order blocks finish, are not asked for.
#include <cublasLt.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <vector>

#include "device/buffer.h"
#include "device/cuda/check.h"
#include "kernels/cuda/cublaslt_library.h"
#include "kernels/matmul.h"
#include "kernels/matmul_choices.h"

namespace corollary::cuda {
namespace {

constexpr int kCandidates = 64;      // asked for
constexpr int kFinalists = 6;        // timed at length
constexpr double kBusySeconds = 8e-3;  // at once, of one finalist

cudaDataType_t type_of(DType dtype) { return dtype == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F; }

/// C[m,n] (+)= A[m,k] B[k,n], row-major with rows lda, ldb, ldc apart; A^T or B^T lies in memory where `a_is_transposed` or
/// `b_is_transposed`.
struct Product {
  std::int64_t m, n, k;
  bool a_is_transposed, b_is_transposed, accumulates;
  std::int64_t lda = 0, ldb = 0, ldc = 0;
  DType in = DType::bf16, out = DType::bf16;
  std::uint32_t alignment = 256;  ///< bytes, of the least aligned of the three
  auto key() const { return std::tuple(m, n, k, a_is_transposed, b_is_transposed, accumulates, lda, ldb, ldc, in, out, alignment); }
  bool operator<(const Product& other) const { return key() < other.key(); }
  std::string name() const {
    std::string text;
    for (const std::int64_t number : {m, n, k, lda, ldb, ldc}) text += std::to_string(number) + " ";
    return text + (a_is_transposed ? "T" : "N") + (b_is_transposed ? "T" : "N") + (accumulates ? "+ " : " ") + name_of(in) + " " +
           name_of(out) + " " + std::to_string(alignment);
  }
};

/// The library's descriptions of one product, and the algorithm chosen for it.
class Plan {
 public:
  explicit Plan(const Product& product) : product_(product) {
    const CublasLt& lt = cublaslt();
    const auto make_layout = [&](cublasLtMatrixLayout_t& layout, DType dtype, std::int64_t rows, std::int64_t columns, std::int64_t ld) {
      lt.check(lt.layout_create(&layout, type_of(dtype), static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns), ld),
               "describing a matrix");
    };
    const Product& p = product;
    lt.check(lt.desc_create(&operation_, CUBLAS_COMPUTE_32F, CUDA_R_32F), "describing a product");
    const cublasOperation_t first = p.b_is_transposed ? CUBLAS_OP_T : CUBLAS_OP_N, second = p.a_is_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    lt.check(lt.desc_set(operation_, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first), "describing a product");
    lt.check(lt.desc_set(operation_, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second), "describing a product");
    // Columns of the library are our rows.
    make_layout(b_, p.in, p.b_is_transposed ? p.k : p.n, p.b_is_transposed ? p.n : p.k, p.ldb);
    make_layout(a_, p.in, p.a_is_transposed ? p.m : p.k, p.a_is_transposed ? p.k : p.m, p.lda);
    make_layout(c_, p.out, p.n, p.m, p.ldc);
  }
  ~Plan() {
    const CublasLt& lt = cublaslt();
    lt.desc_destroy(operation_);
    for (const cublasLtMatrixLayout_t layout : {a_, b_, c_}) lt.layout_destroy(layout);
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  void run(Stream& stream, void* c, const void* a, const void* b) {
    if (!is_chosen_) choose(stream, c, a, b);
    check_run(execute(stream, algorithm_, c, a, b));
  }

 private:
  cublasStatus_t execute(Stream& stream, const cublasLtMatmulAlgo_t& algorithm, void* c, const void* a, const void* b) const {
    const CublasLt& lt = cublaslt();
    const float alpha = 1, beta = product_.accumulates ? 1.0f : 0.0f;
    return lt.matmul(lt.handle, operation_, &alpha, b, b_, a, a_, &beta, c, c_, c, c_, &algorithm, stream.workspace(matmul_workspace_bytes()),
                     static_cast<std::size_t>(matmul_workspace_bytes()), static_cast<cudaStream_t>(stream.native()));
  }
  void check_run(cublasStatus_t status) const { cublaslt().check(status, ("the product " + product_.name()).c_str()); }

  std::vector<cublasLtMatmulHeuristicResult_t> candidates() const {
    const CublasLt& lt = cublaslt();
    cublasLtMatmulPreference_t preference = nullptr;
    lt.check(lt.preference_create(&preference), "asking for algorithms");
    const std::uint64_t workspace = static_cast<std::uint64_t>(matmul_workspace_bytes());
    // Partial sums through the workspace, added in their order; never in place by atomics.
    const std::uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    lt.check(lt.preference_set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace), "asking for algorithms");
    lt.check(lt.preference_set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &reductions, sizeof reductions),
             "asking for algorithms");
    std::vector<cublasLtMatmulHeuristicResult_t> found(kCandidates);
    for (const auto which : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                             CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      lt.check(lt.preference_set(preference, which, &product_.alignment, sizeof product_.alignment), "asking for algorithms");
    int count = 0;
    const cublasStatus_t status = lt.heuristic(lt.handle, operation_, b_, a_, c_, c_, preference, kCandidates, found.data(), &count);
    lt.preference_destroy(preference);
    lt.check(status, ("finding an algorithm for the product " + product_.name()).c_str());
    found.resize(static_cast<std::size_t>(count));
    std::erase_if(found, [](const auto& one) { return one.state != CUBLAS_STATUS_SUCCESS; });
    check(!found.empty(), "cuBLASLt has no algorithm for the product ", product_.name());
    return found;
  }

  /// Of one run, on the average of `rounds`.
  double seconds_of(Stream& stream, const cublasLtMatmulAlgo_t& algorithm, int rounds, void* c, const void* a, const void* b) const {
    Event from(Device::cuda), to(Device::cuda);
    from.record(stream);
    for (int round = 0; round < rounds; ++round) check_run(execute(stream, algorithm, c, a, b));
    to.record(stream);
    return Event::seconds_between(from, to) / rounds;
  }

  void choose(Stream& stream, void* c, const void* a, const void* b) {
    is_chosen_ = true;
    if (const auto saved = saved_matmul_choice(product_.name()); saved && saved->size() == sizeof algorithm_) {
      std::memcpy(&algorithm_, saved->data(), sizeof algorithm_);
      return;
    }
    const auto found = candidates();
    // Trials of an accumulating product write elsewhere: what is summed so far must not be added to.
    Buffer elsewhere;
    if (product_.accumulates) {
      elsewhere = Buffer(product_.m * product_.ldc * size_of(product_.out), Device::cuda);
      c = elsewhere.data();
    }
    // First a look at all, then the best of them in turn and for longer: a GPU at work lowers its clocks to stay within its power, so what
    // counts is how fast a candidate is when the chip is busy, not for a moment.
    struct Candidate {
      cublasLtMatmulAlgo_t algorithm;
      double seconds;
    };
    std::vector<Candidate> candidates;
    for (const auto& one : found)
      if (execute(stream, one.algo, c, a, b) == CUBLAS_STATUS_SUCCESS) candidates.push_back({one.algo, seconds_of(stream, one.algo, 3, c, a, b)});
    check(!candidates.empty(), "cuBLASLt runs none of its algorithms for the product ", product_.name());
    std::ranges::sort(candidates, {}, &Candidate::seconds);
    candidates.resize(std::min<std::size_t>(candidates.size(), kFinalists));
    const int rounds = static_cast<int>(std::clamp(kBusySeconds / candidates.front().seconds, 1.0, 64.0));
    seconds_of(stream, candidates.front().algorithm, 2 * rounds, c, a, b);
    for (Candidate& one : candidates) one.seconds = 0;
    for (int turn = 0; turn < 3; ++turn)
      for (Candidate& one : candidates) one.seconds += seconds_of(stream, one.algorithm, rounds, c, a, b);
    algorithm_ = std::ranges::min_element(candidates, {}, &Candidate::seconds)->algorithm;
    remember_matmul_choice(product_.name(), std::string(reinterpret_cast<const char*>(&algorithm_), sizeof algorithm_));
  }

  Product product_;
  cublasLtMatmulDesc_t operation_ = nullptr;
  cublasLtMatrixLayout_t a_ = nullptr, b_ = nullptr, c_ = nullptr;
  cublasLtMatmulAlgo_t algorithm_{};
  bool is_chosen_ = false;
};

void run(Stream& stream, Product product, Tensor c, ConstTensor a, ConstTensor b) {
  product.lda = a.row_stride(), product.ldb = b.row_stride(), product.ldc = c.row_stride();
  product.in = a.dtype(), product.out = c.dtype();
  for (const void* pointer : {static_cast<const void*>(c.raw()), a.raw(), b.raw()})
    while (reinterpret_cast<std::uintptr_t>(pointer) % product.alignment != 0) product.alignment /= 2;
  static std::mutex mutex;
  static std::map<Product, std::unique_ptr<Plan>> plans;
  const std::lock_guard lock(mutex);
  std::unique_ptr<Plan>& plan = plans[product];
  if (!plan) plan = std::make_unique<Plan>(product);
  plan->run(stream, c.raw(), a.raw(), b.raw());
}

}  // namespace

void linear_forward(Stream& stream, Tensor y, ConstTensor x, ConstTensor w) {
  const Product product{y.dim(0), y.dim(1), x.dim(1), /*a_is_transposed=*/false, /*b_is_transposed=*/true, /*accumulates=*/false};
  run(stream, product, y, x, w);
}

void linear_backward_input(Stream& stream, Tensor dx, ConstTensor dy, ConstTensor w) {
  const Product product{dx.dim(0), dx.dim(1), dy.dim(1), /*a_is_transposed=*/false, /*b_is_transposed=*/false, /*accumulates=*/false};
  run(stream, product, dx, dy, w);
}

void linear_backward_weight(Stream& stream, Tensor dw, ConstTensor dy, ConstTensor x, bool accumulate) {
  const Product product{dw.dim(0), dw.dim(1), dy.dim(0), /*a_is_transposed=*/true, /*b_is_transposed=*/false, accumulate};
  run(stream, product, dw, dy, x);
}

std::string matmul_library() { return "cuBLASLt " + std::to_string(cublaslt().version()); }

}  // namespace corollary::cuda
