#include "comm/mpi.h"

#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/threads.h"
#include "comm/watchdog.h"
#include "device/buffer.h"

// MPI carries bytes from rank to rank; who adds what in which order is decided here, because MPI_Allreduce may choose by message size
// and by the ranks' places. Each rank sends its peers their pieces directly, which is as much as a ring sends.
namespace corollary {
namespace {

void check_mpi(int status, Message what) {
  if (status == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(status, text, &length);
  fail(Message(what), ": MPI says ", text);
}

constexpr int kTag = 1, kBeatTag = 2;
constexpr std::int64_t kBlockBytes = 1 << 20;  // of a piece, sent and added at a time: what the peers' blocks take stays small

/// What all communicators of this process share.
struct Process {
  Activity activity;
};
Process& process() {
  static Process instance;
  return instance;
}

class MpiCommunicator : public Communicator {
 public:
  explicit MpiCommunicator(MPI_Comm comm) : comm_(comm) {
    check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "setting up a communicator");
    MPI_Comm_rank(comm_, &rank_);
    MPI_Comm_size(comm_, &size_);
  }
  ~MpiCommunicator() override {
    int is_over = 0;
    MPI_Finalized(&is_over);
    if (is_over == 0 && comm_ != MPI_COMM_WORLD) MPI_Comm_free(&comm_);
  }
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;

  int rank() const override { return rank_; }
  int world_size() const override { return size_; }
  void barrier() override {
    double nothing = 0;
    all_reduce_sum(std::span(&nothing, 1));
  }

  void all_reduce_sum(Stream& stream, Tensor x) override {
    check_tensor(stream, x);
    if (x.size_bytes() < kSmallBytes) return all_to_all_then(x, [](float& total, float part) { total += part; });
    const std::int64_t piece = piece_of(x.count(), size_);
    reduce_scatter_sum(stream, x, piece);
    all_gather(stream, x, piece);
  }

  void all_reduce_max(Stream& stream, Tensor x) override {
    check_tensor(stream, x);
    all_to_all_then(x, [](float& highest, float part) { highest = part > highest || part != part ? part : highest; });
  }

  void reduce_scatter_sum(Stream& stream, Tensor x, std::int64_t piece) override {
    check_tensor(stream, x);
    const Activity::InCollective mark(process().activity);
    const std::int64_t size = size_of(x.dtype()), block = kBlockBytes / size;
    const Piece own = piece_of_rank(x, piece, rank_);
    if (scratch_.size_bytes() < size_ * kBlockBytes) scratch_ = Buffer(size_ * kBlockBytes);
    auto* const bytes = static_cast<std::byte*>(x.raw());
    const auto part_of = [&](int peer) {  // of this rank's block, from a peer
      return peer == rank_ ? nullptr : static_cast<std::byte*>(scratch_.data()) + peer * kBlockBytes;
    };
    for (std::int64_t at = 0; at < piece; at += block) {
      for (int peer = 0; peer < size_; ++peer) {
        if (peer == rank_) continue;
        const Piece theirs = piece_of_rank(x, piece, peer);
        receive(part_of(peer), std::clamp(own.count() - at, std::int64_t{0}, block) * size, peer);
        send(bytes + (theirs.begin + at) * size, std::clamp(theirs.count() - at, std::int64_t{0}, block) * size, peer);
      }
      wait_for_all();
      const std::int64_t count = std::clamp(own.count() - at, std::int64_t{0}, block);
      std::byte* const target = bytes + (own.begin + at) * size;
      if (x.dtype() == DType::f32) {
        add_in_order<float>(target, count, part_of);
      } else {
        add_in_order<bf16>(target, count, part_of);
      }
    }
  }

  void all_gather(Stream& stream, Tensor x, std::int64_t piece) override {
    check_tensor(stream, x);
    const Activity::InCollective mark(process().activity);
    const std::int64_t size = size_of(x.dtype());
    auto* const bytes = static_cast<std::byte*>(x.raw());
    const Piece own = piece_of_rank(x, piece, rank_);
    for (int peer = 0; peer < size_; ++peer) {
      if (peer == rank_) continue;
      const Piece theirs = piece_of_rank(x, piece, peer);
      receive(bytes + theirs.begin * size, theirs.count() * size, peer);
      send(bytes + own.begin * size, own.count() * size, peer);
    }
    wait_for_all();
  }

  void broadcast(Stream& stream, Tensor x, int root) override {
    check(!stream.on_cuda() && x.is_contiguous(), "MPI broadcasts contiguous host memory");
    const Activity::InCollective mark(process().activity);
    if (rank_ == root) {
      for (int peer = 0; peer < size_; ++peer)
        if (peer != root) send(x.raw(), x.size_bytes(), peer);
    } else {
      receive(x.raw(), x.size_bytes(), root);
    }
    wait_for_all();
  }

  void all_reduce_sum(std::span<double> x) override {
    exchange_doubles(x, [](double& total, double part) { total += part; });
  }
  void all_reduce_max(std::span<double> x) override {
    exchange_doubles(x, [](double& highest, double part) { highest = part > highest || part != part ? part : highest; });
  }

  std::unique_ptr<Communicator> split(int color, int key) override {
    const Activity::InCollective mark(process().activity);
    MPI_Comm part = MPI_COMM_NULL;
    check_mpi(MPI_Comm_split(comm_, color, key, &part), "splitting a communicator");
    return std::make_unique<MpiCommunicator>(part);
  }

  std::int64_t bytes_moved() const override { return sent_bytes_; }
  void abort() noexcept override { MPI_Abort(MPI_COMM_WORLD, 1); }

 protected:
  struct Piece {
    std::int64_t begin = 0, end = 0;
    std::int64_t count() const { return end - begin; }
  };

  static void check_tensor(const Stream& stream, Tensor x) {
    check(!stream.on_cuda(), "MPI sums host memory; tensors of GPUs need NCCL");
    check(x.is_contiguous() && (x.dtype() == DType::f32 || x.dtype() == DType::bf16), "collectives take contiguous f32 or bf16, not ",
          x.dtype(), " ", x.shape());
  }
  static Piece piece_of_rank(Tensor x, std::int64_t piece, int rank) {
    return {std::min(x.count(), rank * piece), std::min(x.count(), (rank + 1) * piece)};
  }

  // Blocks of 1 GiB at most: MPI counts in int.
  void send(const void* data, std::int64_t bytes, int peer) {
    sent_bytes_ += bytes;
    for (std::int64_t at = 0; at < bytes; at += kMostBytes)
      check_mpi(MPI_Isend(static_cast<const std::byte*>(data) + at, static_cast<int>(std::min(bytes - at, kMostBytes)), MPI_BYTE, peer,
                          kTag, comm_, &requests_.emplace_back()),
                "sending to a rank");
  }
  void receive(void* data, std::int64_t bytes, int peer) {
    for (std::int64_t at = 0; at < bytes; at += kMostBytes)
      check_mpi(MPI_Irecv(static_cast<std::byte*>(data) + at, static_cast<int>(std::min(bytes - at, kMostBytes)), MPI_BYTE, peer, kTag,
                          comm_, &requests_.emplace_back()),
                "receiving from a rank");
  }
  // Not MPI_Waitall: it spins, and a rank that waits must leave the processor to those it waits for and to its own other threads. It looks
  // again some fifty times, then sleeps between looks: where processors are short, one who slept comes before one who yielded.
  void wait_for_all() {
    for (int turn = 0; !requests_.empty(); ++turn) {
      int is_done = 0;
      check_mpi(MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &is_done, MPI_STATUSES_IGNORE), "exchanging with ranks");
      if (is_done != 0) return requests_.clear();
      if (turn > 50) ::usleep(20);
    }
  }

