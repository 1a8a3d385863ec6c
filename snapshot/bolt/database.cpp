// SPDX-License-Identifier: Apache-2.0
#include "snapshot/bolt/database.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "snapshot/bolt/bucket.hpp"

namespace ioswarm::snapshot {
namespace {

using namespace bolt;

/// Size of the name of the only bucket in files from before there were namespaces: a hash of 20 bytes.
constexpr std::size_t kLegacyNameBytes = 20;

class BoltDatabase final : public StateDatabase {
  public:
    explicit BoltDatabase(std::unique_ptr<File> file) : file_(std::move(file)) {}

    Status read_buckets() {
        IOSWARM_TRY(auto buckets, bolt::read_buckets(*file_));
        buckets_ = std::move(buckets);
        if (buckets_.size() == 1 && buckets_.begin()->first.size() == kLegacyNameBytes &&
            buckets_.begin()->first != "staking_contract_meta") {
            return fail(
                ErrorCode::bad_data, "cannot export", file_->path(),
                "the file is of the layout before namespaces: one bucket, named by a hash",
                "start the node once with a current version, so that it brings the file to today's layout");
        }
        return {};
    }

    std::string_view kind() const override { return "boltdb"; }
    std::uint64_t size_bytes() const override { return file_->size_bytes(); }
    Status release_lock() override { return file_->release_lock(); }

    Result<std::vector<std::string>> namespaces() override {
        std::vector<std::string> names;
        for (const auto& [name, bucket] : buckets_)
            names.push_back(name);
        return names;
    }

    Result<std::unique_ptr<NamespaceCursor>> open_namespace(std::string_view name) override {
        IOSWARM_TRY(auto bucket, bucket_of(name));
        return std::make_unique<BucketCursor>(*file_, *bucket);
    }

    Result<Bytes> get(std::string_view name, BytesView key) override {
        IOSWARM_TRY(auto bucket, bucket_of(name));
        if (bucket->inline_page) {
            BucketCursor cursor(*file_, *bucket);
            for (EntryView entry; cursor.next(entry);) {
                if (std::equal(entry.key.begin(), entry.key.end(), key.begin(), key.end()))
                    return to_bytes(entry.value);
            }
            if (!cursor.status()) return fail(cursor.status().error());
        } else {
            IOSWARM_TRY(auto found, find(*file_, bucket->root, key));
            if (found && found->flags == 0) return std::move(found->value);
        }
        return fail(ErrorCode::not_found, "no such key",
                    fmt::format("{}/{}", name, escape_for_display(as_text(key))));
    }

  private:
    Result<const Bucket*> bucket_of(std::string_view name) const {
        const auto it = buckets_.find(name);
        if (it != buckets_.end()) return &it->second;
        std::string known;
        for (const auto& [other, bucket] : buckets_)
            known += (known.empty() ? "" : ", ") + escape_for_display(other);
        return fail(ErrorCode::not_found, "no such namespace", std::string(name), "the file holds: " + known);
    }

    std::unique_ptr<File> file_;
    Buckets buckets_;
};

Result<std::unique_ptr<StateDatabase>> open_which(const std::string& path, const LockWait& wait,
                                                  WhichState which) {
    IOSWARM_TRY(auto file, File::open(path, wait, which));
    auto database = std::make_unique<BoltDatabase>(std::move(file));
    IOSWARM_DO(database->read_buckets());
    return database;
}

}  // namespace

Result<std::unique_ptr<StateDatabase>> open_bolt(const std::string& path, const LockWait& wait) {
    return open_which(path, wait, WhichState::newest);
}

Result<std::unique_ptr<StateDatabase>> open_bolt_before(const std::string& path, const LockWait& wait) {
    return open_which(path, wait, WhichState::before);
}

}  // namespace ioswarm::snapshot
