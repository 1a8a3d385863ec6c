// SPDX-License-Identifier: Apache-2.0
#include "test/support/bolt_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace ioswarm::test {
namespace {

constexpr std::size_t kHeader = 16;
constexpr std::size_t kElement = 16;
constexpr std::uint16_t kBranch = 1;
constexpr std::uint16_t kLeaf = 2;
constexpr std::uint16_t kMeta = 4;
constexpr std::uint16_t kFreelist = 16;
constexpr std::size_t kBufferBytes = 1024 * 1024;

template <typename Int>
void put(Bytes& out, Int value) {
    for (std::size_t i = 0; i < sizeof(Int); ++i)
        out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void put_bytes(Bytes& out, BytesView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

void put_header(Bytes& out, std::uint64_t id, std::uint16_t flags, std::size_t count, std::uint64_t overflow) {
    put(out, id);
    put(out, flags);
    put(out, static_cast<std::uint16_t>(count));
    put(out, static_cast<std::uint32_t>(overflow));
}

std::uint64_t fnv1a(BytesView bytes) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const std::uint8_t byte : bytes)
        hash = (hash ^ byte) * 0x100000001b3;
    return hash;
}

[[noreturn]] void die(const char* what) {
    std::perror(what);
    std::abort();
}

}  // namespace

BoltWriter::BoltWriter(const std::string& path, const Settings& settings)
    : settings_(settings),
      fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)),
      flushed_(2 * std::uint64_t{settings.page_size}),
      random_(settings.seed) {
    if (fd_ < 0) die(path.c_str());
}

BoltWriter::~BoltWriter() {
    ::close(fd_);
}

void BoltWriter::Tree::add(BytesView key, BytesView value, std::uint32_t flags) {
    const std::size_t bytes = kElement + key.size() + value.size();
    const auto room = static_cast<std::size_t>(writer_.settings_.fill * writer_.settings_.page_size);
    const bool full = open_.bytes + bytes > room && open_.elements.size() >= writer_.settings_.min_elements;
    if (full || open_.elements.size() == 0xfffe) close_leaf();
    open_.elements.push_back({to_bytes(key), to_bytes(value), flags, 0});
    open_.bytes += bytes;
    nested_ |= flags != 0;
}

void BoltWriter::Tree::close_leaf() {
    closed_.push_back(std::exchange(open_, Node{}));
    if (closed_.size() >= writer_.settings_.scatter) flush_leaves();
}

void BoltWriter::Tree::flush_leaves() {
    std::vector<std::size_t> order(closed_.size());
    for (std::size_t i = 0; i < order.size(); ++i)
        order[i] = i;
    if (writer_.settings_.scatter > 1) std::shuffle(order.begin(), order.end(), writer_.random_);
    std::vector<std::uint64_t> pages(closed_.size());
    for (const std::size_t i : order)
        pages[i] = writer_.write_node(closed_[i], true);
    for (std::size_t i = 0; i < closed_.size(); ++i) {
        Bytes first = closed_[i].elements.empty() ? Bytes{} : std::move(closed_[i].elements.front().key);
        children_.push_back({std::move(first), {}, 0, pages[i]});
    }
    closed_.clear();
}

std::uint64_t BoltWriter::Tree::finish_root() {
    if (!open_.elements.empty() || (children_.empty() && closed_.empty()))
        closed_.push_back(std::exchange(open_, Node{}));
    flush_leaves();
    const auto room = static_cast<std::size_t>(writer_.settings_.fill * writer_.settings_.page_size);
    while (children_.size() > 1) {
        std::vector<Element> parents;
        Node node;
        const auto close = [&] {
            Bytes first = node.elements.front().key;
            const std::uint64_t page = writer_.write_node(node, false);
            parents.push_back({std::move(first), {}, 0, page});
            node = Node{};
        };
        for (Element& child : children_) {
            const std::size_t bytes = kElement + child.key.size();
            if (node.bytes + bytes > room && node.elements.size() >= 2) close();
            node.elements.push_back(std::move(child));
            node.bytes += bytes;
        }
        close();
        children_ = std::move(parents);
    }
    return children_.front().child;
}

