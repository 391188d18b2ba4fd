// libcuda.so.1 for a machine without a GPU, so that cudnn_attention_test can have cuDNN compile: kernels load into nothing, every
// other call fails as the toolkit's own stub does. Loaded by that test alone, by path, where the loader finds no driver.
#include <cstddef>
#include <cstring>

namespace {

constexpr int kSuccess = 0, kStubLibrary = 34;

int make_handle(void** handle) {
  static int something;
  *handle = &something;
  return kSuccess;
}
int succeed() { return kSuccess; }
int fail() { return kStubLibrary; }

void* function_of(const char* name);

}  // namespace

extern "C" {

int cuDriverGetVersion(int* version) {
  *version = 13000;
  return kSuccess;
}
int cuGetProcAddress_v2(const char* name, void** function, int, unsigned long long, int* status) {
  *function = function_of(name);
  if (status != nullptr) *status = 0;
  return kSuccess;
}
int cuGetProcAddress(const char* name, void** function, int version, unsigned long long flags) {
  return cuGetProcAddress_v2(name, function, version, flags, nullptr);
}

int cuLibraryLoadData(void** handle) { return make_handle(handle); }
int cuLibraryGetKernel(void** handle) { return make_handle(handle); }
int cuKernelGetFunction(void** handle) { return make_handle(handle); }
int cuLibraryUnload() { return kSuccess; }
int cuKernelSetAttribute() { return kSuccess; }
int cuFuncSetAttribute() { return kSuccess; }

// What else cuDNN and the runtime inside it look up by name before they compile.
int cuCtxGetCurrent() { return kStubLibrary; }
int cuCtxGetLimit() { return kStubLibrary; }
int cuCtxPopCurrent() { return kStubLibrary; }
int cuCtxPushCurrent() { return kStubLibrary; }
int cuDeviceGet() { return kStubLibrary; }
int cuDeviceGetCount() { return kStubLibrary; }
int cuGetErrorName() { return kStubLibrary; }
int cuGetErrorString() { return kStubLibrary; }
int cuKernelGetAttribute() { return kStubLibrary; }
int cuLaunchCooperativeKernel() { return kStubLibrary; }
int cuLaunchKernel() { return kStubLibrary; }
int cuLaunchKernelEx() { return kStubLibrary; }
int cuLibraryLoadFromFile() { return kStubLibrary; }
int cuLinkAddData() { return kStubLibrary; }
int cuLinkComplete() { return kStubLibrary; }
int cuLinkCreate() { return kStubLibrary; }
int cuLinkDestroy() { return kStubLibrary; }
int cuOccupancyMaxPotentialClusterSize() { return kStubLibrary; }
int cuStreamGetCtx() { return kStubLibrary; }
}

namespace {

void* function_of(const char* name) {
  const auto is = [name](const char* other) { return std::strcmp(name, other) == 0; };
  if (is("cuGetProcAddress")) return reinterpret_cast<void*>(&cuGetProcAddress_v2);
  if (is("cuDriverGetVersion")) return reinterpret_cast<void*>(&cuDriverGetVersion);
  if (is("cuLibraryLoadData") || is("cuLibraryGetKernel") || is("cuKernelGetFunction"))
    return reinterpret_cast<void*>(&make_handle);
  if (is("cuLibraryUnload") || is("cuKernelSetAttribute") || is("cuFuncSetAttribute")) return reinterpret_cast<void*>(&succeed);
  return reinterpret_cast<void*>(&fail);
}

}  // namespace
