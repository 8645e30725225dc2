// SPDX-License-Identifier: Apache-2.0
/// \file
/// What including a header costs those who do: lines after the preprocessor, processor seconds to
/// compile (-O2), bytes of the object. Of a short program each, in bench/build_cost.

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <map>

#include "build_commands.hpp"  // made by CMake
#include "driver/child.hpp"
#include "rows/row_tools.hpp"
#include "rows/rows.hpp"

namespace ringway::bench {
namespace {

/// A program of bench/build_cost.
struct Source {
  const char* file;
  const char* name;
  Kind kind = Kind::kPeer;
  bool exists = true;
};

struct Level {
  const char* tag;
  const char* text;
  std::vector<Source> sources;
};

std::vector<Level> levels() {
  constexpr auto kOurs = Kind::kRingway;
  return {
      {"ring",
       "a queue",
       {{"spsc_ring", "SpscRing", kOurs},
        {"mpmc_ring", "MpmcRing", kOurs},
        {"boost_spsc", "Boost spsc_queue", Kind::kPeer, RINGWAY_BENCH_HAS_BOOST},
        {"reader_writer_queue", "moodycamel ReaderWriterQueue", Kind::kPeer,
         RINGWAY_BENCH_HAS_READERWRITERQUEUE},
        {"concurrent_queue", "moodycamel ConcurrentQueue", Kind::kPeer,
         RINGWAY_BENCH_HAS_CONCURRENTQUEUE},
        {"atomic_queue", "atomic_queue", Kind::kPeer, RINGWAY_BENCH_HAS_ATOMIC_QUEUE},
        {"tbb_queue", "oneTBB concurrent_bounded_queue", Kind::kPeer, RINGWAY_BENCH_HAS_TBB},
        {"xenium_queue", "xenium vyukov_bounded_queue", Kind::kPeer, RINGWAY_BENCH_HAS_XENIUM}}},
      {"channel",
       "a queue that waits",
       {{"channel", "channel", kOurs},
        {"mpmc_channel", "mpmc_channel", kOurs},
        {"reader_writer_circular", "moodycamel BlockingReaderWriterCircularBuffer", Kind::kPeer,
         RINGWAY_BENCH_HAS_READERWRITERQUEUE},
        {"waiting_queue", "std::mutex + deque + condition variable", Kind::kBaseline}}},
      {"bus",
       "a bus",
       {{"bus", "Bus", kOurs, RINGWAY_BENCH_HAS_BUS},
        {"caf_actors", "CAF actors", Kind::kPeer, RINGWAY_BENCH_HAS_CAF},
        {"zeromq_sockets", "ZeroMQ", Kind::kPeer, RINGWAY_BENCH_HAS_ZEROMQ},
        {"nng_sockets", "nng", Kind::kPeer, RINGWAY_BENCH_HAS_NNG},
        {"boost_signal", "Boost.Signals2", Kind::kPeer, RINGWAY_BENCH_HAS_BOOST}}}};
}

/// Runs the compiler on a source; `step` is -c or -E.
ChildResult compile(const char* file, const char* step, const std::string& output) {
  std::vector<std::string> words{kCompiler};
  for (const char* flag : kCompilerFlags) words.emplace_back(flag);
  words.insert(words.end(),
               {step, std::string(kBuildCostFolder) + "/" + file + ".cpp", "-o", output});
  return run_child(words);
}

Measurement failed(const char* file) {
  Measurement measurement;
  measurement.violation = std::string("bench/build_cost/") + file + ".cpp does not compile";
  return measurement;
}

/// Lines that are neither empty nor a directive.
Measurement count_lines(const char* file) {
  const ScratchFolder scratch;
  if (!compile(file, "-E", scratch.file("out")).ok) return failed(file);
  std::ifstream lines(scratch.file("out"));
  Measurement measurement;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find_first_not_of(" \t");
    if (at != line.npos && line[at] != '#') ++measurement.value;
  }
  return measurement;
}

/// Sizes of the objects that were compiled: one is as good as another.
std::map<std::string, double>& known_sizes() {
  static std::map<std::string, double> sizes;
  return sizes;
}

Measurement measure_seconds(const char* file) {
  const ScratchFolder scratch;
  const ChildResult child = compile(file, "-c", scratch.file("out"));
  if (!child.ok) return failed(file);
  known_sizes()[file] = static_cast<double>(std::filesystem::file_size(scratch.file("out")));
  Measurement measurement;
  measurement.value = child.cpu_seconds;
  return measurement;
}

Measurement measure_object(const char* file) {
  if (known_sizes().count(file) == 0) {
    const Measurement compiled = measure_seconds(file);
    if (!compiled.violation.empty()) return compiled;
  }
  Measurement measurement;
  measurement.value = known_sizes()[file];
  return measurement;
}

using Measure = Measurement (*)(const char* file);

Row make_row(const Level& level, const char* topology, const char* unit, Measure measure) {
  Row row{.suite = "build",
          .topology = topology,
          .variant = {.tag = level.tag, .text = level.text},
          .unit = unit,
          .better = Better::kLower,
          .threads = 1,
          .fixed_count = 1,
          .samples = 1,
          .sample_seconds = 1.1};
  for (const Source& source : level.sources) {
    if (!source.exists) continue;
    row.subjects.push_back(
        {.name = source.name,
         .kind = source.kind,
         .run = [measure, file = source.file](Stage&, std::uint64_t) { return measure(file); }});
  }
  return row;
}

}  // namespace

void add_build_cost_rows(Rows& rows, const Options& options) {
  for (const Level& level : levels()) {
    rows.push_back(make_row(level, "preprocessed_lines", "lines", count_lines));
    rows.back().sample_seconds = 0.2;
    if (options.smoke) continue;
    rows.push_back(make_row(level, "compile_seconds", "s", measure_seconds));
    rows.back().samples = options.quick ? 1 : 5;
    rows.push_back(make_row(level, "object_bytes", "bytes", measure_object));
    rows.back().sample_seconds = 0.01;
  }
}

}  // namespace ringway::bench
