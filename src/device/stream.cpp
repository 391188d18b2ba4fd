#include "device/stream.h"

#include <chrono>
#include <cstring>
#include <utility>

#include "device/buffer.h"
#include "device/cuda/runtime.h"

namespace corollary {

struct Stream::State {
  void* native = nullptr;
  Buffer workspace;
};

Stream::Stream() = default;
Stream::Stream(Device device) {
  if (device == Device::cpu) return;
  if constexpr (kHasCuda) {
    state_ = std::make_unique<State>();
    state_->native = cuda::make_stream();
  } else {
    fail("no CUDA stream: ", find_gpu().why_not);
  }
}
Stream::~Stream() {
  if constexpr (kHasCuda)
    if (state_) cuda::destroy_stream(state_->native);
}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&& other) noexcept {
  std::swap(state_, other.state_);
  std::swap(profile_, other.profile_);
  return *this;
}

void Stream::synchronize() {
  if constexpr (kHasCuda)
    if (state_) cuda::synchronize(state_->native);
}

void* Stream::native() const {
  check(state_ != nullptr, "the CPU has no native stream");
  return state_->native;
}

void* Stream::workspace(std::int64_t bytes) {
  reserve_workspace(bytes);
  return state_->workspace.data();
}
void Stream::reserve_workspace(std::int64_t bytes) {
  check(state_ != nullptr, "a CPU stream has no workspace");
  if (bytes <= state_->workspace.size_bytes()) return;
  synchronize();  // work in flight may still use the old one
  state_->workspace = Buffer();
  state_->workspace = Buffer(bytes, Device::cuda);
}
std::int64_t Stream::workspace_bytes() const { return state_ ? state_->workspace.size_bytes() : 0; }

Event::Event(Device device) {
  if constexpr (kHasCuda)
    if (device == Device::cuda) native_ = cuda::make_event();
}
Event::~Event() {
  if constexpr (kHasCuda)
    if (native_ != nullptr) cuda::destroy_event(native_);
}
Event::Event(Event&& other) noexcept : native_(std::exchange(other.native_, nullptr)), cpu_seconds_(other.cpu_seconds_) {}
Event& Event::operator=(Event&& other) noexcept {
  std::swap(native_, other.native_);
  std::swap(cpu_seconds_, other.cpu_seconds_);
  return *this;
}

void Event::record(Stream& stream) {
  if constexpr (kHasCuda)
    if (native_ != nullptr) return cuda::record(native_, stream.native());
  cpu_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
void Event::hold(Stream& stream) const {
  if constexpr (kHasCuda)
    if (native_ != nullptr) cuda::wait(stream.native(), native_);
}
double Event::seconds_between(const Event& from, const Event& to) {
  if constexpr (kHasCuda)
    if (from.native_ != nullptr) return cuda::milliseconds_between(from.native_, to.native_) * 1e-3;
  return to.cpu_seconds_ - from.cpu_seconds_;
}

void copy(Stream& stream, Tensor to, ConstTensor from) {
  check(to.shape() == from.shape() && to.dtype() == from.dtype() && to.is_contiguous() && from.is_contiguous(), "copy: to ", to.dtype(),
        " ", to.shape(), " from ", from.dtype(), " ", from.shape(), ": must agree and be contiguous");
  if (to.count() == 0) return;
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::copy(stream.native(), to.raw(), from.raw(), to.size_bytes());
  std::memcpy(to.raw(), from.raw(), static_cast<std::size_t>(to.size_bytes()));
}

void zero(Stream& stream, Tensor x) {
  check(x.is_contiguous(), "zero: rows of ", x.shape(), " are ", x.row_stride(), " apart");
  if (x.count() == 0) return;
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::zero(stream.native(), x.raw(), x.size_bytes());
  std::memset(x.raw(), 0, static_cast<std::size_t>(x.size_bytes()));
}

}  // namespace corollary
