// SPDX-License-Identifier: Apache-2.0
/// \file
/// `ringway doctor`: what on this machine costs latency, and what to do about it. Only looks.

#include <linux/membarrier.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "commands.hpp"
#include "output.hpp"
#include "ringway/shm/huge_pages.hpp"
#include "segments.hpp"

namespace tool {
namespace {

enum class Level : unsigned char {
  kFine,   // nothing to do
  kNote,   // good to know
  kCosts,  // costs latency, or will fail
};
const char* level_text(Level level) {
  switch (level) {
    case Level::kFine: return "fine";
    case Level::kNote: return "note";
    case Level::kCosts: return "costs";
  }
  return "?";
}

struct Finding {
  Level level;
  std::string topic;
  std::string what;
  std::string advice;  // empty if there is nothing to do
};

/// Files under /proc and /sys, or below another root.
class Machine {
 public:
  explicit Machine(std::string root) : root_(std::move(root)) {}

  /// The file's first line without blanks at its ends; nothing if it can not be read.
  [[nodiscard]] std::optional<std::string> line(const std::string& path) const {
    std::ifstream file(root_ + path);
    std::string text;
    if (!file || !std::getline(file, text)) return std::nullopt;
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string::npos) return std::string();
    return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
  }
  [[nodiscard]] std::optional<std::string> all(const std::string& path) const {
    const std::ifstream file(root_ + path);
    if (!file) return std::nullopt;
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  /// "[always] madvise never": what stands in brackets.
  [[nodiscard]] std::optional<std::string> chosen(const std::string& path) const {
    const auto text = line(path);
    if (!text) return std::nullopt;
    const auto begin = text->find('[');
    const auto end = text->find(']');
    if (begin == std::string::npos || end == std::string::npos || end < begin) return text;
    return text->substr(begin + 1, end - begin - 1);
  }
  [[nodiscard]] bool has(const std::string& path) const {
    std::error_code error;
    return std::filesystem::exists(root_ + path, error);
  }
  [[nodiscard]] bool is_real() const noexcept { return root_.empty(); }
  [[nodiscard]] std::vector<std::string> processors() const {
    std::vector<std::string> found;
    std::error_code error;
    for (std::filesystem::directory_iterator at(root_ + "/sys/devices/system/cpu", error), end;
         !error && at != end; at.increment(error)) {
      const auto name = at->path().filename().string();
      if (name.size() > 3 && name.rfind("cpu", 0) == 0 &&
          name.find_first_not_of("0123456789", 3) == std::string::npos) {
        found.push_back(name);
      }
    }
    return found;
  }

 private:
  std::string root_;
};

std::string joined(const std::set<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

class Doctor {
 public:
  Doctor(const DoctorOptions& options) : options_(options), machine_(options.root) {}

  std::vector<Finding> examine() {
    processors();
    hypervisor();
    governor();
    idle_states();
    isolation();
    quota();
    huge_pages();
    shared_memory();
    membarrier();
    limits();
    swap();
    clock();
    balancing();
    remove_ipc();
    return std::move(findings_);
  }

 private:
  void fine(const char* topic, std::string what) {
    findings_.push_back({Level::kFine, topic, std::move(what), {}});
  }
  void note(const char* topic, std::string what, std::string advice = {}) {
    findings_.push_back({Level::kNote, topic, std::move(what), std::move(advice)});
  }
  void costs(const char* topic, std::string what, std::string advice) {
    findings_.push_back({Level::kCosts, topic, std::move(what), std::move(advice)});
  }

  void processors() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    int count = 0;
    if (::sched_getaffinity(0, sizeof(allowed), &allowed) == 0) count = CPU_COUNT(&allowed);
    const auto online = machine_.line("/sys/devices/system/cpu/online").value_or("?");
    const auto text = "this process may use " +
                      number_of(static_cast<std::uint64_t>(count), "processor") +
                      " (online: " + online + ")";
    if (count == 1) {
      costs("processors", text,
            "a message between two threads then takes a switch of threads; allow more "
            "(taskset, cpuset), and let nobody spin (the default waits, SpinPark, sleep)");
    } else if (count == 2) {
      note("processors", text, "with more spinning threads than processors, let them park");
    } else {
      fine("processors", text);
    }
    const auto smt = machine_.line("/sys/devices/system/cpu/smt/active");
    if (smt && *smt == "1") {
      note("threads", "two processors share one core (SMT is on)",
           "a spinning thread slows its sibling; pin spinning threads to different cores "
           "(/sys/devices/system/cpu/cpu0/topology/thread_siblings_list)");
    }
  }

  void hypervisor() {
    const auto info = machine_.all("/proc/cpuinfo").value_or("");
    if (info.find("hypervisor") == std::string::npos) {
      fine("hypervisor", "none is seen: the processors are real ones");
      return;
    }
    const auto stolen = stolen_share();
    std::string what = "this is a virtual machine: its host may stop or move its processors";
    if (stolen > 0.001) {
      std::array<char, 64> text{};
      std::snprintf(text.data(), text.size(), "; it took %.1f%% of the time just now",
                    100 * stolen);
      what += text.data();
    }
    costs("hypervisor", what,
          "tails of milliseconds are then the host's, not the bus's: pin virtual processors on the "
          "host (dedicated ones), or measure there");
  }
  /// The share of the time that the host gave to others in a tenth of a second.
  [[nodiscard]] double stolen_share() const {
    const auto before = times();
    if (machine_.is_real()) nap(0.1);
    const auto after = times();
    const auto all = after.first - before.first;
    return all > 0 ? (after.second - before.second) / all : 0;
  }
  [[nodiscard]] std::pair<double, double> times() const {
    std::istringstream line(machine_.line("/proc/stat").value_or(""));
    std::string name;
    line >> name;
    double sum = 0;
    double stolen = 0;
    double value = 0;
    for (int i = 0; i < 8 && line >> value; ++i) {
      sum += value;
      if (i == 7) stolen = value;
    }
    return {sum, stolen};
  }

  void governor() {
    std::set<std::string> found;
    for (const auto& cpu : machine_.processors()) {
      const auto one =
          machine_.line("/sys/devices/system/cpu/" + cpu + "/cpufreq/scaling_governor");
      if (one) found.insert(*one);
    }
    if (found.empty()) {
      note("governor", "the frequency of the processors is not this system's to choose");
    } else if (found == std::set<std::string>{"performance"}) {
      fine("governor", "performance on all processors");
    } else {
      costs("governor", "processors change their frequency (" + joined(found) + ")",
            "cpupower frequency-set -g performance");
    }
  }

  void idle_states() {
    const auto driver = machine_.line("/sys/devices/system/cpu/cpuidle/current_driver");
    if (!driver || *driver == "none") {
      note("idle states", "not this system's to choose");
      return;
    }
    double deepest = 0;
    std::string name;
    for (int state = 0; state < 16; ++state) {
      const auto base = "/sys/devices/system/cpu/cpu0/cpuidle/state" + std::to_string(state);
      const auto latency = machine_.line(base + "/latency");
      if (!latency) break;
      if (machine_.line(base + "/disable").value_or("0") != "0") continue;
      const double us = std::atof(latency->c_str());
      if (us > deepest) {
        deepest = us;
        name = machine_.line(base + "/name").value_or("?");
      }
    }
    constexpr double kMuch_us = 20;
    if (deepest <= kMuch_us) {
      fine("idle states", "an idle processor is back within " + count_text(deepest) + " us");
    } else {
      costs("idle states",
            "a processor that sleeps in " + name + " needs " + count_text(deepest) + " us to wake",
            "hold /dev/cpu_dma_latency open with a 0 in it, or cpupower idle-set -D 20; spinning "
            "readers do not notice");
    }
  }

  void isolation() {
    const auto isolated = machine_.line("/sys/devices/system/cpu/isolated");
    if (isolated && !isolated->empty()) {
      fine("isolation", "processors " + *isolated +
                            " are kept free for pinned threads; "
                            "ticks are off on: " +
                            machine_.line("/sys/devices/system/cpu/nohz_full").value_or("none"));
    } else {
      note("isolation", "no processor is kept free of other work",
           "for steady tails: isolcpus=, nohz_full= and rcu_nocbs= on the kernel's command line, "
           "and DispatcherOptions::cpu");
    }
  }

  void quota() {
    const auto own = machine_.all("/proc/self/cgroup").value_or("");
    std::string group;
    const auto at = own.find("0::");
    if (at != std::string::npos) group = own.substr(at + 3, own.find('\n', at) - at - 3);
    auto limit = machine_.line("/sys/fs/cgroup" + group + "/cpu.max");
    if (!limit) limit = machine_.line("/sys/fs/cgroup/cpu.max");
    if (!limit) return;
    if (limit->rfind("max", 0) == 0) {
      fine("quota", "no limit of processor time");
    } else {
      costs("quota", "this group's processor time is limited (cpu.max: " + *limit + ")",
            "who uses it up stands still until the next period, spinning threads first; raise it, "
            "or let threads park");
    }
  }

  void huge_pages() {
    using ringway::HugePages;
    const auto setting = machine_.line(HugePages::kSetting);
    const auto mounts = machine_.all("/proc/self/mountinfo").value_or("");
    const auto& folder = options_.folder;
    struct stat facts {};
    const ::dev_t device = ::stat(folder.c_str(), &facts) == 0 ? facts.st_dev : 0;
    const auto named = HugePages::rule(setting.value_or(""), mounts, device);
    const auto nameless = HugePages::rule(setting.value_or(""), "", 0);
    const std::string shmem = "shmem_enabled: " + nameless.value;
    const std::string mounted =
        named.mount.empty() ? shmem : printable(named.mount) + ": huge=" + named.value;
    const std::string both = mounted == shmem ? shmem : mounted + "; " + shmem;
    if (nameless.value.empty()) {
      note("huge pages", "this kernel has no transparent ones");
    } else if (named.grants() && nameless.grants()) {
      fine("huge pages", "shared memory may get them (" + both + ")");
    } else if (named.grants()) {
      fine("huge pages",
           "named buses may get them (" + mounted + "), anonymous ones not (" + shmem + ")");
    } else {
      std::string how = "echo advise > " + std::string(HugePages::kSetting);
      if (!named.mount.empty()) {
        how = "mount -o remount,huge=advise " + printable(named.mount) +
              (nameless.grants() ? "" : " (anonymous buses: " + how + ")");
      }
      note("huge pages",
           nameless.grants()
               ? "named buses get none (" + mounted + "), anonymous ones may (" + shmem + ")"
               : "shared memory gets none (" + both + ")",
           "for segments of many MiB: " + how + ", and SegmentOptions::huge_pages");
    }
  }

  void shared_memory() {
    struct statvfs space {};
    struct statfs kind {};
    constexpr long kTmpfs = 0x01021994;
    const auto& folder = options_.folder;
    if (::statvfs(folder.c_str(), &space) != 0 || ::statfs(folder.c_str(), &kind) != 0) {
      costs("shared memory", "there is no folder " + printable(folder),
            "mount a tmpfs there; named buses live in it (SegmentOptions::folder)");
      return;
    }
    const auto size = std::uint64_t{space.f_blocks} * space.f_frsize;
    const auto free = std::uint64_t{space.f_bavail} * space.f_frsize;
    const auto text =
        printable(folder) + ": " + bytes_text(free) + " of " + bytes_text(size) + " free";
    constexpr std::uint64_t kLeast = std::uint64_t{16} << 20;  // a few buses of the default size
    if (static_cast<long>(kind.f_type) != kTmpfs) {
      costs("shared memory", text + "; it is no tmpfs",
            "pages would be written to a disk: use a tmpfs");
    } else if (free < kLeast) {
      costs("shared memory", text,
            "open_shared will be refused: remove what is left there "
            "(ringway gc), or mount -o remount,size=, docker --shm-size");
    } else if (::access(folder.c_str(), W_OK) != 0) {
      costs("shared memory", text + "; not writable for this user",
            "chmod 1777, or another folder (SegmentOptions::folder)");
    } else {
      fine("shared memory", text);
    }
  }

  void membarrier() {
    const long commands = ::syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
    const bool local = commands > 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0;
    const bool global = commands > 0 && (commands & MEMBARRIER_CMD_GLOBAL_EXPEDITED) != 0;
    if (local && global) {
      fine("membarrier", "granted, within and between processes");
    } else {
      costs("membarrier",
            std::string("refused ") +
                (local ? "between processes" : (global ? "within a process" : "altogether")),
            "publishers run a full fence per message: allow membarrier(2) in the seccomp filter, "
            "or use Linux 4.16 or newer");
    }
  }

  void limits() {
    rlimit memory{};
    if (::getrlimit(RLIMIT_MEMLOCK, &memory) == 0) {
      constexpr std::uint64_t kBus = std::uint64_t{8} << 20;
      const bool none = memory.rlim_cur == RLIM_INFINITY;
      const auto text = "memory that may be locked: " +
                        (none ? std::string("no limit") : bytes_text(memory.rlim_cur));
      if (none || memory.rlim_cur >= kBus || ::geteuid() == 0) {
        fine("limits", text);
      } else {
        note("limits", text,
             "SegmentOptions::lock_memory will fall back; ulimit -l, or "
             "LimitMEMLOCK= of the unit");
      }
    }
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
      constexpr std::uint64_t kFew = 64;
      const auto text = "descriptors: " + std::to_string(files.rlim_cur);
      if (files.rlim_cur < kFew) {
        costs("limits", text, "each open bus takes one for good and two while it opens; ulimit -n");
      } else {
        fine("limits", text);
      }
    }
    rlimit size{};
    if (::getrlimit(RLIMIT_FSIZE, &size) == 0 && size.rlim_cur != RLIM_INFINITY) {
      note("limits", "files, so segments too, may have " + bytes_text(size.rlim_cur),
           "open_shared refuses what is larger; ulimit -f");
    }
  }

