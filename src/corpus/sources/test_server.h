#pragma once
#include <httplib.h>

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace corollary::testing {

/// A local HTTP server whose answers a test writes; what it was asked is kept. It listens on all of 127.0.0.0/8, so that a test can
/// have several hosts, and say of one of them that it is public.
class TestServer {
 public:
  using Handler = std::function<void(const httplib::Request&, httplib::Response&)>;
  struct Asked {
    std::string target;  ///< path with its query
    std::string authorization, range;
  };

  explicit TestServer(Handler handler) : handler_(std::move(handler)) {
    server_.set_keep_alive_timeout(1);
    server_.Get(".*", [this](const httplib::Request& request, httplib::Response& response) {
      {
        const std::lock_guard lock(mutex_);
        asked_.push_back({request.target, request.get_header_value("Authorization"), request.get_header_value("Range")});
      }
      handler_(request, response);
    });
    port_ = server_.bind_to_any_port("0.0.0.0");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~TestServer() {
    server_.stop();
    thread_.join();
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  std::string url(const std::string& path = "", const std::string& host = "127.0.0.1") const {
    return "http://" + host + ":" + std::to_string(port_) + path;
  }
  std::vector<Asked> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::size_t count() const { return asked().size(); }

 private:
  Handler handler_;
  httplib::Server server_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<Asked> asked_;
  std::thread thread_;
};

}  // namespace corollary::testing
