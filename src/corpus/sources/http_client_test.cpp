#include "corpus/sources/http_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <zlib.h>

#include <chrono>
#include <ctime>

#include "base/error.h"
#include "corpus/sources/http.h"
#include "corpus/sources/test_server.h"
#include "corpus/test_support.h"

namespace corollary {
namespace {

using testing::TestServer;

/// 127.0.0.2 plays the public host.
AddressKind with_a_public_host(const sockaddr& address) {
  sockaddr_in in4;
  std::memcpy(&in4, &address, sizeof in4);
  if (address.sa_family == AF_INET && ntohl(in4.sin_addr.s_addr) == 0x7f000002) return AddressKind::is_public;
  return address_kind(address);
}

HttpConfig quick() {
  HttpConfig config;
  config.tries = 3;
  config.first_pause_seconds = 0.01;
  config.kind_of = with_a_public_host;
  return config;
}

std::string reason_of(const HttpConfig& config, const std::string& url, std::string* body = nullptr) {
  HttpClient client(config);
  const HttpAnswer answer = client.get(url, [&](long, std::string_view bytes) {
    if (body != nullptr) *body += bytes;
    return true;
  });
  return answer.rejection ? answer.rejection->reason : "";
}

/// /to/ADDRESS redirects there, anything else says "here".
void redirector(const httplib::Request& request, httplib::Response& response) {
  if (request.path.starts_with("/to/"))
    response.set_redirect(request.target.substr(4));
  else
    response.set_content("here", "text/plain");
}

TEST(Address, KindsOfAddresses) {
  const std::pair<const char*, AddressKind> cases[] = {
      {"8.8.8.8", AddressKind::is_public},
      {"127.0.0.1", AddressKind::loopback},
      {"127.255.255.255", AddressKind::loopback},
      {"2130706433", AddressKind::loopback},
      {"0x7f.1", AddressKind::loopback},
      {"0177.0.0.1", AddressKind::loopback},
      {"localhost", AddressKind::loopback},
      {"A.LocalHost.", AddressKind::loopback},
      {"169.254.169.254", AddressKind::link_local},
      {"10.1.2.3", AddressKind::is_private},
      {"172.15.0.1", AddressKind::is_public},
      {"172.16.0.1", AddressKind::is_private},
      {"172.31.255.255", AddressKind::is_private},
      {"172.32.0.1", AddressKind::is_public},
      {"192.168.0.1", AddressKind::is_private},
      {"100.64.0.1", AddressKind::is_private},
      {"0.0.0.0", AddressKind::special},
      {"255.255.255.255", AddressKind::special},
      {"224.0.0.1", AddressKind::special},
      {"[::1]", AddressKind::loopback},
      {"::", AddressKind::special},
      {"::ffff:127.0.0.1", AddressKind::loopback},
      {"::ffff:8.8.8.8", AddressKind::is_public},
      {"::127.0.0.1", AddressKind::loopback},
      {"64:ff9b::a9fe:a9fe", AddressKind::link_local},
      {"2002:7f00:1::", AddressKind::loopback},
      {"fe80::1%eth0", AddressKind::link_local},
      {"fc00::1", AddressKind::is_private},
      {"fd12:3456::1", AddressKind::is_private},
      {"ff02::1", AddressKind::special},
      {"2606:4700::1111", AddressKind::is_public},
      {"2001:db8::1", AddressKind::special},
  };
  for (const auto& [host, kind] : cases) {
    ASSERT_TRUE(address_kind_of_host(host).has_value()) << host;
    EXPECT_EQ(*address_kind_of_host(host), kind) << host << " is " << address_kind_name(*address_kind_of_host(host));
  }
  EXPECT_FALSE(address_kind_of_host("example.org").has_value());
  EXPECT_FALSE(address_kind_of_host("localhost.example.org").has_value());
}

TEST(HttpClient, APublicHostCannotSendUsHome) {
  TestServer server(redirector);
  const std::string home = server.url("/secret");
  EXPECT_EQ(reason_of(quick(), server.url("/to/" + home, "127.0.0.2")), "refused_address");
  EXPECT_EQ(server.count(), 1U) << "the redirect was followed";
  // Nor by a detour over a host of ours.
  EXPECT_EQ(reason_of(quick(), server.url("/to/" + server.url("/to/" + home, "127.0.0.2"), "127.0.0.1")), "refused_address");
  for (const char* inside : {"http://localhost:1/", "http://169.254.169.254/latest", "http://10.0.0.1/", "http://[::1]:1/",
                             "http://0x7f000001:1/", "http://[::ffff:127.0.0.1]:1/", "http://0.0.0.0:1/"})
    EXPECT_EQ(reason_of(quick(), server.url(std::string("/to/") + inside, "127.0.0.2")), "refused_address") << inside;
  HttpConfig open = quick();
  open.allow_private_addresses = true;
  std::string body;
  EXPECT_EQ(reason_of(open, server.url("/to/" + home, "127.0.0.2"), &body), "");
  EXPECT_EQ(body, "here");
}

TEST(HttpClient, AnOpenConnectionIsNoWayAround) {
  TestServer server(redirector);
  HttpClient client(quick());
  const auto sink = [](long, std::string_view) { return true; };
  EXPECT_FALSE(client.get(server.url("/secret"), sink).rejection);  // the user may; the connection stays open
  const HttpAnswer answer = client.get(server.url("/to/" + server.url("/secret"), "127.0.0.2"), sink);
  ASSERT_TRUE(answer.rejection);
  EXPECT_EQ(answer.rejection->reason, "refused_address");
  EXPECT_EQ(server.count(), 2U);
}

TEST(HttpClient, TheUsersOwnAddressesStayAllowed) {
  TestServer server(redirector);
  EXPECT_EQ(reason_of(quick(), server.url("/here")), "");
  EXPECT_EQ(reason_of(quick(), server.url("/to//here")), "");
  EXPECT_EQ(reason_of(quick(), server.url("/to/" + server.url("/here", "127.0.0.3"))), "");
  EXPECT_EQ(reason_of(quick(), server.url("/to/http://169.254.169.254/")), "refused_address");  // another kind of inside
  EXPECT_EQ(reason_of(quick(), server.url("/to/http://192.168.0.1/")), "refused_address");
}

TEST(HttpClient, OnlyHttpAndOnlySoFar) {
  TestServer server(redirector);
  for (const char* elsewhere : {"file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/", "dict://127.0.0.1/"}) {
    EXPECT_EQ(reason_of(quick(), server.url(std::string("/to/") + elsewhere)), "refused_redirect") << elsewhere;
    EXPECT_EQ(reason_of(quick(), elsewhere), "bad_address");
  }
  EXPECT_EQ(reason_of(quick(), "http://"), "bad_address");
  TestServer circle([](const httplib::Request&, httplib::Response& response) { response.set_redirect("/again"); });
  EXPECT_EQ(reason_of(quick(), circle.url("/")), "too_many_redirects");
  EXPECT_EQ(circle.count(), 11U);
}

TEST(HttpClient, ATokenStaysAtHome) {
  TestServer other(redirector), server(redirector);
  HttpConfig config = quick();
  config.token = "s3cret";
  EXPECT_EQ(reason_of(config, server.url("/to//here")), "");
  ASSERT_EQ(server.count(), 2U);
  EXPECT_EQ(server.asked()[1].authorization, "Bearer s3cret");  // the same origin
  EXPECT_EQ(reason_of(config, server.url("/to/" + other.url("/here"))), "");
  EXPECT_EQ(other.asked().at(0).authorization, "");  // another port
  EXPECT_EQ(reason_of(config, server.url("/to/" + server.url("/here", "127.0.0.3"))), "");
  EXPECT_EQ(server.asked().back().authorization, "");                      // another host
  EXPECT_EQ(reason_of(config, "http://example.org/"), "refused_address");  // in the clear
  config.token = "a\r\nX: b";
  EXPECT_THROW(HttpClient{config}, Error);
}

TEST(HttpClient, BodiesHaveACap) {
  TestServer server([](const httplib::Request& request, httplib::Response& response) {
    if (request.path == "/known") response.set_content(std::string(100'000, 'x'), "text/plain");
    if (request.path == "/chunked")
      response.set_chunked_content_provider("text/plain", [](std::size_t, httplib::DataSink& sink) {
        return sink.write(std::string(1000, 'x').data(), 1000);  // for ever
      });
    if (request.path == "/error") {
      response.status = 500;
      response.set_chunked_content_provider("text/plain", [](std::size_t, httplib::DataSink& sink) {
        const std::string part(1 << 16, 'x');
        return sink.write(part.data(), part.size());
      });
    }
    if (request.path == "/header")
      for (int i = 0; i < 60; ++i) response.set_header("x-" + std::to_string(i), std::string(7000, 'h'));
  });
  HttpConfig config = quick();
  config.max_bytes = 50'000;
  EXPECT_EQ(reason_of(config, server.url("/known")), "too_large");
  EXPECT_EQ(reason_of(config, server.url("/chunked")), "too_large");
  EXPECT_EQ(reason_of(config, server.url("/error")), "http_500");
  EXPECT_NE(reason_of(config, server.url("/header")), "");
  config.max_bytes = 100'000;
  EXPECT_EQ(reason_of(config, server.url("/known")), "");
}

TEST(HttpClient, ATryHasItsTime) {
  TestServer server([](const httplib::Request&, httplib::Response& response) {
    response.set_chunked_content_provider("text/plain", [](std::size_t, httplib::DataSink& sink) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      return sink.write("x", 1);
    });
  });
  HttpConfig config = quick();
  config.max_seconds = 0.3;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(reason_of(config, server.url("/slow")), "too_slow");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(HttpJson, WaitsAsTheServerSays) {
  int busy = 0;
  TestServer server([&](const httplib::Request& request, httplib::Response& response) {
    if (busy-- > 0) {
      response.status = 403;
      if (request.path == "/after") response.set_header("Retry-After", "1");
      if (request.path == "/reset") {
        response.set_header("x-ratelimit-remaining", "0");
        response.set_header("x-ratelimit-reset", std::to_string(std::time(nullptr)));
      }
      if (request.path == "/long") response.set_header("Retry-After", "100000");
      response.set_content("{\"message\": \"API rate limit exceeded\"}", "application/json");
      return;
    }
    response.set_content("{\"a\": 1}", "application/json");
  });
  HttpClient client(quick());
  for (const char* path : {"/after", "/reset"}) {
    busy = 1;
    const auto start = std::chrono::steady_clock::now();
    const JsonAnswer answer = get_json(client, server.url(path));
    EXPECT_FALSE(answer.http.rejection) << path;
    EXPECT_EQ(answer.json, Json({{"a", 1}}));
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(900)) << path;
  }
  busy = 1;
  EXPECT_EQ(get_json(client, server.url("/long")).http.rejection.value().reason, "rate_limited");
}

TEST(HttpJson, WhatAnswersAskFor) {
  HttpAnswer answer;
  answer.status = 403;
  EXPECT_EQ(wait_asked(answer, 0), std::nullopt);  // forbidden, and no more
  answer.error_text = "You have exceeded a secondary rate limit.";
  EXPECT_EQ(wait_asked(answer, 0), 60.0);
  answer.headers = {{"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", "1700000100"}};
  EXPECT_EQ(wait_asked(answer, 1700000000), 101.0);
  answer.headers = {{"retry-after", "Tue, 14 Nov 2023 22:13:30 GMT"}};  // 1700000010
  EXPECT_EQ(wait_asked(answer, 1700000000), 10.0);
  for (const char* nonsense : {"-5", "soon", "99999999999999999999", "1e9"}) {
    answer.headers = {{"retry-after", nonsense}};
    EXPECT_EQ(wait_asked(answer, 0), 60.0) << nonsense;
  }
  answer.status = 200;
  EXPECT_EQ(wait_asked(answer, 0), std::nullopt);
}

TEST(HttpJson, DamagedDocumentsAreAskedForAgainThenReported) {
  int damaged = 0;
  TestServer server([&](const httplib::Request& request, httplib::Response& response) {
    if (request.path == "/deep") return response.set_content(std::string(100'000, '['), "application/json");
    response.set_content(damaged-- > 0 ? "{\"a\": [1, 2" : "{\"a\": [1, 2]}", "application/json");
  });
  HttpClient client(quick());
  damaged = 2;
  EXPECT_FALSE(get_json(client, server.url("/")).http.rejection);
  EXPECT_EQ(server.count(), 3U);
  damaged = 100;
  EXPECT_EQ(get_json(client, server.url("/")).http.rejection.value().reason, "malformed_json");
  EXPECT_EQ(get_json(client, server.url("/deep")).http.rejection.value().reason, "malformed_json");
}

TEST(HttpJson, ABombIsNotUnpackedWhole) {
  const std::string zeros(24 << 20, ' ');
  std::string bomb(1 << 20, '\0');
  z_stream stream = {};
  ASSERT_EQ(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(zeros.data()));
  stream.avail_in = static_cast<uInt>(zeros.size());
  stream.next_out = reinterpret_cast<Bytef*>(bomb.data());
  stream.avail_out = static_cast<uInt>(bomb.size());
  ASSERT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  bomb.resize(stream.total_out);
  deflateEnd(&stream);
  TestServer server([&](const httplib::Request&, httplib::Response& response) {
    response.set_header("Content-Encoding", "gzip");
    response.set_content(bomb, "application/json");
  });
  HttpClient client(quick());
  EXPECT_EQ(get_json(client, server.url("/")).http.rejection.value().reason, "too_large");
  EXPECT_EQ(server.count(), 1U);
}

TEST(HttpJson, PagesAreFollowedOnlyAtHome) {
  std::string link;
  TestServer server([&](const httplib::Request&, httplib::Response& response) {
    if (!link.empty()) response.set_header("Link", link);
    response.set_content("[]", "application/json");
  });
  HttpClient client(quick());
  const auto next = [&](const std::string& header) {
    link = header;
    return get_json(client, server.url("/")).next_url;
  };
  EXPECT_EQ(next("<" + server.url("/?page=1") + ">; rel=\"prev\", <" + server.url("/?page=3") + ">; rel=\"next\""),
            server.url("/?page=3"));
  EXPECT_EQ(next(""), "");
  EXPECT_EQ(next("<https://evil.example/>; rel=\"next\""), "");
  EXPECT_EQ(next("<>; rel=\"next\""), "");
  EXPECT_EQ(next("<" + server.url("/x")), "");
}

TEST(Download, ACapIsAValue) {
  const TestFolder folder;
  TestServer server([](const httplib::Request&, httplib::Response& response) {
    response.set_chunked_content_provider("text/plain", [](std::size_t, httplib::DataSink& sink) {
      const std::string part(1 << 16, 'x');
      return sink.write(part.data(), part.size());
    });
  });
  HttpConfig config = quick();
  config.max_bytes = 1 << 20;
  HttpClient client(config);
  const auto rejection = try_download(client, server.url("/endless"), folder / "got", [](const fs::path&) { return ""; });
  ASSERT_TRUE(rejection);
  EXPECT_EQ(rejection->reason, "too_large");
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Url, PartsAndQuoting) {
  EXPECT_EQ(url_origin("HTTPS://User:pw@Example.org/x?y"), "https://example.org:443");
  EXPECT_EQ(url_origin("http://a:8080"), "http://a:8080");
  EXPECT_EQ(url_origin("hf://datasets/a/b"), "");
  EXPECT_EQ(url_for_people("https://user:pw@example.org/a/b?token=x#y"), "https://example.org/a/b");
  EXPECT_EQ(percent_encode("a b/c+\xc3\xa9"), "a%20b%2Fc%2B%C3%A9");
  EXPECT_EQ(percent_encode("a/b", true), "a/b");
}

}  // namespace
}  // namespace corollary
