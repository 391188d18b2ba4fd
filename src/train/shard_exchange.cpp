#include "train/shard_exchange.h"

#include <utility>

namespace corollary {

ShardExchange::ShardExchange(Shards shards, RankGroups& ranks, Device device)
    : shards_(std::move(shards)), ranks_(ranks), own_stream_(device), given_(device), done_(device) {
  if (device == Device::cpu && shards_.data_size() > 1) thread_ = std::thread([this] { work(); });
}

ShardExchange::~ShardExchange() {
  {
    const std::lock_guard lock(mutex_);
    stops_ = true;
    tasks_.clear();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ShardExchange::reduce(Stream& stream, Tensor gradients, std::size_t bucket) {
  const ParameterRange range = shards_.buckets()[bucket];
  const Tensor part = gradients.rows(range.begin, range.end);
  if (holds_norms(bucket)) ranks_.tensor().all_reduce_sum(stream, part);  // here: the tensor ranks' communicator is the model's
  if (shards_.data_size() == 1) return;
  submit(stream, [this, part, piece = shards_.piece_size(bucket)](Stream& own) { ranks_.data().reduce_scatter_sum(own, part, piece); });
}

void ShardExchange::gather(Stream& stream, Tensor weights, std::size_t bucket) {
  if (shards_.data_size() == 1) return;
  const ParameterRange range = shards_.buckets()[bucket];
  const Tensor part = weights.rows(range.begin, range.end);
  submit(stream, [this, part, piece = shards_.piece_size(bucket)](Stream& own) { ranks_.data().all_gather(own, part, piece); });
}

void ShardExchange::submit(Stream& stream, std::function<void(Stream&)> task) {
  if (stream.on_cuda()) {
    given_.record(stream);
    given_.hold(own_stream_);
    return task(own_stream_);
  }
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_all();
}

void ShardExchange::wait(Stream& stream) {
  if (stream.on_cuda()) {
    done_.record(own_stream_);
    return done_.hold(stream);
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return tasks_.empty() && !is_busy_; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ShardExchange::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stops_ || !tasks_.empty(); });
    if (stops_) return;
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    is_busy_ = true;
    lock.unlock();
    try {
      task(own_stream_);
    } catch (...) {
      lock.lock();
      failure_ = std::current_exception();
      tasks_.clear();
      lock.unlock();
    }
    lock.lock();
    is_busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace corollary
