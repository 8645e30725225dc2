// SPDX-License-Identifier: Apache-2.0
#include "crew_report.hpp"

#include <cinttypes>

#include "report.hpp"
#include "text.hpp"

namespace vessel {
namespace {

/// The words of RequestError, for programs.
constexpr std::array<const char*, kRequestErrors> kErrorNames{
    "timed_out", "no_replier", "replier_gone", "handler_failed",
    "cancelled", "too_many",   "closed",       "would_deadlock"};

std::string quoted(std::string_view text) {
  return '"' + std::string(text) + '"';
}

std::string json_list(const std::vector<Role>& roles) {
  std::string text = "[";
  for (const Role role : roles) text += (text.size() > 1 ? ", " : "") + quoted(name_of(role));
  return text + "]";
}

std::string duration(std::int64_t duration_ns) {
  return readable_duration(static_cast<std::uint64_t>(duration_ns));
}

/// What happened, in its order.
void append_disruption(std::string& text, const CrewReport& report) {
  const Disruption& what = *report.disruption;
  append(text, "  %-17s %s, by SIGKILL, after %s\n", "killed",
         std::string(name_of(what.victim)).c_str(),
         counted(what.published_before, "message", "messages").c_str());
  if (what.told_ns != 0) {
    append(text, "  %-17s told of an error after %s\n", "console", duration(what.told_ns).c_str());
  }
  append(text, "  %-17s %s, after %s\n", "cleaned up after",
         counted(report.cleaned_up, "dead process", "dead processes").c_str(),
         duration(what.cleaned_up_ns).c_str());
  append(text, "  %-17s after %s, at work %s later\n", "started again",
         duration(what.restarted_ns).c_str(), duration(what.ready_ns - what.restarted_ns).c_str());
  if (what.answered_ns != 0) {
    append(text, "  %-17s answered again after %s\n", "console",
           duration(what.answered_ns).c_str());
  }
}

}  // namespace

std::string to_json(const CrewReport& report) {
  std::string text = "{\n    \"order\": " + json_list(report.order) + ",\n    \"roles\": [";
  for (const Role role : kRoles) {
    const RoleCount& count = report.counts[static_cast<std::size_t>(role)];
    append(text, "%s\n      {\"role\": %s, \"lives\": %" PRIu64 ", \"published\": %" PRIu64,
           role == kRoles.front() ? "" : ",", quoted(name_of(role)).c_str(), count.lives,
           count.published);
    append(text,
           ", \"delivered\": %" PRIu64 ", \"missed\": %" PRIu64 ", \"meanwhile\": %" PRIu64 "}",
           count.delivered, count.missed(), count.meanwhile);
  }
  append(text, "\n    ],\n    \"requests\": {\"answered\": %" PRIu64, report.answered);
  for (std::size_t i = 0; i < kRequestErrors; ++i) {
    append(text, ", \"%s\": %" PRIu64, kErrorNames[i], report.failed[i]);
  }
  text += "},\n    \"killed\": ";
  const auto& what = report.disruption;
  text += what ? quoted(name_of(what->victim)) : "null";
  if (what) {
    append(text, ",\n    \"killed_after\": %" PRIu64 ",\n    \"cleaned_up\": %" PRIu64,
           what->published_before, report.cleaned_up);
    append(text, ",\n    \"cleaned_up_ns\": %" PRId64 ",\n    \"told_ns\": %" PRId64,
           what->cleaned_up_ns, what->told_ns);
    append(text, ",\n    \"restarted_ns\": %" PRId64 ",\n    \"ready_ns\": %" PRId64,
           what->restarted_ns, what->ready_ns);
    append(text, ",\n    \"answered_ns\": %" PRId64, what->answered_ns);
  }
  text += ",\n    \"left_behind\": ";
  return text + (report.left_behind ? "true" : "false") + "\n  }";
}

std::string to_table(const CrewReport& report) {
  std::string text;
  append(text, "  %-17s %9s %12s %12s %10s%s\n", "process", "started", "published", "delivered",
         "missed", report.disruption ? "   meanwhile" : "");
  for (const Role role : kRoles) {
    const RoleCount& count = report.counts[static_cast<std::size_t>(role)];
    append(text, "  %-17s %9s", std::string(name_of(role)).c_str(),
           count.lives == 1   ? "once"
           : count.lives == 2 ? "twice"
                              : (with_separators(count.lives) + " times").c_str());
    if (role != Role::kConsole) append(text, " %12s", with_separators(count.published).c_str());
    if (role != Role::kConsole && role != Role::kFeed) {
      append(text, " %12s %10s", with_separators(count.delivered).c_str(),
             with_separators(count.missed()).c_str());
    } else if (role == Role::kFeed) {
      append(text, " %12s %10s", "", "");
    }
    const bool away = report.disruption && report.disruption->victim == role;
    if (report.disruption && role != Role::kConsole) {
      append(text, " %11s", away ? "away" : with_separators(count.meanwhile).c_str());
    }
    text += '\n';
  }
  text += '\n';
  if (report.disruption) append_disruption(text, report);
  append(text, "  %-17s %s answered\n", "questions", with_separators(report.answered).c_str());
  for (std::size_t i = 0; i < kRequestErrors; ++i) {
    if (report.failed[i] == 0) continue;
    append(text, "  %-17s %s told: %s\n", "", with_separators(report.failed[i]).c_str(),
           ringway::describe(static_cast<ringway::RequestError>(i)));
  }
  append(text, "  %-17s %s\n", "left in /dev/shm", report.left_behind ? "a segment" : "nothing");
  return text;
}

}  // namespace vessel
