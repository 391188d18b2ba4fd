#pragma once
#include <memory>

#include "comm/communicator.h"
#include "model/tensor_parallel.h"
#include "train/owned_slice.h"

namespace corollary {

/// The communicators of a rank: with those that hold one copy of the model (`tensor`), and with those that hold the same part of other
/// copies (`data`). Made by all ranks of `world` at once; `world` must outlive it.
class RankGroups {
 public:
  RankGroups(Communicator& world, std::int64_t tensor_size);
  const RankLayout& layout() const { return layout_; }
  Communicator& world() { return world_; }
  Communicator& tensor() { return *tensor_; }
  Communicator& data() { return *data_; }
  TensorParallel* tensor_parallel() { return &tensor_parallel_; }
  std::int64_t bytes_moved() const { return world_.bytes_moved() + tensor_->bytes_moved() + data_->bytes_moved(); }

 private:
  class OverTensorRanks final : public TensorParallel {
   public:
    explicit OverTensorRanks(Communicator& ranks) : ranks_(ranks) {}
    int rank() const override { return ranks_.rank(); }
    int size() const override { return ranks_.world_size(); }
    void gather(Stream& stream, Tensor x) override;
    void sum_and_scatter(Stream& stream, Tensor x) override;
    void sum(Stream& stream, Tensor x) override;
    void max(Stream& stream, Tensor x) override;

   private:
    Communicator& ranks_;
  };

  Communicator& world_;
  RankLayout layout_;
  std::unique_ptr<Communicator> tensor_, data_;
  OverTensorRanks tensor_parallel_;
};

}  // namespace corollary
