#include "kernels/cuda/cudnn_graph.h"

#include <algorithm>

namespace corollary::cuda {
namespace {

CudnnDims packed(const CudnnDims& d) { return {d[1] * d[2] * d[3], d[2] * d[3], d[3], 1}; }

}  // namespace

CudnnDescriptor::CudnnDescriptor(cudnnBackendDescriptorType_t type) {
  check_cudnn(cudnn().create_descriptor(type, &native_), "making a cuDNN descriptor");
}
CudnnDescriptor::~CudnnDescriptor() {
  if (native_ != nullptr) cudnn().destroy_descriptor(native_);
}

CudnnDescriptor& CudnnDescriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                                      const void* values) {
  const cudnnStatus_t status = cudnn().set_attribute(native_, name, type, count, values);
  if (status != CUDNN_STATUS_SUCCESS) check_cudnn(status, ("setting cuDNN attribute " + std::to_string(name)).c_str());
  return *this;
}
CudnnDescriptor& CudnnDescriptor::finalize(Message what) {
  check_cudnn(cudnn().finalize(native_), what);
  return *this;
}
bool CudnnDescriptor::try_finalize() { return cudnn().finalize(native_) == CUDNN_STATUS_SUCCESS; }

std::int64_t CudnnDescriptor::get_int64(cudnnBackendAttributeName_t name) const {
  std::int64_t value = 0, count = 0;
  check_cudnn(cudnn().get_attribute(native_, name, CUDNN_TYPE_INT64, 1, &count, &value), "reading a cuDNN attribute");
  return value;
}

CudnnTarget CudnnTarget::described_by(const std::string& json) {
  CudnnTarget target(nullptr);
  CudnnDescriptor properties(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  properties.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, static_cast<std::int64_t>(json.size()), json.data())
      .finalize("reading the description of a GPU");
  target.properties_.push_back(std::move(properties));
  return target;
}

void CudnnPlan::execute(cudnnHandle_t handle, std::span<const CudnnBinding> bindings, void* workspace) const {
  std::array<std::int64_t, 16> ids{};
  std::array<void*, 16> pointers{};
  check(bindings.size() <= ids.size(), "cuDNN: ", bindings.size(), " tensors, at most ", ids.size());
  for (std::size_t i = 0; i < bindings.size(); ++i) ids[i] = bindings[i].id, pointers[i] = const_cast<void*>(bindings[i].memory);
  const auto count = static_cast<std::int64_t>(bindings.size());
  CudnnDescriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, count, ids.data())
      .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, count, pointers.data())
      .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace)
      .finalize("binding tensors to a cuDNN plan");
  check_cudnn(cudnn().execute(handle, plan_.native(), pack.native()), "executing a cuDNN plan");
}

CudnnTensor CudnnGraph::add_tensor(std::int64_t id, CudnnDims dims, CudnnDims strides, cudnnDataType_t type, bool is_virtual,
                                   bool is_by_value) {
  CudnnDescriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, type)
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dims.data())
      .set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides.data())
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id)
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, std::int64_t{is_by_value ? 4 : 16})
      .set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, is_virtual)
      .set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, is_by_value)
      .finalize("describing a tensor to cuDNN");
  tensors_.push_back(std::move(tensor));
  return {dims, strides, tensors_.back().native()};
}
CudnnTensor CudnnGraph::tensor(std::int64_t id, CudnnDims dims, CudnnDims strides, cudnnDataType_t type) {
  return add_tensor(id, dims, strides, type, false, false);
}
CudnnTensor CudnnGraph::scalar(std::int64_t id) {
  return add_tensor(id, {1, 1, 1, 1}, {1, 1, 1, 1}, CUDNN_DATA_FLOAT, false, true);
}
CudnnTensor CudnnGraph::intermediate(CudnnDims dims, cudnnDataType_t type) {
  return add_tensor(next_id_++, dims, packed(dims), type, true, false);
}

cudnnBackendDescriptor_t CudnnGraph::keep(CudnnDescriptor settings) { return settings_.emplace_back(std::move(settings)).native(); }
CudnnDescriptor& CudnnGraph::operation(cudnnBackendDescriptorType_t type) { return operations_.emplace_back(type); }