  template <class T, class PartOf>
  void add_in_order(std::byte* target, std::int64_t count, const PartOf& part_of) {
    totals_.resize(static_cast<std::size_t>(count));
    for (int r = 0; r < size_; ++r) {
      const T* const part = reinterpret_cast<const T*>(r == rank_ ? target : part_of(r));
      for (std::int64_t i = 0; i < count; ++i) {
        float& total = totals_[static_cast<std::size_t>(i)];
        total = r == 0 ? to_float(part[i]) : total + to_float(part[i]);
      }
    }
    T* const out = reinterpret_cast<T*>(target);
    for (std::int64_t i = 0; i < count; ++i) store(out[i], totals_[static_cast<std::size_t>(i)]);
  }
  static void store(float& to, float value) { to = value; }
  static void store(bf16& to, float value) { to = to_bf16(value); }

  /// Every rank's x to all, then `combine` in order of ranks.
  template <class T, class Combine>
  void combine_all(T* x, std::int64_t count, const Combine& combine) {
    const Activity::InCollective mark(process().activity);
    std::vector<T> all(static_cast<std::size_t>(count * size_));
    const std::int64_t bytes = count * static_cast<std::int64_t>(sizeof(T));
    for (int peer = 0; peer < size_; ++peer) {
      if (peer == rank_) continue;
      receive(all.data() + peer * count, bytes, peer);
      send(x, bytes, peer);
    }
    wait_for_all();
    std::copy_n(x, count, all.data() + rank_ * count);
    for (std::int64_t i = 0; i < count; ++i) combine(x[i], all.data() + i, count);
  }
  template <class Combine>
  void exchange_doubles(std::span<double> x, const Combine& combine) {
    combine_all(x.data(), static_cast<std::int64_t>(x.size()), [&](double& result, const double* first, std::int64_t stride) {
      result = *first;
      for (int r = 1; r < size_; ++r) combine(result, first[r * stride]);
    });
  }
  template <class Combine>
  void all_to_all_then(Tensor x, const Combine& combine) {
    const auto in_order = [&](auto& result, const auto* first, std::int64_t stride) {
      float total = to_float(*first);
      for (int r = 1; r < size_; ++r) combine(total, to_float(first[r * stride]));
      store(result, total);
    };
    if (x.dtype() == DType::f32) {
      combine_all(x.data<float>(), x.count(), in_order);
    } else {
      combine_all(x.data<bf16>(), x.count(), in_order);
    }
  }

