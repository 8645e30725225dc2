// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `HugePages`: transparent huge pages for shared memory, and whether the machine gives any.
///
/// *What.* Who decides is the mount's option `huge=` for a file of a tmpfs, and `shmem_enabled` for
/// memory that has no file (memfd); `deny` and `force` there count for both. madvise() succeeds
/// whatever they say, and reserving space takes no notice of it: under "advise" the pages are small
/// by the time that anybody can ask. So ask() has the kernel put them together at once
/// (MADV_COLLAPSE, Linux 6.1) and goes by its answer; the settings only tell why not.
///
/// *Progress.* Blocking (the kernel); nothing here is on the path of a message.
///
/// *Source.* man 2 madvise; the kernel's admin-guide/mm/transhuge.rst.

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace ringway {

struct HugePages {
  static constexpr const char* kSetting = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";

  /// Who decides for a file, and how: "never", "advise", "within_size", "always", "deny", "force";
  /// empty if the kernel has none.
  struct Rule {
    std::string value;
    std::string mount;  ///< where the tmpfs that decides is mounted; empty: it is kSetting
    [[nodiscard]] bool grants() const noexcept {
      return !value.empty() && value != "never" && value != "deny";
    }
    /// Why there are none, and what would help. \pre !grants()
    [[nodiscard]] std::string refusal() const {
      if (value.empty()) return "this kernel has no transparent ones for shared memory";
      if (mount.empty()) return absl::StrCat(kSetting, " says ", value);
      return absl::StrCat(mount, " is mounted with huge=", value, " (mount -o remount,huge=advise ",
                          mount, ")");
    }
  };

  /// \param setting what kSetting holds: "always [advise] never"
  /// \param mounts what /proc/self/mountinfo holds \param device of the file
  [[nodiscard]] static Rule rule(std::string_view setting, std::string_view mounts,
                                 ::dev_t device) {
    Rule rule;
    const auto begin = setting.find('[');
    const auto end = setting.find(']');
    if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) {
      return rule;
    }
    rule.value = setting.substr(begin + 1, end - begin - 1);
    if (rule.value == "deny" || rule.value == "force") return rule;
    const auto wanted = absl::StrCat(::gnu_dev_major(device), ":", ::gnu_dev_minor(device));
    for (const auto line : absl::StrSplit(absl_view(mounts), '\n')) {
      // id, parent, device, root, where, options, ... " - " kind, source, options of the file
      // system
      const std::pair<absl::string_view, absl::string_view> halves =
          absl::StrSplit(line, absl::MaxSplits(" - ", 1));
      const std::vector<absl::string_view> left = absl::StrSplit(halves.first, ' ');
      const std::vector<absl::string_view> right = absl::StrSplit(halves.second, ' ');
      if (left.size() < 6 || right.size() < 3 || left[2] != wanted || right[0] != "tmpfs") continue;
      rule.mount = std::string(left[4]);
      rule.value = "never";  // which it does not write out
      for (const auto option : absl::StrSplit(right[2], ',')) {
        constexpr absl::string_view kHuge = "huge=";
        if (option.substr(0, kHuge.size()) == kHuge) {
          rule.value = std::string(option.substr(kHuge.size()));
        }
      }
    }
    return rule;
  }
  [[nodiscard]] static Rule rule(::dev_t device) {
    return rule(text_of(kSetting), text_of("/proc/self/mountinfo"), device);
  }

  /// Bytes of one.
  [[nodiscard]] static std::size_t bytes() {
    std::uint64_t bytes = 0;
    const auto text = text_of("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
    return absl::SimpleAtoi(text, &bytes) && bytes != 0 ? bytes : std::size_t{2} << 20;
  }

  /// Makes all of a shared mapping huge that can be; its ends may not fill a page. Others who write
  /// there meanwhile wait for the page that is being copied. \param fd of the mapped file
  /// \return why that is not so, in words; empty if it is. Any thread.
  [[nodiscard]] static std::string ask(std::span<std::byte> memory, int fd) {
    struct stat facts {};
    if (::fstat(fd, &facts) != 0) return "no huge pages: the file can not be looked at";
    const auto size = bytes();
    if (memory.size() < size) {
      return absl::StrCat("no huge pages: one has ", size >> 10U, " KiB, the segment ",
                          memory.size() >> 10U);
    }
    // only one that lies whole in the mapping counts
    const auto begin = reinterpret_cast<std::uintptr_t>(memory.data());
    if ((begin + size - 1) / size >= (begin + memory.size()) / size) {
      const auto rule = HugePages::rule(facts.st_dev);
      return rule.grants() ? "no huge pages: none lies whole where the segment is mapped"
                           : absl::StrCat("no huge pages: ", rule.refusal());
    }
    // kept, so that what is swapped out or split comes back as a huge page
    const bool advised = ::madvise(memory.data(), memory.size(), MADV_HUGEPAGE) == 0;
    constexpr int kPopulateRead = 22;  // MADV_POPULATE_READ, Linux 5.14
    constexpr int kCollapse = 25;      // MADV_COLLAPSE, Linux 6.1
    constexpr int kMostTries = 3;
    // Read first. A huge page that posix_fallocate() left is not cleared until somebody asks for
    // it; Linux 6.18 maps it uncleared when it is to be put together, and clears it at the next
    // read of the file, with all that was stored there meanwhile.
    int error = ::madvise(memory.data(), memory.size(), kPopulateRead) == 0 ? EAGAIN : errno;
    for (int i = 0; i < kMostTries && error == EAGAIN; ++i) {
      error = ::madvise(memory.data(), memory.size(), kCollapse) == 0 ? 0 : errno;
    }
    if (error == 0) return "";
    const auto rule = HugePages::rule(facts.st_dev);
    if (!rule.grants()) return absl::StrCat("no huge pages: ", rule.refusal());
    if (!advised || error != EINVAL) {
      return absl::StrCat("not all in huge pages: ", std::strerror(error));
    }
    return absl::StrCat(
        "no huge pages now, perhaps later (khugepaged): the kernel does not put any together on "
        "demand, though \"",
        rule.value, "\" admits them; Linux 6.1 can");
  }

 private:
  static absl::string_view absl_view(std::string_view text) noexcept {
    return {text.data(), text.size()};
  }
  static std::string text_of(const char* path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path, "re"), std::fclose);
    std::string text;
    if (file == nullptr) return text;
    char part[4096];
    for (std::size_t got = 0; (got = std::fread(part, 1, sizeof(part), file.get())) != 0;) {
      text.append(part, got);
    }
    return text;
  }
};

}  // namespace ringway
