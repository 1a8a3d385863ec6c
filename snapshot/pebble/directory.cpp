// SPDX-License-Identifier: Apache-2.0
#include "snapshot/pebble/directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/base/atomic_file.hpp"
#include "core/base/try.hpp"
#include "snapshot/pebble/format.hpp"
#include "snapshot/store/lock_holder.hpp"

namespace ioswarm::snapshot::pebble {
namespace {

constexpr std::size_t kMaxCurrentBytes = 4096;
constexpr std::size_t kMaxOptionsBytes = std::size_t{1024} * 1024;
/// Limits. A node starts a new MANIFEST at 128 MiB. Its logs hold a few memtables of 4 MiB.
constexpr std::uint64_t kMaxManifestBytes = std::size_t{512} * 1024 * 1024;
constexpr std::uint64_t kMaxLogBytes = std::size_t{1024} * 1024 * 1024;

std::optional<std::uint64_t> decimal(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// The number between prefix and suffix, for example in "<digits><suffix>". Nothing when the name has another
/// form.
std::optional<std::uint64_t> numbered(std::string_view name, std::string_view prefix, std::string_view suffix) {
    if (!name.starts_with(prefix) || !name.ends_with(suffix) || name.size() < prefix.size() + suffix.size()) {
        return std::nullopt;
    }
    return decimal(name.substr(prefix.size(), name.size() - prefix.size() - suffix.size()));
}

/// The relevant files of a directory, by kind.
struct Listing {
    std::optional<std::uint64_t> format_version;  // from the marker file
    std::optional<std::string> manifest_marker;
    std::optional<std::uint64_t> newest_options;
    std::vector<std::uint64_t> logs;
    bool has_manifest = false;  // with any number
    bool has_current = false;
    bool has_lock = false;
};

/// Raises the limit for open files, because every live table stays open. A mainnet node has about five hundred,
/// an archive node more, and processes often start with a soft limit of 1,024 or less. If the hard limit is too
/// low, opening a table fails with an error.
void allow_open_files(std::size_t tables) {
    constexpr rlim_t kOthers = 64;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    // RLIM_INFINITY is the largest value, so min() handles it.
    const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, tables + kOthers);
    if (limit.rlim_cur >= wanted) return;
    limit.rlim_cur = wanted;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

class Opener {
  public:
    explicit Opener(const std::string& path) : path_(path) {}

    [[nodiscard]] Result<Listing> list() const {
        DIR* dir = ::opendir(path_.c_str());
        if (dir == nullptr) {
            if (errno == ENOTDIR)
                return fail(fault(Fault::not_a_pebble_directory, path_, {}, "it is not a directory"));
            return fail(errno_error(errno, "cannot open the state directory", path_));
        }
        Listing listing;
        // Name → newest (iteration, value).
        std::map<std::string, std::pair<std::uint64_t, std::string>> markers;
        Status status;
        errno = 0;
        while (const dirent* entry = ::readdir(dir)) {
            const std::string_view name = entry->d_name;
            if (name.starts_with("marker.")) status = add_marker(name, markers);
            if (!status) break;
            listing.has_manifest |= numbered(name, "MANIFEST-", "").has_value();
            listing.has_current |= name == "CURRENT";
            listing.has_lock |= name == "LOCK";
            if (const auto number = numbered(name, "", ".log")) listing.logs.push_back(*number);
            if (const auto number = numbered(name, "OPTIONS-", "")) {
                listing.newest_options = std::max(listing.newest_options.value_or(0), *number);
            }
        }
        const int failed = errno;
        ::closedir(dir);
        if (!status) return fail(status.error());
        if (failed != 0) return fail(errno_error(failed, "cannot list the state directory", path_));
        std::sort(listing.logs.begin(), listing.logs.end());
        if (const auto it = markers.find("manifest"); it != markers.end())
            listing.manifest_marker = it->second.second;
        if (const auto it = markers.find("format-version"); it != markers.end()) {
            listing.format_version = decimal(it->second.second);
            if (!listing.format_version) {
                return fail(fault(Fault::unsupported_format_version, path_, {}, "its marker has no number"));
            }
        }
        return listing;
    }

    [[nodiscard]] Result<Descriptor> lock(const LockWait& wait) const {
        const std::string path = path_ + "/LOCK";
        auto file = open_file(path, kReadOnly, "cannot lock the state directory");
        if (!file && file.error().code == ErrorCode::not_found)
            return Descriptor();  // no LOCK file: it is a copy
        if (!file) return file;
        struct flock want {};
        want.l_type = F_RDLCK;
        want.l_whence = SEEK_SET;
        // fcntl has no wait with a timeout, so try again and again.
        while (::fcntl(file->get(), F_OFD_SETLK, &want) != 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN && errno != EACCES)
                return fail(errno_error(errno, "cannot lock the state directory", path));
            if (wait.is_over()) return fail(fault(Fault::locked, path_, {}, holder(file->get())));
            IOSWARM_DO(wait.pause(path));
        }
        return file;
    }

    /// The name of the current MANIFEST.
    [[nodiscard]] Result<std::string> manifest_name(const Listing& listing) const {
        const std::uint64_t version = listing.format_version.value_or(1);
        if (version < 1 || version > kMaxFormatVersion) {
            return fail(fault(Fault::unsupported_format_version, path_, {},
                              fmt::format("version {}; 1 to {} are read", version, kMaxFormatVersion)));
        }
        std::string name;
        if (version == 1) {
            if (!listing.has_current)
                return fail(fault(Fault::not_a_pebble_directory, path_, {}, "there is no CURRENT"));
            IOSWARM_TRY(auto current, read_file(path_ + "/CURRENT", kMaxCurrentBytes));
            if (!current.ends_with('\n')) {
                return fail(
                    fault(Fault::manifest_corrupt, path_ + "/CURRENT", {}, "it does not end in a newline"));
            }
            name = current.substr(0, current.size() - 1);
        } else if (!listing.manifest_marker) {
            return fail(fault(Fault::not_a_pebble_directory, path_, {}, "there is no marker.manifest"));
        } else {
            name = *listing.manifest_marker;
        }
        if (!numbered(name, "MANIFEST-", "") || name.find_first_not_of("0123456789", 9) != std::string::npos) {
            return fail(fault(Fault::manifest_corrupt, path_, {},
                              "the MANIFEST in force is no file name of that kind"));
        }
        return name;
    }

    [[nodiscard]] Status check_options(const Listing& listing) const {
        if (!listing.newest_options) return {};
        const std::string path = fmt::format("{}/OPTIONS-{:06}", path_, *listing.newest_options);
        IOSWARM_TRY(auto text, read_file(path, kMaxOptionsBytes));
        for (const auto& [key, wanted] :
             {std::pair<std::string_view, std::string_view>{"comparer", kComparer}, {"wal_dir", ""}}) {
            const auto value = option(text, key);
            if (value && *value != wanted) {
                return fail(fault(Fault::unsupported_options, path, {},
                                  fmt::format("{}={}", key, value->substr(0, 200))));
            }
        }
        return {};
    }

    /// Reads the MANIFEST, opens its live tables and then reads its live logs. An open table stays readable
    /// even if a node deletes it. The logs come last, because open_live_directory() afterwards checks that the
    /// MANIFEST is still the same.
    [[nodiscard]] Status fill(const std::string& manifest_name, Directory& out) const {
        out.path = path_;
        out.manifest_path = path_ + "/" + manifest_name;
        IOSWARM_TRY(auto bytes, read_whole(out.manifest_path, kMaxManifestBytes));
        IOSWARM_TRY(auto manifest, read_manifest(out.manifest_path, bytes));
        out.manifest = std::move(manifest);
        out.tables.clear();
        allow_open_files(out.manifest.tables.size());
        for (const auto& [number, meta] : out.manifest.tables) {
            IOSWARM_DO(open_table(meta, out));
        }
        IOSWARM_TRY(auto listing, list());
        return read_logs(listing.logs, out);
    }

    [[nodiscard]] Result<Bytes> read_whole(const std::string& path, std::uint64_t bound) const {
        IOSWARM_TRY(const auto file, open_live(path, "it is not there"));
        // Most files are small, and a log may grow while it is read.
        struct stat info {};
        if (::fstat(file.get(), &info) != 0) return fail(errno_error(errno, "cannot read", path));
        constexpr std::size_t kStepMin = 4096;
        constexpr std::size_t kStepMax = std::size_t{1024} * 1024;
        const std::size_t step = std::clamp(static_cast<std::size_t>(info.st_size) + 1, kStepMin, kStepMax);
        Bytes out;
        for (;;) {
            const std::size_t had = out.size();
            out.resize(had + step);
            IOSWARM_TRY(const auto got,
                        read_some(file.get(), std::span(out).subspan(had), "cannot read", path));
            out.resize(had + got);
            if (got == 0) return out;
            if (out.size() > bound) {
                return fail(fault(Fault::limit, path, {}, fmt::format("it is larger than {} bytes", bound)));
            }
        }
    }

  private:
    /// Opens a file that the directory should have; `missing` is the reason when it does not.
    static Result<Descriptor> open_live(const std::string& path, const char* missing) {
        auto file = open_file(path, kReadOnly, "cannot open");
        if (!file && file.error().code == ErrorCode::not_found)
            return fail(fault(Fault::missing_file, path, {}, missing));
        return file;
    }

    Status add_marker(std::string_view name,
                      std::map<std::string, std::pair<std::uint64_t, std::string>>& markers) const {
        // marker.<name>.<iteration>.<value>
        const std::size_t first = name.find('.');
        const std::size_t second = name.find('.', first + 1);
        const std::size_t third = second == std::string_view::npos ? second : name.find('.', second + 1);
        const auto iteration = third == std::string_view::npos
                                   ? std::nullopt
                                   : decimal(name.substr(second + 1, third - second - 1));
        if (!iteration) {
            return fail(fault(Fault::manifest_corrupt, path_ + "/" + std::string(name), {},
                              "a marker of no known form"));
        }
        auto& newest = markers[std::string(name.substr(first + 1, second - first - 1))];
        if (*iteration >= newest.first) newest = {*iteration, std::string(name.substr(third + 1))};
        return {};
    }

    static std::string holder(int fd) {
        struct flock probe {};
        probe.l_type = F_RDLCK;
        probe.l_whence = SEEK_SET;
        if (::fcntl(fd, F_GETLK, &probe) == 0 && probe.l_type != F_UNLCK && probe.l_pid > 0) {
            return "held by " + describe_process(probe.l_pid);
        }
        return "held by another process";
    }

    static std::optional<std::string> option(const std::string& text, std::string_view key) {
        std::size_t at = 0;
        while (at < text.size()) {
            const std::size_t end = std::min(text.find('\n', at), text.size());
            std::string_view line(text.data() + at, end - at);
            line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
            if (line.starts_with(key) && line.substr(key.size()).starts_with('=')) {
                return std::string(line.substr(key.size() + 1));
            }
            at = end + 1;
        }
        return std::nullopt;
    }

    Status open_table(const TableMeta& meta, Directory& out) const {
        const std::string path = fmt::format("{}/{:06}.sst", path_, meta.number);
        IOSWARM_TRY(auto file, open_live(path, "MANIFEST names it, but it is missing"));
        struct stat info {};
        if (::fstat(file.get(), &info) != 0) return fail(errno_error(errno, "cannot read", path));
        if (static_cast<std::uint64_t>(info.st_size) != meta.size) {
            return fail(fault(Fault::table_corrupt, path, {},
                              fmt::format("it has {} bytes, MANIFEST says {}", info.st_size, meta.size)));
        }
        out.tables.push_back({meta, path, std::move(file)});
        return {};
    }

    Status read_logs(const std::vector<std::uint64_t>& numbers, Directory& out) const {
        out.logs.clear();
        std::uint64_t room = kMaxLogBytes;
        for (const std::uint64_t number : numbers) {
            if (number < out.manifest.log_number) continue;
            const std::string path = fmt::format("{}/{:06}.log", path_, number);
            IOSWARM_TRY(auto bytes, read_whole(path, room));
            room -= bytes.size();
            out.logs.push_back({number, path, std::move(bytes)});
        }
        if (!out.logs.empty() && out.manifest.log_number != 0 &&
            out.logs.front().number != out.manifest.log_number) {
            return fail(fault(Fault::missing_file, fmt::format("{}/{:06}.log", path_, out.manifest.log_number),
                              {}, "the oldest live log is missing, but newer ones exist"));
        }
        return {};
    }

    const std::string& path_;
};

/// True for an error that a starting node may cause: a file is listed and then gone, as the old OPTIONS is, or
/// the listing has neither the old marker nor its replacement.
bool may_pass(const Error& error, const Listing& listing) {
    return error.code == ErrorCode::not_found ||
           (listing.has_manifest && is_fault(error, Fault::not_a_pebble_directory));
}

Result<std::string> manifest_in_force(const Opener& opener) {
    IOSWARM_TRY(auto listing, opener.list());
    return opener.manifest_name(listing);
}

}  // namespace

Result<Directory> open_directory(const std::string& path, const LockWait& wait) {
    const Opener opener(path);
    IOSWARM_DO(manifest_in_force(opener));
    Directory directory;
    IOSWARM_TRY(auto lock, opener.lock(wait));
    directory.lock = std::move(lock);
    // List again under the lock: a node may have changed the directory during the wait.
    IOSWARM_TRY(const auto listing, opener.list());
    IOSWARM_TRY(const auto name, opener.manifest_name(listing));
    IOSWARM_DO(opener.check_options(listing));
    IOSWARM_DO(opener.fill(name, directory));
    return directory;
}

namespace {

Error does_not_stand_still(const std::string& path) {
    return {ErrorCode::try_again, "the state directory does not stand still", path,
            "the node rewrites it faster than it can be read", "try again in a minute"};
}

}  // namespace

Result<Directory> open_live_directory(const std::string& path, const LockWait& patience) {
    const Opener opener(path);
    for (;;) {
        IOSWARM_TRY(auto listing, opener.list());
        auto name = opener.manifest_name(listing);
        if (const Status good = name ? opener.check_options(listing) : Status(fail(name.error())); !good) {
            if (!may_pass(good.error(), listing)) return fail(good.error());
            if (patience.is_over()) return fail(does_not_stand_still(path));
            IOSWARM_DO(patience.pause(path));
            continue;
        }
        Directory directory;
        auto before = opener.read_whole(path + "/" + *name, kMaxManifestBytes);
        Status filled = before ? opener.fill(*name, directory) : Status(fail(before.error()));
        auto name_after = manifest_in_force(opener);
        auto after = opener.read_whole(path + "/" + *name, kMaxManifestBytes);
        const bool still = before && after && *before == *after && name_after && *name_after == *name;
        // If nothing changed and it still failed, the error is real. If the end of the MANIFEST is incomplete,
        // the node is writing it.
        if (still && filled && !directory.manifest.torn_tail) return directory;
        if (still && !filled && !is_fault(filled.error(), Fault::missing_file)) return fail(filled.error());
        if (patience.is_over()) {
            if (!filled) return fail(filled.error());
            return fail(does_not_stand_still(path));
        }
        IOSWARM_DO(patience.pause(path));
    }
}

}  // namespace ioswarm::snapshot::pebble
