// SPDX-License-Identifier: Apache-2.0
#include "driver/machine.hpp"

#include <sys/utsname.h>

#include <ctime>
#include <fstream>
#include <thread>

#ifndef RINGWAY_BENCH_FLAGS
#define RINGWAY_BENCH_FLAGS "unknown"
#endif
#ifndef RINGWAY_BENCH_COMMIT
#define RINGWAY_BENCH_COMMIT "unknown"
#endif

namespace ringway::bench {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line.empty() ? "not told by the kernel" : line;
}

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name") || line.starts_with("CPU part")) {
      return line.substr(line.find(':') + 2);
    }
  }
  return "unknown";
}

bool virtual_machine() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("flags") && line.find(" hypervisor") != std::string::npos) return true;
  }
  return false;
}

std::string topology_of(int cpu) {
  const std::string base = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
  return "processor " + std::to_string(cpu) + ": package " +
         first_line(base + "physical_package_id") + ", core " + first_line(base + "core_id") +
         ", threads of that core " + first_line(base + "thread_siblings_list");
}

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "g++ " __VERSION__;
#else
  return "unknown";
#endif
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", std::gmtime(&now));
  return text;
}

}  // namespace

MachineDescription describe_machine(const Options& options) {
  utsname kernel{};
  uname(&kernel);
  std::string cpus;
  for (const int cpu : options.cpus) cpus += (cpus.empty() ? "" : ", ") + std::to_string(cpu);
  MachineDescription machine{
      {"date", today()},
      {"command", "script/bench" + options.command},
      {"processor", cpu_model() + (virtual_machine() ? " (virtual machine)" : "")},
      {"processors online", std::to_string(std::thread::hardware_concurrency())},
      {"processors used", cpus},
  };
  for (const int cpu : options.cpus) machine.emplace_back("topology", topology_of(cpu));
  const std::string frequency =
      "/sys/devices/system/cpu/cpu" + std::to_string(options.cpus.front()) + "/cpufreq/";
  machine.emplace_back("governor", first_line(frequency + "scaling_governor"));
  machine.emplace_back("huge pages", first_line("/sys/kernel/mm/transparent_hugepage/enabled"));
  machine.emplace_back("kernel", std::string(kernel.sysname) + " " + kernel.release);
  machine.emplace_back("compiler", compiler());
  machine.emplace_back("flags", RINGWAY_BENCH_FLAGS);
  machine.emplace_back("commit", RINGWAY_BENCH_COMMIT);
  return machine;
}

}  // namespace ringway::bench
