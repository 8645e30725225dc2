// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The ordered operations of the code under test, known by source location, and the one that is
/// weakened at present.
///
/// A mutation run needs no copies of the code: the policy asks here which order an operation really
/// gets. Each site is noted when it is executed for the first time.

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "explorer/place.hpp"

namespace ringway::model {

enum class SiteKind : std::uint8_t {
  kLoad,
  kStore,
  kUpdate,
  kExchange,  // a compare-exchange that succeeds
  kFailure,   // one that fails
  kFence,
  kLightFence,
  kHeavyFence,
};

inline const char* name_of(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed: return "relaxed";
    case std::memory_order_consume: return "consume";
    case std::memory_order_acquire: return "acquire";
    case std::memory_order_release: return "release";
    case std::memory_order_acq_rel: return "acq_rel";
    case std::memory_order_seq_cst: return "seq_cst";
  }
  return "?";
}

inline const char* name_of(SiteKind kind) {
  switch (kind) {
    case SiteKind::kLoad: return "load";
    case SiteKind::kStore: return "store";
    case SiteKind::kUpdate: return "update";
    case SiteKind::kExchange: return "compare-exchange";
    case SiteKind::kFailure: return "failed compare-exchange";
    case SiteKind::kFence: return "fence";
    case SiteKind::kLightFence: return "light fence";
    case SiteKind::kHeavyFence: return "heavy fence";
  }
  return "?";
}

struct Site {
  std::string file;  // without its folder
  std::string path;  // as the compiler was given it
  std::string function;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  SiteKind kind = SiteKind::kLoad;
  std::memory_order order = std::memory_order_relaxed;

  [[nodiscard]] bool same_place(const Site& other) const {
    return line == other.line && column == other.column && kind == other.kind && file == other.file;
  }
  /// The function's name without its types: "MpmcRing::Producer::try_push".
  [[nodiscard]] std::string function_name() const {
    std::string text = function.substr(0, function.find(" [with "));
    text = text.substr(0, text.find(" ["));
    std::string name;
    int depth = 0;  // of template arguments
    for (const char c : text) {
      if (c == '(' && depth == 0) break;
      if (c == '<') ++depth;
      if (depth == 0) name += c == ' ' ? '\0' : c;
      if (c == '>') --depth;
    }
    name.erase(0, name.rfind('\0') + 1);  // the result type
    const std::string space = "ringway::";
    return name.starts_with(space) ? name.substr(space.size()) : name;
  }
  [[nodiscard]] std::string operation() const {
    return std::string(name_of(kind)) +
           (kind == SiteKind::kLightFence || kind == SiteKind::kHeavyFence
                ? ""
                : std::string(" ") + name_of(order));
  }
  [[nodiscard]] std::string describe() const {
    return file + ":" + std::to_string(line) + " " + name_of(kind) +
           (kind == SiteKind::kLightFence || kind == SiteKind::kHeavyFence
                ? ""
                : std::string(" ") + name_of(order));
  }
};

/// One site with a weaker order, or without its fence.
struct Mutant {
  Site site;
  bool removed = false;
  std::memory_order order = std::memory_order_relaxed;

  [[nodiscard]] const char* becomes() const { return removed ? "nothing" : name_of(order); }
  [[nodiscard]] std::string describe() const { return site.describe() + " -> " + becomes(); }
};

/// All ways to weaken a site by one step (relaxed ones have none).
inline std::vector<Mutant> mutants_of(const Site& site) {
  using enum SiteKind;
  if (site.kind == kLightFence || site.kind == kHeavyFence) return {{site, true}};
  std::vector<Mutant> mutants;
  const auto weaken = [&](std::memory_order order) { mutants.push_back({site, false, order}); };
  switch (site.order) {
    case std::memory_order_relaxed: break;
    case std::memory_order_consume:
    case std::memory_order_acquire:
    case std::memory_order_release:
      if (site.kind == kFence) {
        mutants.push_back({site, true});
      } else {
        weaken(std::memory_order_relaxed);
      }
      break;
    case std::memory_order_acq_rel:
      weaken(std::memory_order_acquire);
      weaken(std::memory_order_release);
      break;
    case std::memory_order_seq_cst:
      weaken(site.kind == kLoad || site.kind == kFailure ? std::memory_order_acquire
             : site.kind == kStore                       ? std::memory_order_release
                                                         : std::memory_order_acq_rel);
      break;
  }
  return mutants;
}

class Sites {
 public:
  /// The order that this operation really gets. \return false in `kept` if a fence is to vanish.
  std::memory_order effective(const Place& place, SiteKind kind, std::memory_order order,
                              bool* kept = nullptr) {
    if (!watching_) return order;
    const Entry& entry = lookup(place, kind, order);
    if (mutated_ != nullptr && entry.number == mutated_number_) {
      if (kept != nullptr) *kept = !mutated_->removed;
      return mutated_->removed ? order : mutated_->order;
    }
    return order;
  }

  /// Starts to note sites, and weakens one if given.
  void watch(const Mutant* mutant = nullptr) {
    watching_ = true;
    mutated_ = mutant;
    mutated_number_ = kNone;
    if (mutant == nullptr) return;
    for (std::size_t i = 0; i < sites_.size(); ++i) {
      if (sites_[i].same_place(mutant->site)) mutated_number_ = i;
    }
    if (mutated_number_ == kNone) {
      mutated_number_ = sites_.size();
      sites_.push_back(mutant->site);
    }
  }
  void ignore() {
    watching_ = false;
    mutated_ = nullptr;
  }
  void forget() {
    sites_.clear();
    entries_.assign(kEntries, {});
  }
  [[nodiscard]] const std::vector<Site>& seen() const { return sites_; }

 private:
  static constexpr std::size_t kEntries = 1024;
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  struct Entry {
    const char* file = nullptr;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    SiteKind kind = SiteKind::kLoad;
    std::size_t number = 0;
  };

  const Entry& lookup(const Place& place, SiteKind kind, std::memory_order order) {
    std::size_t i =
        (place.line() * 31U + place.column() * 7U + static_cast<unsigned>(kind)) % kEntries;
    for (;; i = (i + 1) % kEntries) {
      Entry& entry = entries_[i];
      if (entry.file == nullptr) {
        entry = {place.file_name(), place.line(), place.column(), kind,
                 number_of(place, kind, order)};
        return entry;
      }
      if (entry.file == place.file_name() && entry.line == place.line() &&
          entry.column == place.column() && entry.kind == kind) {
        return entry;
      }
    }
  }

  std::size_t number_of(const Place& place, SiteKind kind, std::memory_order order) {
    const char* slash = std::strrchr(place.file_name(), '/');
    Site site;
    site.file = slash == nullptr ? place.file_name() : slash + 1;
    site.path = place.file_name();
    site.function = place.function_name();
    site.line = place.line();
    site.column = place.column();
    site.kind = kind;
    site.order = order;
    for (std::size_t i = 0; i < sites_.size(); ++i) {
      if (sites_[i].same_place(site)) return i;
    }
    sites_.push_back(site);
    return sites_.size() - 1;
  }

  bool watching_ = false;
  const Mutant* mutated_ = nullptr;
  std::size_t mutated_number_ = kNone;
  std::vector<Site> sites_;
  std::vector<Entry> entries_{kEntries};
};

}  // namespace ringway::model