CudnnTensor CudnnGraph::matmul(const CudnnTensor& a, const CudnnTensor& b, cudnnDataType_t type) {
  const CudnnTensor y = intermediate({a.dims[0], std::max(a.dims[1], b.dims[1]), a.dims[2], b.dims[3]}, type);
  matmul(a, b, y);
  return y;
}
void CudnnGraph::matmul(const CudnnTensor& a, const CudnnTensor& b, const CudnnTensor& y) {
  CudnnDescriptor settings(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
  settings.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_DATA_FLOAT).finalize("describing a product to cuDNN");
  operation(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR)
      .set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, a.native)
      .set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, b.native)
      .set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, y.native)
      .set(CUDNN_ATTR_OPERATION_MATMUL_DESC, keep(std::move(settings)))
      .finalize("adding a product to a cuDNN graph");
}

void CudnnGraph::add_pointwise(cudnnPointwiseMode_t mode, cudnnDataType_t precision, const CudnnTensor& x, const CudnnTensor* b,
                               const CudnnTensor* t, const CudnnTensor& y, std::int64_t axis) {
  CudnnDescriptor settings(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  settings.set(CUDNN_ATTR_POINTWISE_MODE, mode).set(CUDNN_ATTR_POINTWISE_MATH_PREC, precision);
  if (axis >= 0) settings.set(CUDNN_ATTR_POINTWISE_AXIS, axis);
  settings.finalize("describing a pointwise operation to cuDNN");
  CudnnDescriptor& op = operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, keep(std::move(settings)))
      .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x.native)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y.native);
  if (b != nullptr) op.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b->native);
  if (t != nullptr) op.set(CUDNN_ATTR_OPERATION_POINTWISE_TDESC, t->native);
  op.finalize("adding a pointwise operation to a cuDNN graph");
}
CudnnTensor CudnnGraph::pointwise(cudnnPointwiseMode_t mode, const CudnnTensor& x, cudnnDataType_t type) {
  const CudnnTensor y = intermediate(x.dims, type);
  pointwise_into(mode, x, y);
  return y;
}
CudnnTensor CudnnGraph::pointwise(cudnnPointwiseMode_t mode, const CudnnTensor& x, const CudnnTensor& b, cudnnDataType_t type) {
  const CudnnTensor y = intermediate(x.dims, type);
  add_pointwise(mode, type == CUDNN_DATA_BOOLEAN ? CUDNN_DATA_BOOLEAN : CUDNN_DATA_FLOAT, x, &b, nullptr, y);
  return y;
}
void CudnnGraph::pointwise_into(cudnnPointwiseMode_t mode, const CudnnTensor& x, const CudnnTensor& y) {
  add_pointwise(mode, CUDNN_DATA_FLOAT, x, nullptr, nullptr, y);
}
void CudnnGraph::pointwise_into(cudnnPointwiseMode_t mode, const CudnnTensor& x, const CudnnTensor& b, const CudnnTensor& y) {
  add_pointwise(mode, CUDNN_DATA_FLOAT, x, &b, nullptr, y);
}
CudnnTensor CudnnGraph::index(const CudnnTensor& x, std::int64_t axis) {
  const CudnnTensor y = intermediate(x.dims, CUDNN_DATA_INT32);
  add_pointwise(CUDNN_POINTWISE_GEN_INDEX, CUDNN_DATA_INT32, x, nullptr, nullptr, y, axis);
  return y;
}
CudnnTensor CudnnGraph::select(const CudnnTensor& mask, const CudnnTensor& where_true, const CudnnTensor& where_false) {
  const CudnnTensor y = intermediate(where_true.dims, CUDNN_DATA_FLOAT);
  add_pointwise(CUDNN_POINTWISE_BINARY_SELECT, CUDNN_DATA_FLOAT, where_true, &where_false, &mask, y);
  return y;
}

