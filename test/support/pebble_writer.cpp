// SPDX-License-Identifier: Apache-2.0
#include "test/support/pebble_writer.hpp"

#include <fcntl.h>
#include <snappy.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "core/crypto/keccak.hpp"
#include "snapshot/pebble/format.hpp"

namespace ioswarm::test {
namespace {

constexpr std::size_t kLogBlock = 32 * 1024;
constexpr std::size_t kBufferBytes = 1024 * 1024;
constexpr std::uint32_t kDataRestarts = 16;

template <typename Int>
void put(Bytes& out, Int value) {
    for (std::size_t i = 0; i < sizeof(Int); ++i)
        out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void put_bytes(Bytes& out, BytesView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

void put_uvarint(Bytes& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
        out.push_back(static_cast<std::uint8_t>(value | 0x80));
    out.push_back(static_cast<std::uint8_t>(value));
}

void put_sized(Bytes& out, BytesView bytes) {
    put_uvarint(out, bytes.size());
    put_bytes(out, bytes);
}

[[noreturn]] void die(const std::string& what) {
    std::perror(what.c_str());
    std::abort();
}

int create(const std::string& path) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) die(path);
    return fd;
}

void write_all(int fd, BytesView bytes) {
    while (!bytes.empty()) {
        const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
        if (wrote <= 0) die("write of a PebbleDB file");
        bytes = bytes.subspan(static_cast<std::size_t>(wrote));
    }
}

Bytes internal_key(BytesView user, std::uint64_t sequence, std::uint8_t kind) {
    Bytes key = to_bytes(user);
    put(key, sequence << 8 | kind);
    return key;
}

}  // namespace

void PebbleTableWriter::Block::add(BytesView key, BytesView value, std::uint32_t restart_interval) {
    std::size_t shared = 0;
    if (entries % restart_interval == 0) {
        restarts.push_back(static_cast<std::uint32_t>(bytes.size()));
    } else {
        const std::size_t most = std::min(key.size(), last_key.size());
        while (shared < most && key[shared] == last_key[shared])
            ++shared;
    }
    put_uvarint(bytes, shared);
    put_uvarint(bytes, key.size() - shared);
    put_uvarint(bytes, value.size());
    put_bytes(bytes, key.subspan(shared));
    put_bytes(bytes, value);
    last_key.assign(key.begin(), key.end());
    ++entries;
}

Bytes PebbleTableWriter::Block::finish() {
    if (restarts.empty()) restarts.push_back(0);
    for (const std::uint32_t restart : restarts)
        put(bytes, restart);
    put(bytes, static_cast<std::uint32_t>(restarts.size()));
    Bytes out = std::move(bytes);
    *this = Block{};
    return out;
}

PebbleTableWriter::PebbleTableWriter(const std::string& directory, std::uint64_t number, std::uint32_t level,
                                     Settings settings)
    : settings_(settings), fd_(create(fmt::format("{}/{:06}.sst", directory, number))) {
    table_.number = number;
    table_.level = level;
}

PebbleTableWriter::~PebbleTableWriter() {
    ::close(fd_);
}

void PebbleTableWriter::put_handle(Bytes& out, const Handle& handle) {
    put_uvarint(out, handle.offset);
    put_uvarint(out, handle.length);
}

void PebbleTableWriter::append(BytesView bytes) {
    put_bytes(buffer_, bytes);
    if (buffer_.size() >= kBufferBytes) flush();
}

void PebbleTableWriter::flush() {
    write_all(fd_, buffer_);
    offset_ += buffer_.size();
    buffer_.clear();
}

PebbleTableWriter::Handle PebbleTableWriter::write_block(BytesView content, bool compress) {
    std::string packed;
    std::uint8_t type = 0;
    if (compress && settings_.snappy) {
        snappy::Compress(reinterpret_cast<const char*>(content.data()), content.size(), &packed);
        if (packed.size() < content.size() - content.size() / 8) {
            content = as_bytes(packed);
            type = 1;
        }
    }
    const Handle handle{size(), content.size()};
    Bytes tail{type};
    put(tail, snapshot::pebble::masked_crc(content, tail));
    append(content);
    append(tail);
    return handle;
}

void PebbleTableWriter::close_data_block() {
    if (data_.entries == 0) return;
    Bytes last = data_.last_key;
    const Handle handle = write_block(data_.finish(), true);
    index_.emplace_back(std::move(last), handle);
}

void PebbleTableWriter::add(BytesView user_key, std::uint64_t sequence, std::uint8_t kind, BytesView value) {
    const Bytes key = internal_key(user_key, sequence, kind);
    if (entries_++ == 0) {
        table_.smallest = key;
        table_.smallest_sequence = table_.largest_sequence = sequence;
    }
    table_.smallest_sequence = std::min(table_.smallest_sequence, sequence);
    table_.largest_sequence = std::max(table_.largest_sequence, sequence);
    if (data_.entries != 0 && data_.bytes.size() + key.size() + value.size() > settings_.block_bytes)
        close_data_block();
    data_.add(key, value, kDataRestarts);
    table_.largest = key;
}

PebbleTable PebbleTableWriter::finish() {
    close_data_block();
    std::vector<std::pair<Bytes, Handle>> top;
    Block index;
    const auto close_index = [&] {
        Bytes last = index.last_key;
        const Handle handle = write_block(index.finish(), true);
        top.emplace_back(std::move(last), handle);
    };
    Bytes encoded;
    for (const auto& [key, handle] : index_) {
        encoded.clear();
        put_handle(encoded, handle);
        index.add(key, encoded, 1);
        if (index.bytes.size() >= settings_.block_bytes) close_index();
    }
    if (index.entries != 0 || top.empty()) close_index();
    Handle index_handle = top.front().second;
    const bool two_level = top.size() > 1;
    if (two_level) {
        for (const auto& [key, handle] : top) {
            encoded.clear();
            put_handle(encoded, handle);
            index.add(key, encoded, 1);
        }
        index_handle = write_block(index.finish(), true);
    }
    Block properties;
    Bytes number;
    put(number, std::uint32_t{two_level ? 2U : 0U});
    constexpr std::uint32_t kOneRestart = 1000;
    properties.add(as_bytes("rocksdb.block.based.table.index.type"), number, kOneRestart);
    properties.add(as_bytes("rocksdb.comparator"), as_bytes(snapshot::pebble::kComparer), kOneRestart);
    properties.add(as_bytes("rocksdb.merge.operator"), as_bytes("pebble.concatenate"), kOneRestart);
    number.clear();
    put_uvarint(number, entries_);
    properties.add(as_bytes("rocksdb.num.entries"), number, kOneRestart);
    encoded.clear();
    put_handle(encoded, write_block(properties.finish(), false));
    Block metaindex;
    metaindex.add(as_bytes("rocksdb.properties"), encoded, 1);
    const Handle metaindex_handle = write_block(metaindex.finish(), false);

    Bytes footer{1};  // checksum type: CRC32C
    put_handle(footer, metaindex_handle);
    put_handle(footer, index_handle);
    footer.resize(41);
    put(footer, std::uint32_t{2});
    constexpr std::array<std::uint8_t, 8> kMagic = {0xf0, 0x9f, 0xaa, 0xb3, 0xf0, 0x9f, 0xaa, 0xb3};
    put_bytes(footer, kMagic);
    append(footer);
    flush();
    table_.size = offset_;
    return table_;
}

PebbleLogWriter::PebbleLogWriter(const std::string& path, std::optional<std::uint64_t> log_number)
    : fd_(create(path)), log_number_(log_number) {}

PebbleLogWriter::~PebbleLogWriter() {
    ::close(fd_);
}

void PebbleLogWriter::write(BytesView bytes) {
    write_all(fd_, bytes);
    in_block_ = (in_block_ + bytes.size()) % kLogBlock;
}

void PebbleLogWriter::add(BytesView record) {
    const std::size_t header = log_number_ ? 11 : 7;
    bool first = true;
    do {
        if (kLogBlock - in_block_ < header) write(Bytes(kLogBlock - in_block_));
        const std::size_t part = std::min(record.size(), kLogBlock - in_block_ - header);
        const bool last = part == record.size();
        std::uint8_t type = first && last ? 1 : first ? 2 : last ? 4 : 3;
        if (log_number_) type = static_cast<std::uint8_t>(type + 4);
        Bytes body{type};
        if (log_number_) put(body, static_cast<std::uint32_t>(*log_number_));
        put_bytes(body, record.first(part));
        Bytes chunk;
        put(chunk, snapshot::pebble::masked_crc(body));
        put(chunk, static_cast<std::uint16_t>(part));
        put_bytes(chunk, body);
        write(chunk);
        record = record.subspan(part);
        first = false;
        if (last) return;
    } while (true);
}

void PebbleLogWriter::close() {
    if (!log_number_) return;
    if (kLogBlock - in_block_ < 11) write(Bytes(kLogBlock - in_block_));
    Bytes mark(6);
    mark.push_back(5);
    put(mark, static_cast<std::uint32_t>(*log_number_ + 1));
    write(mark);
}

Bytes pebble_batch(std::uint64_t sequence, const std::vector<PebbleOp>& ops) {
    Bytes out;
    put(out, sequence);
    put(out, static_cast<std::uint32_t>(ops.size()));
    for (const PebbleOp& op : ops) {
        out.push_back(op.kind);
        put_sized(out, op.key);
        if (op.kind != snapshot::pebble::kind_delete) put_sized(out, op.value);
    }
    return out;
}

Bytes pebble_edit(const PebbleEdit& edit) {
    Bytes out;
    if (edit.first) {
        put_uvarint(out, 1);
        put_sized(out, as_bytes(snapshot::pebble::kComparer));
    }
    const auto number = [&](std::uint64_t tag, const std::optional<std::uint64_t>& value) {
        if (!value) return;
        put_uvarint(out, tag);
        put_uvarint(out, *value);
    };
    number(2, edit.log_number);
    number(3, edit.next_file);
    number(4, edit.last_sequence);
    for (const auto& [level, table] : edit.removed) {
        put_uvarint(out, 6);
        put_uvarint(out, level);
        put_uvarint(out, table);
    }
    for (const PebbleTable& table : edit.added) {
        put_uvarint(out, 103);
        put_uvarint(out, table.level);
        put_uvarint(out, table.number);
        put_uvarint(out, table.size);
        put_sized(out, table.smallest);
        put_sized(out, table.largest);
        put_uvarint(out, table.smallest_sequence);
        put_uvarint(out, table.largest_sequence);
        put_uvarint(out, 1);  // no custom field follows
    }
    return out;
}

void pebble_marker(const std::string& directory, std::string_view name, std::uint64_t iteration,
                   std::string_view value) {
    const std::string prefix = fmt::format("marker.{}.", name);
    const std::string mark = fmt::format("{}{:06}.{}", prefix, iteration, value);
    ::close(create(directory + "/" + mark));
    std::vector<std::filesystem::path> old;
    for (const auto& file : std::filesystem::directory_iterator(directory)) {
        const std::string other = file.path().filename();
        if (other.starts_with(prefix) && other != mark) old.push_back(file.path());
    }
    for (const auto& path : old)
        std::filesystem::remove(path);
}

Bytes pebble_key(std::string_view ns, BytesView key) {
    const Hash256 hash = keccak256(as_bytes(ns));
    Bytes out(hash.bytes.begin() + 12, hash.bytes.begin() + 20);
    put_bytes(out, key);
    return out;
}

void pebble_directory(const std::string& directory, const std::vector<PebbleTable>& tables,
                      std::uint64_t last_sequence) {
    PebbleEdit edit;
    edit.first = true;
    edit.next_file = 2;
    for (const PebbleTable& table : tables)
        edit.next_file = std::max(*edit.next_file, table.number + 1);
    edit.last_sequence = last_sequence;
    edit.added = tables;
    PebbleLogWriter manifest(directory + "/MANIFEST-000001", std::nullopt);
    manifest.add(pebble_edit(edit));
    pebble_marker(directory, "format-version", 1, "014");
    pebble_marker(directory, "manifest", 1, "MANIFEST-000001");
    ::close(create(directory + "/LOCK"));
}

}  // namespace ioswarm::test