  static constexpr std::int64_t kMostBytes = std::int64_t{1} << 30;
  MPI_Comm comm_;
  int rank_ = 0, size_ = 1;
  std::int64_t sent_bytes_ = 0;
  std::vector<MPI_Request> requests_;
  std::vector<float> totals_;
  Buffer scratch_;
};

/// Heartbeats to rank 0 and from it, on a communicator and a thread of their own. Rank 0 judges all, the others judge rank 0.
class Watchdog {
 public:
  Watchdog(double timeout_seconds) : timeout_(timeout_seconds), period_(std::clamp(timeout_seconds / 10, 0.02, 1.0)) {
    check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &comm_), "setting up the watchdog");
    MPI_Comm_rank(comm_, &rank_);
    MPI_Comm_size(comm_, &size_);
    // Names first, so that a rank that never beats can be named.
    Heartbeat own = beat();
    std::vector<Heartbeat> all(static_cast<std::size_t>(size_));
    check_mpi(MPI_Allgather(&own, sizeof own, MPI_BYTE, all.data(), sizeof own, MPI_BYTE, comm_), "setting up the watchdog");
    for (const Heartbeat& one : all) records_.push_back({one, Activity::now()});
    thread_ = std::thread([this] { watch(); });
  }
  ~Watchdog() {
    stops_ = true;
    thread_.join();
    MPI_Comm_free(&comm_);
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  static Heartbeat beat() {
    Heartbeat heartbeat{.finished = process().activity.finished(), .pid = ::getpid()};
    if (const auto since = process().activity.waiting_since()) heartbeat.waiting_seconds = Activity::now() - *since;
    ::gethostname(heartbeat.host, sizeof heartbeat.host - 1);
    return heartbeat;
  }

  void watch() {
    std::vector<Heartbeat> sent(static_cast<std::size_t>(size_));
    std::vector<MPI_Request> sends(static_cast<std::size_t>(size_), MPI_REQUEST_NULL);
    double looked = Activity::now(), judges_after = looked;
    while (!stops_) {
      ::usleep(static_cast<useconds_t>(period_ * 1e6));
      // A rank that was itself stopped for a while has heard from nobody, and others waited for it: it must not blame them.
      const double now = Activity::now(), missed = now - looked - period_;
      if (missed > timeout_ / 2) {
        for (RankRecord& record : records_) record.heard += missed;
        judges_after = now + timeout_;
      }
      looked = now;
      listen();
      const int first = rank_ == 0 ? 1 : 0, last = rank_ == 0 ? size_ : 1;
      for (int peer = first; peer < last; ++peer) {
        const auto i = static_cast<std::size_t>(peer);
        int is_sent = 0;
        MPI_Test(&sends[i], &is_sent, MPI_STATUS_IGNORE);
        if (is_sent == 0) continue;  // it does not listen
        sent[i] = beat();
        MPI_Isend(&sent[i], sizeof(Heartbeat), MPI_BYTE, peer, kBeatTag, comm_, &sends[i]);
      }
      records_[static_cast<std::size_t>(rank_)] = {beat(), now};
      if (now >= judges_after) judge(now);
    }
    for (MPI_Request& request : sends)
      if (request != MPI_REQUEST_NULL) MPI_Request_free(&request);
  }

  void listen() {
    for (int is_there = 1; is_there != 0;) {
      MPI_Status status;
      MPI_Iprobe(MPI_ANY_SOURCE, kBeatTag, comm_, &is_there, &status);
      if (is_there == 0) break;
      Heartbeat heard;
      MPI_Recv(&heard, sizeof heard, MPI_BYTE, status.MPI_SOURCE, kBeatTag, comm_, MPI_STATUS_IGNORE);
      records_[static_cast<std::size_t>(status.MPI_SOURCE)] = {heard, Activity::now()};
    }
  }

  void judge(double now) {
    if (stops_) return;
    // Only rank 0 hears all; the others hear it, and wait a little longer for it than it waits for them.
    const auto culprit = rank_ == 0 ? find_culprit(records_, now, timeout_) : find_culprit({records_[0]}, now, 1.2 * timeout_ + period_);
    if (!culprit) return;
    log_line(LogLevel::error, "the job ends: " + *culprit);
    MPI_Abort(MPI_COMM_WORLD, 1);
    std::_Exit(1);
  }

  double timeout_, period_;
  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  std::vector<RankRecord> records_;
  std::atomic<bool> stops_ = false;
  std::thread thread_;
};

