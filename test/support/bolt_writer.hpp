// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"

namespace ioswarm::test {

/// Writes BoltDB files of any size with a few MiB of memory, in the layout of bbolt. Elements must be added in
/// key order. If the file cannot be written, it ends the program, because only tests and benchmarks use it.
class BoltWriter {
  public:
    struct Settings {
        std::uint32_t page_size = 4096;
        double fill = 0.9;        ///< how full a page may get before the next one is begun
        std::size_t scatter = 1;  ///< leaves are written in random order within groups of this size, as in a
                                  ///< file that was in use for a while
        std::uint64_t seed = 1;   ///< seed of that random order
        /// As bbolt does: a bucket of up to a quarter of a page is stored inside its value.
        bool inline_buckets = true;
        std::size_t min_elements = 2;  ///< least elements per leaf, however large they are (bbolt: 2)
    };

    BoltWriter(const std::string& path, const Settings& settings);
    ~BoltWriter();
    BoltWriter(const BoltWriter&) = delete;
    BoltWriter& operator=(const BoltWriter&) = delete;

    /// A bucket that is being built. Full leaves are written to the file at once.
    class Tree {
      public:
        explicit Tree(BoltWriter& writer) : writer_(writer) {}
        void add(BytesView key, BytesView value, std::uint32_t flags = 0);
        void add(std::string_view key, BytesView value) { add(as_bytes(key), value); }
        void add_bucket(std::string_view name, Tree& bucket) { add(as_bytes(name), bucket.finish(), 1); }
        /// The bucket's value: the position of its root, or an inline page.
        [[nodiscard]] Bytes finish();

      private:
        friend class BoltWriter;
        struct Element {
            Bytes key;
            Bytes value;
            std::uint32_t flags = 0;
            std::uint64_t child = 0;
        };
        struct Node {
            std::vector<Element> elements;
            std::size_t bytes = 16;
        };
        [[nodiscard]] std::uint64_t finish_root();
        void close_leaf();
        void flush_leaves();

        BoltWriter& writer_;
        Node open_;
        std::vector<Node> closed_;       // leaves that are complete but not yet written
        std::vector<Element> children_;  // leaves in the file: first key and page
        bool nested_ = false;
    };

    [[nodiscard]] Tree tree() { return Tree(*this); }
    /// Writes the root bucket, the freelist and both metas.
    void commit(Tree& root);

  private:
    [[nodiscard]] Bytes encode(const Tree::Node& node, bool leaf, std::uint64_t id) const;
    std::uint64_t write_node(const Tree::Node& node, bool leaf);
    void append(BytesView bytes);
    void flush();

    const Settings settings_;
    int fd_;
    std::uint64_t next_page_ = 2;
    std::uint64_t flushed_ = 0;
    Bytes buffer_;
    std::mt19937_64 random_;
};

}  // namespace ioswarm::test