Bytes BoltWriter::Tree::finish() {
    Bytes value;
    const bool one_leaf = children_.empty() && closed_.empty();
    if (writer_.settings_.inline_buckets && one_leaf && !nested_ &&
        open_.bytes <= writer_.settings_.page_size / 4) {
        put(value, std::uint64_t{0});
        put(value, std::uint64_t{0});
        put_bytes(value, writer_.encode(open_, true, 0));
        return value;
    }
    put(value, finish_root());
    put(value, std::uint64_t{0});
    return value;
}

Bytes BoltWriter::encode(const Tree::Node& node, bool leaf, std::uint64_t id) const {
    Bytes out;
    out.reserve(node.bytes);
    const std::uint64_t pages = (node.bytes + settings_.page_size - 1) / settings_.page_size;
    put_header(out, id, leaf ? kLeaf : kBranch, node.elements.size(), pages - 1);
    std::size_t data = kHeader + node.elements.size() * kElement;
    for (const Tree::Element& element : node.elements) {
        const auto position = static_cast<std::uint32_t>(data - out.size());
        if (leaf) put(out, element.flags);
        put(out, position);
        put(out, static_cast<std::uint32_t>(element.key.size()));
        if (leaf)
            put(out, static_cast<std::uint32_t>(element.value.size()));
        else
            put(out, element.child);
        data += element.key.size() + element.value.size();
    }
    for (const Tree::Element& element : node.elements) {
        put_bytes(out, element.key);
        put_bytes(out, element.value);
    }
    return out;
}

std::uint64_t BoltWriter::write_node(const Tree::Node& node, bool leaf) {
    const std::uint64_t id = next_page_;
    Bytes page = encode(node, leaf, id);
    const std::uint64_t pages = (page.size() + settings_.page_size - 1) / settings_.page_size;
    page.resize(static_cast<std::size_t>(pages * settings_.page_size));
    append(page);
    next_page_ += pages;
    return id;
}

void BoltWriter::commit(Tree& root) {
    const std::uint64_t root_page = root.finish_root();
    const std::uint64_t freelist = next_page_++;
    Bytes page;
    put_header(page, freelist, kFreelist, 0, 0);
    page.resize(settings_.page_size);
    append(page);
    flush();
    for (std::uint64_t id = 0; id < 2; ++id) {
        Bytes meta;
        put(meta, std::uint32_t{0xED0CDAED});
        put(meta, std::uint32_t{2});
        put(meta, settings_.page_size);
        put(meta, std::uint32_t{0});
        put(meta, root_page);
        put(meta, std::uint64_t{0});
        put(meta, freelist);
        put(meta, next_page_);
        put(meta, std::uint64_t{7 + id});
        put(meta, fnv1a(meta));
        Bytes out;
        put_header(out, id, kMeta, 0, 0);
        put_bytes(out, meta);
        out.resize(settings_.page_size);
        const auto at = static_cast<off_t>(id * settings_.page_size);
        if (::pwrite(fd_, out.data(), out.size(), at) != static_cast<ssize_t>(out.size()))
            die("write of a BoltDB file");
    }
}

void BoltWriter::append(BytesView bytes) {
    put_bytes(buffer_, bytes);
    if (buffer_.size() >= kBufferBytes) flush();
}

void BoltWriter::flush() {
    std::size_t done = 0;
    while (done < buffer_.size()) {
        const ssize_t wrote =
            ::pwrite(fd_, buffer_.data() + done, buffer_.size() - done, static_cast<off_t>(flushed_));
        if (wrote <= 0) die("write of a BoltDB file");
        done += static_cast<std::size_t>(wrote);
        flushed_ += static_cast<std::uint64_t>(wrote);
    }
    buffer_.clear();
}

}  // namespace ioswarm::test
