// SPDX-License-Identifier: Apache-2.0
#include "core/net/http_client.hpp"

#include <atomic>
#include <thread>

#include <curl/curl.h>
#include <dlfcn.h>
#include <catch2/catch.hpp>

#include "test/support/scripted_http.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

/// Result that libcurl returns from every call of curl_multi_perform and curl_multi_poll; CURLM_OK = the real
/// result.
std::atomic<CURLMcode> perform_fails{CURLM_OK};
std::atomic<CURLMcode> poll_fails{CURLM_OK};

}  // namespace

// In this program these functions replace those of libcurl.
extern "C" CURLMcode curl_multi_perform(CURLM* multi, int* running) {
    static const auto real =
        reinterpret_cast<CURLMcode (*)(CURLM*, int*)>(::dlsym(RTLD_NEXT, "curl_multi_perform"));
    return perform_fails == CURLM_OK ? real(multi, running) : perform_fails.load();
}
extern "C" CURLMcode curl_multi_poll(CURLM* multi, curl_waitfd* extra, unsigned count, int timeout,
                                     int* ready) {
    static const auto real = reinterpret_cast<CURLMcode (*)(CURLM*, curl_waitfd*, unsigned, int, int*)>(
        ::dlsym(RTLD_NEXT, "curl_multi_poll"));
    return poll_fails == CURLM_OK ? real(multi, extra, count, timeout, ready) : poll_fails.load();
}

namespace {

std::unique_ptr<HttpClient> client_of(const std::string& url, HttpSettings settings = {}) {
    auto client = HttpClient::create(url, settings);
    REQUIRE(client);
    return std::move(*client);
}

bool echo(HttpConnection& connection, const std::string& body) {
    return connection.answer("<" + body + ">");
}

}  // namespace

TEST_CASE("http: a POST returns status and body") {
    ScriptedHttp server(
        [](HttpConnection& connection, const std::string& body) { return connection.answer(body + "!", 429); });
    const auto answer = client_of(server.url())->post("hello");
    REQUIRE(answer);
    CHECK(answer->status == 429);
    CHECK(answer->body == "hello!");
}

TEST_CASE("http: the next request uses the same connection") {
    ScriptedHttp server(&echo);
    const auto client = client_of(server.url());
    for (int i = 0; i < 5; ++i)
        REQUIRE(client->post("x"));
    CHECK(server.requests() == 5);
    CHECK(server.connections() == 1);
}

TEST_CASE("http: many bodies are answered in order over a limited number of connections") {
    ScriptedHttp server(&echo);
    const auto client = client_of(server.url(), {.max_parallel = 3});
    std::vector<std::string> bodies;
    for (int i = 0; i < 40; ++i)
        bodies.push_back(std::to_string(i));
    const auto answers = client->post_all(bodies);
    REQUIRE(answers.size() == 40);
    for (std::size_t i = 0; i < answers.size(); ++i) {
        REQUIRE(answers[i]);
        CHECK(answers[i]->body == "<" + bodies[i] + ">");
    }
    CHECK(server.connections() <= 3);
}

TEST_CASE("http: one request that fails does not affect the others") {
    ScriptedHttp server([](HttpConnection& connection, const std::string& body) {
        return body != "bad" && connection.answer(body);
    });
    const std::vector<std::string> bodies{"a", "bad", "c"};
    const auto answers = client_of(server.url())->post_all(bodies);
    CHECK(answers[0]);
    REQUIRE_FALSE(answers[1]);
    CHECK(answers[1].error().code == ErrorCode::unavailable);
    CHECK(answers[2]);
}

TEST_CASE("http: an answer over the size limit is refused, with or without a Content-Length") {
    const HttpSettings settings{.max_response_bytes = 1000};
    SECTION("a Content-Length over the limit") {
        ScriptedHttp server([](HttpConnection& connection, const std::string&) {
            return connection.answer(std::string(1001, 'x'));
        });
        const auto answer = client_of(server.url(), settings)->post("x");
        REQUIRE_FALSE(answer);
        CHECK(answer.error().code == ErrorCode::resource_exhausted);
    }
    SECTION("chunks without end") {
        ScriptedHttp server([](HttpConnection& connection, const std::string&) {
            connection.send("HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n");
            while (connection.send("64\r\n" + std::string(100, 'x') + "\r\n")) {
            }
            return false;
        });
        const auto answer = client_of(server.url(), settings)->post("x");
        REQUIRE_FALSE(answer);
        CHECK(answer.error().code == ErrorCode::resource_exhausted);
    }
    SECTION("headers that never end") {
        ScriptedHttp server([](HttpConnection& connection, const std::string&) {
            connection.send("HTTP/1.1 200 x\r\n");
            while (connection.send("X: " + std::string(900, 'x') + "\r\n")) {
            }
            return false;
        });
        const auto answer = client_of(server.url(), settings)->post("x");
        REQUIRE_FALSE(answer);
        CHECK(answer.error().code == ErrorCode::resource_exhausted);
    }
    SECTION("an answer of exactly the limit is accepted") {
        ScriptedHttp server([](HttpConnection& connection, const std::string&) {
            return connection.answer(std::string(1000, 'x'));
        });
        CHECK(client_of(server.url(), settings)->post("x"));
    }
}