  void swap() {
    const auto swaps = machine_.all("/proc/swaps");
    if (!swaps) return;
    const auto first = swaps->find('\n');
    if (first == std::string::npos || swaps->find_first_not_of(" \n", first) == std::string::npos) {
      fine("swap", "none");
    } else {
      note("swap", "pages of a segment may be swapped out",
           "SegmentOptions::lock_memory keeps them, within the limit of locked memory");
    }
  }

  void clock() {
    const auto source =
        machine_.line("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    if (!source) return;
    // read without a system call
    static const std::set<std::string> kQuick{"tsc", "kvm-clock", "hyperv_clocksource_tsc_page",
                                              "arch_sys_counter"};
    if (kQuick.count(*source) != 0) {
      fine("clock", *source + ": read without a system call");
    } else {
      costs("clock", *source + ": reading it is a system call",
            "deadlines read the clock: clocksource=tsc on the kernel's command line where the "
            "processor's is steady");
    }
  }

  void balancing() {
    const auto numa = machine_.line("/proc/sys/kernel/numa_balancing");
    if (numa && *numa != "0") {
      const auto nodes = machine_.line("/sys/devices/system/node/online").value_or("0");
      if (nodes == "0") return;
      costs("balancing",
            "the kernel moves pages between nodes (numa_balancing; nodes " + nodes +
                "), which stops whoever touches them",
            "sysctl kernel.numa_balancing=0, and pin the threads of one bus to one node");
    }
  }

  void remove_ipc() {
    const auto text = machine_.all("/etc/systemd/logind.conf").value_or("");
    std::istringstream lines(text);
    bool removes = machine_.has("/run/systemd/system");
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind("RemoveIPC=", 0) == 0) removes = line.find("no") == std::string::npos;
    }
    if (removes) {
      note("logind", "RemoveIPC=yes: a user's files in /dev/shm go with its last session",
           "run services as a system user, or RemoveIPC=no in /etc/systemd/logind.conf");
    }
  }

