#pragma once
#include <cudnn.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kernels/cuda/cudnn_library.h"

// cuDNN's backend API in words: describe a computation as a graph of small operations on tensors, plan it, execute the plan. cuDNN
// recognises certain graphs, attention among them, as one fused kernel; what the graph calls an intermediate tensor then never
// stands in memory.
namespace corollary::cuda {

/// One cudnnBackendDescriptor_t. Attributes are set, then it is finalized, then used.
class CudnnDescriptor {
 public:
  explicit CudnnDescriptor(cudnnBackendDescriptorType_t type);
  ~CudnnDescriptor();
  CudnnDescriptor(CudnnDescriptor&& other) noexcept : native_(std::exchange(other.native_, nullptr)) {}
  CudnnDescriptor& operator=(CudnnDescriptor&& other) noexcept {
    std::swap(native_, other.native_);
    return *this;
  }

  CudnnDescriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count, const void* values);
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, std::int64_t value) { return set(name, CUDNN_TYPE_INT64, 1, &value); }
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, bool value) { return set(name, CUDNN_TYPE_BOOLEAN, 1, &value); }
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, cudnnDataType_t value) {
    return set(name, CUDNN_TYPE_DATA_TYPE, 1, &value);
  }
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, cudnnPointwiseMode_t value) {
    return set(name, CUDNN_TYPE_POINTWISE_MODE, 1, &value);
  }
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, cudnnReduceTensorOp_t value) {
    return set(name, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, 1, &value);
  }
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, cudnnBackendHeurMode_t value) {
    return set(name, CUDNN_TYPE_HEUR_MODE, 1, &value);
  }
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, cudnnHandle_t value) { return set(name, CUDNN_TYPE_HANDLE, 1, &value); }
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, cudnnBackendDescriptor_t value) {
    return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
  }
  CudnnDescriptor& finalize(Message what);  ///< Error with cuDNN's reason if it refuses
  bool try_finalize();                      ///< false if cuDNN refuses

  std::int64_t get_int64(cudnnBackendAttributeName_t name) const;
  cudnnBackendDescriptor_t native() const { return native_; }

 private:
  cudnnBackendDescriptor_t native_ = nullptr;
};

/// What a graph is planned for: this process's GPU, or one that is described and absent, for tests.
class CudnnTarget {
 public:
  explicit CudnnTarget(cudnnHandle_t handle) : handle_(handle) {}
  static CudnnTarget described_by(const std::string& json);  ///< the JSON of a cuDNN device-properties descriptor
  cudnnHandle_t handle() const { return handle_; }           ///< null if absent
  cudnnBackendDescriptor_t properties() const { return properties_.empty() ? nullptr : properties_[0].native(); }

 private:
  cudnnHandle_t handle_ = nullptr;
  std::vector<CudnnDescriptor> properties_;  // none or one
};

/// [batch, heads, rows, columns]
using CudnnDims = std::array<std::int64_t, 4>;

/// A tensor of a graph, which owns it.
struct CudnnTensor {
  CudnnDims dims{}, strides{};
  cudnnBackendDescriptor_t native = nullptr;
};

/// Where a tensor of the graph lies in this execution: device memory, or the host's f32 of a scalar.
struct CudnnBinding {
  std::int64_t id;
  const void* memory;
};

/// A compiled graph.
class CudnnPlan {
 public:
  CudnnPlan(CudnnDescriptor plan, std::int64_t engine, std::vector<CudnnDescriptor> made_from)
      : made_from_(std::move(made_from)), plan_(std::move(plan)), engine_(engine) {}
  std::int64_t engine() const { return engine_; }  ///< cuDNN's number of the kernel family it chose
  std::int64_t workspace_bytes() const { return plan_.get_int64(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE); }
  /// Queues it on the handle's stream. From any thread, each with its own handle.
  void execute(cudnnHandle_t handle, std::span<const CudnnBinding> bindings, void* workspace) const;

 private:
  std::vector<CudnnDescriptor> made_from_;  // kept: whether a plan copies what it refers to is not documented
  CudnnDescriptor plan_;
  std::int64_t engine_;
};

class CudnnGraph {
 public:
  /// Bound to memory by its id when the plan is executed.
  CudnnTensor tensor(std::int64_t id, CudnnDims dims, CudnnDims strides, cudnnDataType_t type);
  CudnnTensor scalar(std::int64_t id);  ///< f32

  // Each makes an intermediate tensor, computed in f32 and of the type named; or writes `y`.
  CudnnTensor matmul(const CudnnTensor& a, const CudnnTensor& b, cudnnDataType_t type = CUDNN_DATA_FLOAT);
  void matmul(const CudnnTensor& a, const CudnnTensor& b, const CudnnTensor& y);
  CudnnTensor pointwise(cudnnPointwiseMode_t mode, const CudnnTensor& x, cudnnDataType_t type = CUDNN_DATA_FLOAT);
  CudnnTensor pointwise(cudnnPointwiseMode_t mode, const CudnnTensor& x, const CudnnTensor& b,
                        cudnnDataType_t type = CUDNN_DATA_FLOAT);
  void pointwise_into(cudnnPointwiseMode_t mode, const CudnnTensor& x, const CudnnTensor& y);
  void pointwise_into(cudnnPointwiseMode_t mode, const CudnnTensor& x, const CudnnTensor& b, const CudnnTensor& y);
  CudnnTensor index(const CudnnTensor& x, std::int64_t axis);  ///< i32: each element's position along the axis
  CudnnTensor select(const CudnnTensor& mask, const CudnnTensor& where_true, const CudnnTensor& where_false);
  CudnnTensor reduce_columns(cudnnReduceTensorOp_t operation, const CudnnTensor& x);  ///< [.., rows, 1]
  void reduce(cudnnReduceTensorOp_t operation, const CudnnTensor& x, const CudnnTensor& y);
  CudnnTensor transposed(const CudnnTensor& x, cudnnDataType_t type);  ///< [.., columns, rows], by strides

  /// Compiles with the first of the kernels cuDNN recommends that compiles: a second or so. Error if it knows none.
  /// The graph is used up.
  CudnnPlan plan(const CudnnTarget& target) &&;

 private:
  CudnnTensor add_tensor(std::int64_t id, CudnnDims dims, CudnnDims strides, cudnnDataType_t type, bool is_virtual,
                         bool is_by_value);
  CudnnTensor intermediate(CudnnDims dims, cudnnDataType_t type);
  CudnnDescriptor& operation(cudnnBackendDescriptorType_t type);
  void add_pointwise(cudnnPointwiseMode_t mode, cudnnDataType_t precision, const CudnnTensor& x, const CudnnTensor* b,
                     const CudnnTensor* t, const CudnnTensor& y, std::int64_t axis = -1);
  cudnnBackendDescriptor_t keep(CudnnDescriptor settings);

  std::vector<CudnnDescriptor> tensors_, settings_, operations_;  // native handles stay put as these grow
  std::int64_t next_id_ = 1000;                                   // of intermediates; a caller's ids are smaller
};

}  // namespace corollary::cuda