TEST_CASE("http: a server that sends nothing, or too slowly, times out") {
    const HttpSettings settings{.total_timeout = 300ms};
    SECTION("the server sends nothing") {
        ScriptedHttp server(
            [](HttpConnection& connection, const std::string&) { return !connection.wait_over(); });
        const auto answer = client_of(server.url(), settings)->post("x");
        REQUIRE_FALSE(answer);
        CHECK(answer.error().code == ErrorCode::timed_out);
    }
    SECTION("the server sends one byte at a time") {
        ScriptedHttp server([](HttpConnection& connection, const std::string&) {
            connection.send("HTTP/1.1 200 x\r\nContent-Length: 1000000\r\n\r\n");
            while (connection.send("x") && !connection.wait_over(10)) {
            }
            return false;
        });
        const auto answer = client_of(server.url(), settings)->post("x");
        REQUIRE_FALSE(answer);
        CHECK(answer.error().code == ErrorCode::timed_out);
    }
}

TEST_CASE("http: the time-out covers all requests of a call together") {
    ScriptedHttp server([](HttpConnection& connection, const std::string&) { return !connection.wait_over(); });
    const std::vector<std::string> bodies(50, "x");
    const auto answers = client_of(server.url(), {.total_timeout = 200ms, .max_parallel = 2})->post_all(bodies);
    for (const auto& answer : answers) {
        REQUIRE_FALSE(answer);
        CHECK(answer.error().code == ErrorCode::timed_out);
    }
    CHECK(server.requests() <= 2);
}

TEST_CASE("http: half an answer, garbage and a refused connection are errors") {
    SECTION("half an answer") {
        ScriptedHttp server([](HttpConnection& connection, const std::string&) {
            connection.send("HTTP/1.1 200 x\r\nContent-Length: 100\r\n\r\nhalf");
            return false;
        });
        const auto answer = client_of(server.url())->post("x");
        REQUIRE_FALSE(answer);
        CHECK(answer.error().code == ErrorCode::unavailable);
    }
    SECTION("garbage") {
        ScriptedHttp server([](HttpConnection& connection, const std::string&) {
            connection.send("\x01\x02\x03 not http\r\n\r\n");
            return false;
        });
        CHECK_FALSE(client_of(server.url())->post("x"));
    }
    SECTION("no server listens") {
        std::string url;
        { url = ScriptedHttp(&echo).url(); }
        const auto answer = client_of(url)->post("x");
        REQUIRE_FALSE(answer);
        CHECK(answer.error().code == ErrorCode::unavailable);
        CHECK(answer.error().which == url);
    }
}

TEST_CASE("http: redirects are not followed") {
    ScriptedHttp elsewhere(&echo);
    ScriptedHttp server([&](HttpConnection& connection, const std::string&) {
        return connection.send("HTTP/1.1 307 x\r\nLocation: " + elsewhere.url() +
                               "\r\nContent-Length: 0\r\n\r\n");
    });
    const auto answer = client_of(server.url())->post("x");
    REQUIRE(answer);
    CHECK(answer->status == 307);
    CHECK(elsewhere.connections() == 0);
}

TEST_CASE("http: a stop request ends a call that waits") {
    std::stop_source stop;
    ScriptedHttp server([&](HttpConnection& connection, const std::string&) {
        stop.request_stop();
        connection.wait_over();
        return false;
    });
    const auto answer =
        client_of(server.url(), {.total_timeout = 60s})->post("x", "application/json", stop.get_token());
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == ErrorCode::cancelled);
}

TEST_CASE("http: several threads share one client") {
    ScriptedHttp server(&echo);
    const auto client = client_of(server.url());
    std::atomic<int> good{0};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 8; ++t) {
            threads.emplace_back([&, t] {
                const std::string body = std::to_string(t);
                for (int i = 0; i < 20; ++i) {
                    const auto answer = client->post(body);
                    if (answer && answer->body == "<" + body + ">") ++good;
                }
            });
        }
    }
    CHECK(good == 160);
}

TEST_CASE("http: only http and https URLs with a host are accepted, and messages omit credentials") {
    for (const char* url :
         {"", "ftp://host/x", "file:///etc/passwd", "127.0.0.1", "http://", "http:// x", "gopher://h"}) {
        INFO(url);
        const auto client = HttpClient::create(url);
        REQUIRE_FALSE(client);
        CHECK(client.error().code == ErrorCode::invalid_argument);
    }
    CHECK_FALSE(HttpClient::create("http://h/" + std::string(3000, 'x')));
    CHECK(client_of("https://user:secret@node.example/v3/token?key=1")->name() == "https://node.example:443");
}

TEST_CASE("http: when libcurl itself fails all requests fail at once, and later ones work") {
    // If the first curl_multi_perform already brought an answer, it would be used, whatever curl_multi_poll
    // returns afterwards. The server therefore answers nothing before the failure was seen.
    std::atomic<bool> holds{true};
    ScriptedHttp server([&](HttpConnection& connection, const std::string& body) {
        holds.wait(true);
        return echo(connection, body);
    });
    HttpSettings settings;
    settings.max_parallel = 2;
    const auto client = client_of(server.url(), settings);
    const std::vector<std::string> bodies{"a", "b", "c"};
    for (auto* const fails : {&perform_fails, &poll_fails}) {
        holds = true;
        *fails = CURLM_INTERNAL_ERROR;
        const auto answers = client->post_all(bodies);
        *fails = CURLM_OK;
        holds = false;
        holds.notify_all();
        REQUIRE(answers.size() == 3);
        for (const auto& answer : answers) {
            REQUIRE_FALSE(answer);
            CHECK(answer.error().code == ErrorCode::unavailable);
            CHECK(answer.error().why.find("libcurl failed: ") == 0);
        }
        CHECK(client->post("d").value().body == "<d>");
    }
}