CudnnTensor CudnnGraph::reduce_columns(cudnnReduceTensorOp_t operation, const CudnnTensor& x) {
  const CudnnTensor y = intermediate({x.dims[0], x.dims[1], x.dims[2], 1}, CUDNN_DATA_FLOAT);
  reduce(operation, x, y);
  return y;
}
void CudnnGraph::reduce(cudnnReduceTensorOp_t operator_, const CudnnTensor& x, const CudnnTensor& y) {
  CudnnDescriptor settings(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
  settings.set(CUDNN_ATTR_REDUCTION_OPERATOR, operator_)
      .set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .finalize("describing a reduction to cuDNN");
  operation(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR)
      .set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, x.native)
      .set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, y.native)
      .set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, keep(std::move(settings)))
      .finalize("adding a reduction to a cuDNN graph");
}

CudnnTensor CudnnGraph::transposed(const CudnnTensor& x, cudnnDataType_t type) {
  const CudnnTensor y = add_tensor(next_id_++, {x.dims[0], x.dims[1], x.dims[3], x.dims[2]},
                                   {x.strides[0], x.strides[1], x.strides[3], x.strides[2]}, type, true, false);
  operation(CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR)
      .set(CUDNN_ATTR_OPERATION_RESHAPE_XDESC, x.native)
      .set(CUDNN_ATTR_OPERATION_RESHAPE_YDESC, y.native)
      .finalize("adding a transpose to a cuDNN graph");
  return y;
}

namespace {

/// What cuDNN recommends for a graph, best first.
std::vector<CudnnDescriptor> recommended(const CudnnDescriptor& graph, const CudnnTarget& target) {
  CudnnDescriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph.native()).set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_HEUR_MODE_A);
  if (target.properties() != nullptr) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, target.properties());
  heuristics.finalize("asking cuDNN which kernels serve a graph");
  const auto results = [&](std::int64_t room, std::int64_t* count, cudnnBackendDescriptor_t* natives) {
    check_cudnn(cudnn().get_attribute(heuristics.native(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, room,
                                      count, natives),
                "reading which kernels serve a graph");
  };
  std::int64_t count = 0;
  results(0, &count, nullptr);
  std::vector<CudnnDescriptor> configs;
  std::vector<cudnnBackendDescriptor_t> natives;
  for (std::int64_t i = 0; i < count; ++i) natives.push_back(configs.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).native());
  if (count > 0) results(count, &count, natives.data());
  configs.erase(configs.begin() + count, configs.end());
  return configs;
}

std::int64_t engine_of(const CudnnDescriptor& config) {
  CudnnDescriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t native = engine.native();
  std::int64_t count = 0;
  check_cudnn(
      cudnn().get_attribute(config.native(), CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &native),
      "reading which kernel cuDNN chose");
  return engine.get_int64(CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
}

}  // namespace

CudnnPlan CudnnGraph::plan(const CudnnTarget& target) && {
  std::vector<cudnnBackendDescriptor_t> operations;
  for (const CudnnDescriptor& op : operations_) operations.push_back(op.native());
  const auto count = static_cast<std::int64_t>(operations.size());
  CudnnDescriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, count, operations.data());
  if (target.handle() != nullptr)
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, target.handle());  // says which GPU the heuristics are asked about
  graph.finalize("closing a cuDNN graph");

  std::vector<CudnnDescriptor> configs = recommended(graph, target);
  check(!configs.empty(), "cuDNN ", cudnn().version, " knows no kernel for this graph");
  for (CudnnDescriptor& config : configs) {
    CudnnDescriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config.native());
    if (target.properties() != nullptr)
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, target.properties());
    else
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, target.handle());
    if (&config == &configs.back())
      plan.finalize("compiling a cuDNN graph");  // says why not
    else if (!plan.try_finalize())
      continue;
    const std::int64_t engine = engine_of(config);
    std::vector<CudnnDescriptor> made_from = std::move(tensors_);
    for (auto* part : {&settings_, &operations_, &configs})
      for (CudnnDescriptor& descriptor : *part) made_from.push_back(std::move(descriptor));
    made_from.push_back(std::move(graph));
    return CudnnPlan(std::move(plan), engine, std::move(made_from));
  }
  fail("the last of cuDNN's kernels either serves or has thrown");
}

}  // namespace corollary::cuda
