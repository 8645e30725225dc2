// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The commands of `ringway`, each a function of its options that returns the exit status.

#include <cstdint>
#include <string>
#include <vector>

namespace tool {

/// Exit statuses; documented in docs/man/ringway.1.
enum ExitStatus : int {
  kDone = 0,
  kFailed = 1,     ///< could not be done, or output could not be written
  kMistake = 2,    ///< a mistake on the command line
  kNoSegment = 3,  ///< there is no such segment
  kRefused = 4,    ///< a segment is corrupt, foreign, of another version, or may not be opened
  kFindings = 5,   ///< doctor --strict found something that costs latency
};

struct LsOptions {
  std::string folder;
  std::vector<std::string> segments;  // all, if empty
  bool details = false;
  bool wide = false;
  bool json = false;
};
int ls(const LsOptions& options);

struct TopOptions {
  std::string folder;
  std::string segment;
  double interval_s = 1;
  std::uint64_t count = 0;  // 0: until interrupted
  bool json = false;
};
int top(const TopOptions& options);

struct TapOptions {
  std::string folder;
  std::string segment;
  std::string pattern;
  bool from_oldest = false;
  bool hex = false;
  bool json = false;
  std::uint64_t count = 0;    // 0: until interrupted
  double for_s = 0;           // 0: until interrupted
  std::uint64_t bytes = 256;  // of a message that are shown in hex; 0: all
};
int tap(const TapOptions& options);

struct GcOptions {
  std::string folder;
  std::vector<std::string> segments;  // all of this user's, if empty
  bool broken = false;
  bool dry_run = false;
  bool json = false;
};
int gc(const GcOptions& options);

struct DoctorOptions {
  std::string folder;
  std::string root;  // where /proc and /sys are looked for
  bool strict = false;
  bool json = false;
};
int doctor(const DoctorOptions& options);

struct BenchOptions {
  std::vector<int> processors;  // two, or none: chosen
  double row_ms = 200;
  bool json = false;
};
int bench(const BenchOptions& options);

}  // namespace tool
