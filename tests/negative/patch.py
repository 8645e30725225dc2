#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes copies of a few headers that can be told, at run time, to make a mistake.

usage: patch.py INCLUDE OUT

INCLUDE is Ringway's include folder; the copies go to OUT/ringway/..., to be found first. Nothing is
kept in two places: each patch names the statements that it replaces. Should they have changed, the
copy is made without the mistake, OUT/applied.hpp says so, and the test that wants it fails with that
sentence: mend the patch here.
"""

import pathlib
import re
import sys

SLIPS = "::ringway::negative::slips(::ringway::negative::Slip::%s)"

# (header, mistake, statements as they are, what takes their place; @ is the condition)
PATCHES = [
    ("ring/spsc_ring.hpp", "kPublishedFirst",
     """Memory::before_write(writer_.slot(), sizeof(T));
        writer_.slot()->construct(std::forward<Args>(args)...);
        writer_.publish(1);""",
     """auto* const place = writer_.slot();
        if (@) {
          writer_.publish(1);
          if constexpr (std::is_same_v<Memory, NativeMemory>) {
            for (int i = 0; i < 20; ++i) Memory::relax();
          }
        }
        Memory::before_write(place, sizeof(T));
        place->construct(std::forward<Args>(args)...);
        if (!@) writer_.publish(1);"""),
    ("ring/mpmc_ring.hpp", "kPublishedFirst",
     """Memory::before_write(&cell->element, sizeof(T));
        cell->element.construct(std::forward<Args>(args)...);
        cell->word.store(at + kFull, std::memory_order_release);""",
     """if (@) cell->word.store(at + kFull, std::memory_order_release);
        Memory::before_write(&cell->element, sizeof(T));
        cell->element.construct(std::forward<Args>(args)...);
        if (!@) cell->word.store(at + kFull, std::memory_order_release);"""),
    ("ring/lossy_broadcast_ring.hpp", "kNoSecondLook",
     "if (precedes(reader_.line_end(), published))",
     "if (!@ && precedes(reader_.line_end(), published))"),
    ("ring/broadcast_ring.hpp", "kPassedFirst",
     "if (helps(reader_, hands_back_)) hand_back(reader_);",
     """if (@) gate_.advance(reader_.position() + 1);
    if (helps(reader_, hands_back_)) hand_back(reader_);"""),
    ("channel/sender.hpp", "kWokenFirst",
     "if (closed_to_me() || !producer_.try_push(std::forward<U>(value))) {",
     """if (@) {
          core_->after_send(1);
          if (closed_to_me() || !producer_.try_push(std::forward<U>(value))) return false;
          ++sent_;
          return true;
        }
        if (closed_to_me() || !producer_.try_push(std::forward<U>(value))) {"""),
    ("base/sequence.hpp", "kRawComparison",
     "return static_cast<std::int64_t>(to - from);",
     """if (!std::is_constant_evaluated() && @ && to < from) return -1;
        return static_cast<std::int64_t>(to - from);"""),
]


def main():
    include, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    applied = []
    texts = {}
    for header, mistake, before, after in PATCHES:
        text = texts.get(header) or (include / "ringway" / header).read_text(encoding="utf-8")
        words = re.split(r"\s+", before.strip())
        match = re.search(r"\s+".join(re.escape(word) for word in words), text)
        if match:
            new = after.replace("@", SLIPS % mistake)
            text = text[:match.start()] + new + text[match.end():]
        applied.append((header, mistake, bool(match)))
        texts[header] = text
    for header, text in texts.items():
        text = text.replace("#pragma once\n",
                            "#pragma once\n#include <type_traits>\n"
                            '#include "tests/negative/slip.hpp"\n', 1)
        path = out / "ringway" / header
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    lines = [f'    {{"{header}", Slip::{mistake}, {str(done).lower()}}},\n'
             for header, mistake, done in applied]
    (out / "applied.hpp").write_text(
        "#pragma once\n#include \"tests/negative/slip.hpp\"\nnamespace ringway::negative {\n"
        "struct Patch {\n  const char* header;\n  Slip slip;\n  bool applied;\n};\n"
        "inline constexpr Patch kPatches[] = {\n" + "".join(lines)
        + "};\n}  // namespace ringway::negative\n", encoding="utf-8")


if __name__ == "__main__":
    main()