  const DoctorOptions& options_;
  Machine machine_;
  std::vector<Finding> findings_;
};

}  // namespace

int doctor(const DoctorOptions& options) {
  const auto findings = Doctor(options).examine();
  std::uint64_t costly = 0;
  std::string out;
  Json json;
  json.begin_object().begin_array("findings");
  for (const auto level : {Level::kCosts, Level::kNote, Level::kFine}) {
    for (const auto& finding : findings) {
      if (finding.level != level) continue;
      costly += level == Level::kCosts ? 1 : 0;
      json.begin_object()
          .text("level", level_text(level))
          .text("topic", finding.topic)
          .text("what", finding.what)
          .text("advice", finding.advice)
          .end_object();
      constexpr std::size_t kIndent = 7;
      std::string text = wrapped(finding.topic + ": " + finding.what, kIndent);
      text.replace(0, std::string_view(level_text(level)).size(), level_text(level));
      out += text;
      if (!finding.advice.empty()) out += wrapped("-> " + finding.advice, kIndent);
    }
  }
  json.end_array().number("costs", costly).end_object();
  out += '\n';
  if (costly == 0) {
    out += "nothing here costs latency";
  } else {
    out += number_of(costly, "finding");
    out += costly == 1 ? " above costs" : " above cost";
    out += " latency, or will fail";
  }
  out += '\n';
  if (!put(options.json ? json.str() + "\n" : out)) return kFailed;
  return options.strict && costly != 0 ? kFindings : kDone;
}

}  // namespace tool
