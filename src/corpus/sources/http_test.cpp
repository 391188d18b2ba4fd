#include "corpus/sources/http.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <atomic>
#include <thread>

#include "base/digest.h"
#include "base/error.h"
#include "corpus/test_support.h"

namespace corollary {
namespace {

/// A server on loopback and what it was asked.
class Http : public ::testing::Test {
 protected:
  void SetUp() override {
    for (std::size_t i = 0; i < body_.size(); ++i) body_[i] = static_cast<char>('a' + i * i % 23);
    server_.Get("/file", [&](const httplib::Request& request, httplib::Response& response) {
      note(request);
      response.set_content_provider(body_.size(), "application/octet-stream",
                                    [&](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
                                      return sink.write(body_.data() + offset, length);
                                    });
    });
    // Breaks off in the middle until it has been asked `breaks_` times.
    server_.Get("/breaks", [&](const httplib::Request& request, httplib::Response& response) {
      note(request);
      const bool breaks = breaks_-- > 0;
      response.set_content_provider(body_.size(), "application/octet-stream",
                                    [this, breaks](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
                                      if (!breaks) return sink.write(body_.data() + offset, length);
                                      sink.write(body_.data() + offset, std::min<std::size_t>(length, 50'000));
                                      return false;
                                    });
    });
    server_.Get("/whole", [&](const httplib::Request& request, httplib::Response& response) {  // knows no Range
      note(request);
      auto& ranges = const_cast<httplib::Request&>(request).ranges;
      ranges.clear();
      response.set_content(body_, "application/octet-stream");
    });
    server_.Get("/busy", [&](const httplib::Request& request, httplib::Response& response) {
      note(request);
      if (breaks_-- > 0)
        response.status = 503;
      else
        response.set_content(body_, "application/octet-stream");
    });
    server_.Get("/moved", [](const httplib::Request&, httplib::Response& response) { response.set_redirect("/file"); });
    server_.Get("/away", [](const httplib::Request&, httplib::Response& response) { response.set_redirect("file:///etc/passwd"); });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([&] { server_.listen_after_bind(); });
  }
  void TearDown() override {
    server_.stop();
    thread_.join();
  }
  void note(const httplib::Request& request) {
    ++requests_;
    range_ = request.get_header_value("Range");
  }
  std::string url(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
  void get(const std::string& path) const {
    download(url(path), sha256_hex(body_), folder_ / "got", {.tries = 3, .first_pause_seconds = 0.01});
  }
  std::string error_of(const std::string& path) const {
    try {
      get(path);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  std::string body_ = std::string(200'000, '\0');
  std::atomic<int> requests_{0}, breaks_{0};
  std::string range_;
  TestFolder folder_;
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

TEST_F(Http, BringsAFileOnce) {
  get("/file");
  EXPECT_EQ(read_file(folder_ / "got"), body_);
  EXPECT_FALSE(fs::exists(folder_ / "got.part"));
  get("/file");
  EXPECT_EQ(requests_, 1);
}

TEST_F(Http, FollowsRedirectsButNotToOtherProtocols) {
  get("/moved");
  EXPECT_EQ(read_file(folder_ / "got"), body_);
  fs::remove(folder_ / "got");
  EXPECT_NE(error_of("/away"), "");
}

TEST_F(Http, GoesOnWhereItBrokeOff) {
  breaks_ = 2;
  get("/breaks");
  EXPECT_EQ(read_file(folder_ / "got"), body_);
  EXPECT_EQ(requests_, 3);
  EXPECT_EQ(range_.rfind("bytes=", 0), 0U) << range_;
}

TEST_F(Http, KeepsWhatItHasForTheNextRun) {
  write_file(folder_ / "got.part", body_.substr(0, 123'456));
  get("/file");
  EXPECT_EQ(read_file(folder_ / "got"), body_);
  EXPECT_EQ(range_, "bytes=123456-");
}

TEST_F(Http, StartsOverIfTheServerKnowsNoRange) {
  write_file(folder_ / "got.part", body_.substr(0, 1000));
  get("/whole");
  EXPECT_EQ(read_file(folder_ / "got"), body_);
}

TEST_F(Http, StartsOverIfWhatItHadWasAnotherFile) {
  write_file(folder_ / "got.part", std::string(1000, 'x'));
  get("/file");
  EXPECT_EQ(read_file(folder_ / "got"), body_);
  write_file(folder_ / "got.part", std::string(300'000, 'x'));  // longer than the file: 416
  fs::remove(folder_ / "got");
  get("/file");
  EXPECT_EQ(read_file(folder_ / "got"), body_);
}

TEST_F(Http, AWrongDigestIsRefusedAndNothingIsLeft) {
  try {
    download(url("/file"), sha256_hex("another"), folder_ / "got");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(sha256_hex(body_)), std::string::npos) << error.what();
  }
  EXPECT_FALSE(fs::exists(folder_ / "got"));
  EXPECT_FALSE(fs::exists(folder_ / "got.part"));
}

TEST_F(Http, WhatIsNotThereIsAskedForOnce) {
  EXPECT_NE(error_of("/nothing").find("404"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "got"));
}

TEST_F(Http, ABusyServerIsAskedAgain) {
  breaks_ = 2;
  get("/busy");
  EXPECT_EQ(requests_, 3);
  fs::remove(folder_ / "got");
  breaks_ = 100;
  EXPECT_NE(error_of("/busy").find("3 tries"), std::string::npos);
}

TEST_F(Http, NobodyThereNamesTheRemedy) {
  TestFolder folder;
  try {
    download("http://127.0.0.1:1/x", sha256_hex("x"), folder / "got", {.tries = 2, .first_pause_seconds = 0.01});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("Without a network"), std::string::npos) << error.what();
  }
  EXPECT_THROW(download(url("/file"), "", folder / "got"), Error);
}

}  // namespace
}  // namespace corollary