class MpiWorld final : public MpiCommunicator {
 public:
  MpiWorld(double timeout_seconds) : MpiCommunicator(MPI_COMM_WORLD) {
    if (timeout_seconds > 0) watchdog_ = std::make_unique<Watchdog>(timeout_seconds);
  }
  ~MpiWorld() override {
    barrier();
    watchdog_.reset();
    MPI_Finalize();
  }

 private:
  std::unique_ptr<Watchdog> watchdog_;
};

}  // namespace

MpiRanks make_mpi_world(double timeout_seconds, int launched_ranks) {
  int provided = MPI_THREAD_SINGLE, size = 0;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided), "starting MPI");
  check(provided == MPI_THREAD_MULTIPLE, "this MPI does not let threads call it side by side (MPI_THREAD_MULTIPLE): use Open MPI");
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  check(size == launched_ranks, "", launched_ranks, " ranks were started, but MPI sees ", size,
        ": use the mpirun of the MPI this program was built with, or srun --mpi=pmix");
  MPI_Comm machine = MPI_COMM_NULL;
  int local_ranks = 1, local_rank = 0;
  check_mpi(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine), "counting the ranks of a machine");
  MPI_Comm_size(machine, &local_ranks);
  MPI_Comm_rank(machine, &local_rank);
  MPI_Comm_free(&machine);
  share_threads(local_ranks);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank > 0) set_log_level(LogLevel::error);  // what all ranks have to say, the first says
  return {std::make_unique<MpiWorld>(timeout_seconds), local_rank};
}

}  // namespace corollary
