#pragma once
#include <cstdint>
#include <memory>

#include "device/device.h"
#include "device/tensor.h"

namespace corollary {

class Profile;

/// The order in which a device does its work. On the CPU every kernel has finished when its call returns; on a GPU it is queued.
class Stream {
 public:
  Stream();  ///< the CPU's
  explicit Stream(Device device);  ///< a new one; Error if there is no such device
  ~Stream();
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;

  Device device() const { return state_ ? Device::cuda : Device::cpu; }
  bool on_cuda() const { return state_ != nullptr; }
  void synchronize();    ///< returns when all that was queued has finished; Error if any of it failed
  void* native() const;  ///< the cudaStream_t; CUDA only

  /// Scratch memory of the operation being queued, 256-byte aligned: the next operation of this stream gets the same bytes. Grows when
  /// asked for more than ever before, which waits for the stream; reserve_workspace() beforehand avoids that. CUDA only.
  void* workspace(std::int64_t bytes);
  void reserve_workspace(std::int64_t bytes);
  std::int64_t workspace_bytes() const;

  /// From now on operations are timed into `profile` (device/profile.h), which outlives the stream's use of it; nullptr: no longer.
  void profile_into(Profile* profile) { profile_ = profile; }
  Profile* profile() const { return profile_; }

 private:
  struct State;
  std::unique_ptr<State> state_;  // none on the CPU
  Profile* profile_ = nullptr;
};

/// A point in a stream's work, for other streams to wait for and to time by. On the CPU waiting is nothing: the work is done.
class Event {
 public:
  explicit Event(Device device);
  ~Event();
  Event(Event&& other) noexcept;
  Event& operator=(Event&& other) noexcept;
  void record(Stream& stream);
  void hold(Stream& stream) const;  ///< what is queued on `stream` from now on begins after this event
  /// Between two recorded events, by the device's clock (the CPU: steady_clock at record()); waits for the later.
  static double seconds_between(const Event& from, const Event& to);

 private:
  void* native_ = nullptr;  // cudaEvent_t
  double cpu_seconds_ = 0;
};

/// to = from, same dtype and shape, contiguous, each on whichever device it lies. Queued on `stream`; host memory must stay as it is
/// until the stream got there. A CPU stream copies at once, host to host.
void copy(Stream& stream, Tensor to, ConstTensor from);
void zero(Stream& stream, Tensor x);  ///< contiguous, of the stream's device

}  // namespace corollary
