// SPDX-License-Identifier: Apache-2.0
#include "driver/options.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <optional>

#include "driver/cpus.hpp"

namespace ringway::bench {
namespace {

/// For the measuring of a quick run; the report comes on top, and all of it is under five minutes.
constexpr double kQuickSeconds = 255;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

template <class Number>
std::optional<Number> number(const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// A list of numbers, each at least `least`. \return false if one is none of that.
template <class Number>
bool numbers(const std::string& text, Number least, std::vector<Number>& values) {
  values.clear();
  for (const std::string& part : split(text)) {
    const auto value = number<Number>(part);
    if (!value || *value < least) return false;
    values.push_back(*value);
  }
  return !values.empty();
}

/// Options that take a value: the function stores it and says whether it is one.
using Setter = std::function<bool(Options&, const std::string&)>;

template <std::string Options::*kField>
bool set_text(Options& options, const std::string& value) {
  options.*kField = value;
  return !value.empty();
}

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> table{
      {"--filter", set_text<&Options::filter>},
      {"--skip", set_text<&Options::skip>},
      {"--subjects", set_text<&Options::subjects>},
      {"--json", set_text<&Options::json_file>},
      {"--baseline", set_text<&Options::baseline_file>},
      {"--out", set_text<&Options::out>},
      {"--cpus", [](Options& o, const std::string& v) { return numbers(v, 0, o.cpus); }},
      {"--payloads",
       [](Options& o, const std::string& v) { return numbers<std::size_t>(v, 8, o.payloads); }},
      {"--capacities",
       [](Options& o, const std::string& v) { return numbers<std::size_t>(v, 2, o.capacities); }},
      {"--samples",
       [](Options& o, const std::string& v) {
         o.samples = number<std::size_t>(v).value_or(0);
         return o.samples > 0;
       }},
      {"--minutes",
       [](Options& o, const std::string& v) {
         o.limit_seconds = number<double>(v).value_or(0) * 60;
         return o.limit_seconds > 0;
       }},
      {"--sample-ms",
       [](Options& o, const std::string& v) {
         o.sample_seconds = number<double>(v).value_or(0) / 1000;
         return o.sample_seconds > 0;
       }},
  };
  return table;
}

std::optional<std::string> check_cpus(Options& options) {
  const std::vector<int> allowed = allowed_cpus();
  if (options.cpus.empty()) {
    options.cpus = allowed;
    if (options.cpus.size() > 2) options.cpus.resize(2);
  }
  for (const int cpu : options.cpus) {
    if (std::find(allowed.begin(), allowed.end(), cpu) == allowed.end()) {
      return "--cpus: this process may not run on processor " + std::to_string(cpu);
    }
  }
  if (options.cpus.size() < 2 && !options.smoke && !options.list) {
    return "two processors are needed; give them with --cpus";
  }
  return std::nullopt;
}

/// As a shell would need it.
std::string quoted(const std::string& word) {
  if (word.find(' ') == std::string::npos) return word;
  std::string text = "\"";
  return text.append(word).append("\"");
}

}  // namespace

bool matches(const std::string& parts, const std::string& text) {
  const auto wanted = split(parts);
  return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [&](const std::string& part) {
           return text.find(part) != std::string::npos;
         });
}

std::variant<Options, std::string> parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    options.command.append(" ").append(argument);
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    if (name == "--quick") {
      options.quick = true;
      options.samples = 7;
      options.sample_seconds = 0.02;
      options.limit_seconds = kQuickSeconds;
    } else if (name == "--smoke") {
      options.smoke = true;
      options.samples = 1;
    } else if (name == "--list") {
      options.list = true;
    } else if (name == "--help" || name == "-h") {
      options.help = true;
    } else if (const auto setter = setters().find(name); setter != setters().end()) {
      std::string value;
      if (equals != std::string::npos) {
        value = argument.substr(equals + 1);
      } else if (i + 1 < argc) {
        value = argv[++i];
        options.command.append(" ").append(quoted(value));
      }
      if (!setter->second(options, value)) {
        return name + ": '" + value + "' is not a value for it; see --help";
      }
    } else {
      return "unknown option '" + argument + "'; see --help";
    }
  }
  if (const auto error = check_cpus(options)) return *error;
  return options;
}

const char* usage() noexcept {
  return R"(usage: ringway_bench [options]

Measures Ringway, its peers and the machine's limits side by side, checks what
arrives, and writes a report.

  --quick               all rows with 7 clean samples of 20 ms (default: 15 of 60 ms)
  --smoke               correctness of every subject with tiny counts; no timing
  --list                what would be measured, one line each
  --filter A,B          only rows whose suite, topology or title contains A or B
  --skip A,B            not those rows: --skip build,growth,op_instructions
  --subjects A,B        only subjects whose name contains A or B (and the limits)
  --samples N           clean samples for each subject
  --sample-ms MS        length of a sample
  --minutes M           give up on what has too few clean samples by then (default: three
                        times what the run takes undisturbed; --quick: 4.25)
  --cpus 0,1            processors for the threads (default: the first two allowed)
  --payloads 8,64       payload sizes in bytes (8, 64, 256, 1024)
  --capacities 1024     capacities
  --out DIR             where the report goes (default: build/bench-report)
  --json FILE           results.json goes there too
  --baseline FILE       raw.json (or results.json) of an earlier run: shows what moved beyond noise

Exit status: 0 done, 1 something arrived wrongly, 2 bad arguments, 3 something hung.
)";
}

}  // namespace ringway::bench
