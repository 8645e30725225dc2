// SPDX-License-Identifier: Apache-2.0
#include "driver/streaming.hpp"

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "driver/clock.hpp"
#include "ringway/base/cpu_relax.hpp"

namespace ringway::bench {
namespace {

constexpr std::size_t kLineWords = 8;
constexpr std::size_t kBlockLines = 64;
constexpr std::size_t kBlocks = 16;  // 64 KiB, which the second level of every cache holds

#if defined(__GNUC__)
/// 32 bytes that the compiler moves at once where the processor can. May alias the words.
typedef std::uint64_t Wide __attribute__((vector_size(32), may_alias));
#endif

struct alignas(64) Line {
  std::uint64_t words[kLineWords];
};
struct alignas(128) Flag {
  std::atomic<std::uint64_t> value{0};
};

/// Both sides of a stream, and what the reader summed up.
struct Stream {
  explicit Stream(std::size_t blocks) : lines(blocks * kBlockLines), written(blocks) {}

  std::vector<Line> lines;
  std::vector<Flag> written;  ///< block streaming: which block was written here last, from 1
  Flag taken;                 ///< lines the reader is done with
  std::uint64_t sum = 0;
};

/// Goes round and round, without a division.
class Round {
 public:
  explicit Round(std::size_t size) : size_(size) {}
  [[nodiscard]] std::size_t now() const { return now_; }
  void next() { now_ = now_ + 1 == size_ ? 0 : now_ + 1; }

 private:
  const std::size_t size_;
  std::size_t now_ = 0;
};

void write_line(Line& line, std::uint64_t tag) {
  auto* wide = reinterpret_cast<Wide*>(line.words);
  const Wide value{tag, tag, tag, tag};
  wide[0] = value;
  wide[1] = value;
}

std::uint64_t read_line(const Line& line) {
  const auto* wide = reinterpret_cast<const Wide*>(line.words);
  const Wide sum = wide[0] + wide[1];
  return sum[0] + sum[1] + sum[2] + sum[3];
}

void wait_for(const std::atomic<std::uint64_t>& word, std::uint64_t least) {
  while (word.load(std::memory_order_acquire) < least) cpu_relax();
}

void write_blocks(Stream& stream, std::uint64_t blocks) {
  Round round(stream.written.size());
  const std::uint64_t ring = stream.written.size();
  for (std::uint64_t block = 0; block < blocks; ++block, round.next()) {
    if (block >= ring) wait_for(stream.taken.value, (block - ring + 1) * kBlockLines);
    Line* lines = &stream.lines[round.now() * kBlockLines];
    for (std::size_t i = 0; i < kBlockLines; ++i) write_line(lines[i], block + 1);
    stream.written[round.now()].value.store(block + 1, std::memory_order_release);
  }
}

void read_blocks(Stream& stream, std::uint64_t blocks) {
  Round round(stream.written.size());
  std::uint64_t sum = 0;
  for (std::uint64_t block = 0; block < blocks; ++block, round.next()) {
    wait_for(stream.written[round.now()].value, block + 1);
    const Line* lines = &stream.lines[round.now() * kBlockLines];
    for (std::size_t i = 0; i < kBlockLines; ++i) sum += read_line(lines[i]);
    stream.taken.value.store((block + 1) * kBlockLines, std::memory_order_release);
  }
  stream.sum = sum;
}

std::atomic_ref<std::uint64_t> flag_of(Line& line) {
  return std::atomic_ref<std::uint64_t>(line.words[kLineWords - 1]);
}

constexpr std::size_t kRingLines = kBlockLines * kBlocks;

void write_flagged_lines(Stream& stream, std::uint64_t lines) {
  std::uint64_t limit = kRingLines;
  for (std::uint64_t i = 0; i < lines; ++i) {
    if (i == limit) {
      wait_for(stream.taken.value, i - kRingLines + kRingLines / 8);
      limit = stream.taken.value.load(std::memory_order_acquire) + kRingLines;
    }
    Line& line = stream.lines[i % kRingLines];
    auto* wide = reinterpret_cast<Wide*>(line.words);
    wide[0] = Wide{i, i, i, i};
    for (std::size_t k = 4; k + 1 < kLineWords; ++k) line.words[k] = i;
    flag_of(line).store(i + 1, std::memory_order_release);
  }
}

void read_flagged_lines(Stream& stream, std::uint64_t lines) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < lines; ++i) {
    Line& line = stream.lines[i % kRingLines];
    while (flag_of(line).load(std::memory_order_acquire) != i + 1) cpu_relax();
    sum += read_line(line);
    if ((i + 1) % (kRingLines / 8) == 0) {
      stream.taken.value.store(i + 1, std::memory_order_release);
    }
  }
  stream.sum = sum;
}

using Side = void (*)(Stream&, std::uint64_t);

/// \return the seconds it took; `sum` is what the reader read.
double run_stream(Stage& stage, std::size_t blocks, Side write, Side read, std::uint64_t count,
                  std::uint64_t& sum) {
  const auto stream = std::make_unique<Stream>(blocks);
  StartLine start(2);
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
  stage.run(2, [&](std::size_t worker) {
    start.arrive_and_wait();
    if (worker == 0) {
      begin_ns = now_ns();
      write(*stream, count);
    } else {
      read(*stream, count);
      end_ns = now_ns();
    }
  });
  sum = stream->sum;
  return static_cast<double>(end_ns - begin_ns) * 1e-9;
}

}  // namespace

Subject block_streaming_subject(std::size_t payload_bytes, std::size_t bytes) {
  const std::size_t ring = bytes == 0 ? kBlocks : bytes / (kBlockLines * sizeof(Line));
  return {.name = std::string("limit: lines streamed in blocks of 64") +
                  (bytes == 0 ? "" : ", through as much memory"),
          .kind = Kind::kLimit,
          .run = [payload_bytes, ring](Stage& stage, std::uint64_t count) {
            const double messages_per_line = 64.0 / static_cast<double>(payload_bytes);
            const double lines = static_cast<double>(count) / messages_per_line;
            const std::uint64_t blocks = static_cast<std::uint64_t>(lines) / kBlockLines + kBlocks;
            std::uint64_t sum = 0;
            Measurement measurement;
            measurement.seconds = run_stream(stage, ring, write_blocks, read_blocks, blocks, sum);
            measurement.value = static_cast<double>(blocks * kBlockLines) * messages_per_line /
                                measurement.seconds * 1e-6;
            if (sum != blocks * (blocks + 1) / 2 * kBlockLines * kLineWords) {
              measurement.violation = "the checksum of the lines is wrong";
            }
            return measurement;
          }};
}

Subject line_streaming_subject() {
  return {.name = "limit: lines streamed with a flag each",
          .kind = Kind::kLimit,
          .run = [](Stage& stage, std::uint64_t count) {
            std::uint64_t sum = 0;
            Measurement measurement;
            measurement.seconds =
                run_stream(stage, kBlocks, write_flagged_lines, read_flagged_lines, count, sum);
            measurement.value = static_cast<double>(count) / measurement.seconds * 1e-6;
            if (sum != count * (count - 1) / 2 * kLineWords + count) {
              measurement.violation = "the checksum of the lines is wrong";
            }
            return measurement;
          }};
}

}  // namespace ringway::bench
