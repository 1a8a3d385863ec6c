// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdio>
#include <string>

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

namespace ioswarm::test {

/// What a test prints when it cannot mount a SmallDisk. ctest then shows the test as skipped
/// (ioswarm_full_disk_test in cmake/ioswarm_targets.cmake).
inline constexpr const char* kNoSmallDisk = "cannot mount a small tmpfs here: left out";

/// A tmpfs over a directory, which a test fills and frees. It is unmounted at the end.
class SmallDisk {
  public:
    /// `size` is in the words of mount(8), for example "2m".
    SmallDisk(std::string directory, const std::string& size)
        : directory_(std::move(directory)),
          is_mounted_(mount("tmpfs", directory_.c_str(), "tmpfs", 0, ("size=" + size + ",mode=0700").c_str()) ==
                      0) {
        if (!is_mounted_) std::puts(kNoSmallDisk);
    }
    ~SmallDisk() {
        if (is_mounted_) umount2(directory_.c_str(), MNT_DETACH);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    [[nodiscard]] bool is_mounted() const { return is_mounted_; }
    /// Returns false when it fails.
    [[nodiscard]] bool grow_to(const std::string& size) const {
        const std::string options = "size=" + size + ",mode=0700";
        return mount("tmpfs", directory_.c_str(), "tmpfs", MS_REMOUNT, options.c_str()) == 0;
    }
    /// Takes all the room that is left. Call it again when others may have freed some.
    void fill() const {
        const int fd = open(ballast().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd < 0) return;
        static constexpr std::array<char, 4096> kPage{};
        while (write(fd, kPage.data(), kPage.size()) > 0) {
        }
        close(fd);
    }
    void free() const { unlink(ballast().c_str()); }

  private:
    [[nodiscard]] std::string ballast() const { return directory_ + "/ballast"; }

    std::string directory_;
    bool is_mounted_;
};

}  // namespace ioswarm::test
