#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Breaks each rule of tidy.py once and expects it to be found; keeps each and expects silence."""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import guarantees  # noqa: E402 (the path is set above)
import tidy  # noqa: E402

HEAD = """// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \\file
/// A header. Synchronisation: "published" producer -> consumer; "taken" consumer -> producer
"""


class House(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        self.write("include/ringway/base/sequence.hpp", HEAD)
        self.write("include/ringway/wait/futex.hpp", HEAD)

    def tearDown(self):
        self.folder.cleanup()

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def header(self, body, name="ring/a_ring.hpp"):
        self.write("include/ringway/" + name, HEAD + body)

    def findings(self, rule):
        checker = tidy.Tidy(self.root)
        getattr(checker, "check_" + rule)()
        return [sentence for _, _, sentence in checker.findings]

    def assert_clean(self, rule):
        self.assertEqual(self.findings(rule), [])

    def assert_finds(self, rule, part):
        findings = self.findings(rule)
        self.assertEqual(len(findings), 1, findings)
        self.assertIn(part, findings[0])


class Layers(House):
    def test_downward_include_is_allowed(self):
        self.header('#include <atomic>\n#include "ringway/base/sequence.hpp"\n')
        self.assert_clean("layers")

    def test_ring_may_not_wait(self):
        self.header('#include "ringway/wait/futex.hpp"\n')
        self.assert_finds("layers", "ring/ may not include ringway/wait/futex.hpp")

    def test_include_in_a_comment_does_not_count(self):
        self.header('// #include "ringway/wait/futex.hpp"\n')
        self.assert_clean("layers")

    def test_base_may_not_look_up(self):
        self.header('#include "ringway/wait/futex.hpp"\n', "base/up.hpp")
        self.assert_finds("layers", "base/ may not include")

    def test_ring_may_not_include_threads(self):
        for name in ("thread", "mutex", "chrono", "memory", "string", "iostream", "functional"):
            self.header(f"#include <{name}>\n")
            self.assert_finds("layers", f"<{name}>")

    def test_abseil_begins_at_the_bus(self):
        self.header('#include "absl/status/status.h"\n', "bus/bus.hpp")
        self.assert_clean("layers")
        self.header('#include "absl/status/status.h"\n', "channel/channel.hpp")
        self.assert_finds("layers", "Abseil begins at bus")

    def test_one_header_includes_concurrentqueue(self):
        self.header("#include <concurrentqueue/concurrentqueue.h>\n",
                    "channel/unbounded_channel.hpp")
        self.assert_clean("layers")
        self.header("#include <concurrentqueue/concurrentqueue.h>\n", "channel/channel.hpp")
        self.assert_finds("layers", "only channel/unbounded_channel.hpp")

    def test_kernel_headers_belong_to_wait_and_bus(self):
        self.header("#include <linux/futex.h>\n", "wait/kernel.hpp")
        self.assert_clean("layers")
        self.header("#include <linux/futex.h>\n", "channel/channel.hpp")
        self.assert_finds("layers", "<linux/futex.h>")

    def test_semaphores_are_refused_everywhere(self):
        self.header("#include <semaphore>\n", "bus/bus.hpp")
        self.assert_finds("layers", "event count")

    def test_missing_header_and_unknown_layer(self):
        self.header('#include "ringway/base/gone.hpp"\n')
        self.assert_finds("layers", "does not exist")
        self.header("", "ring/a_ring.hpp")
        self.header("", "attic/a.hpp")
        self.assert_finds("layers", "no layer is called attic/")


class Atomics(House):
    GOOD = """
struct Ring {
  void push() {
    word_.store(1, std::memory_order_release);  // release "published"
    // acquire "taken"
    while (taken_.load(
        std::memory_order_acquire) == 0) {}
  }
  void pop() {
    while (word_.load(std::memory_order_acquire) == 0) {}  // acquire "published"
    // relaxed: the owner's own word
    const int now = taken_.load(std::memory_order_relaxed);
    taken_.store(now + 1, std::memory_order_release);  // release "taken"
  }
  std::atomic<int> word_{0};
  typename Memory::template Atomic<int> taken_{0};
};
"""

    def test_good_header_is_clean(self):
        self.header(self.GOOD)
        self.assert_clean("atomics")

    def broken(self, old, new, part):
        self.assertIn(old, self.GOOD)
        self.header(self.GOOD.replace(old, new))
        self.assert_finds("atomics", part)

    def test_release_without_a_name(self):
        self.header(self.GOOD.replace('// release "taken"', "// wakes the producer"))
        findings = self.findings("atomics")
        self.assertTrue(any("a release operation needs" in found for found in findings), findings)
        self.assertTrue(any('"taken" has no release end' in found for found in findings), findings)

    def test_edge_without_another_end(self):
        self.header(self.GOOD.replace('acquire "taken"', 'acquire "published"'))
        self.assert_finds("atomics", '"taken" has no acquire end')

    def test_edge_that_nobody_declared(self):
        self.header(self.GOOD.replace('"published"', '"unheard of"'))
        findings = self.findings("atomics")
        self.assertEqual(len(findings), 2)
        self.assertIn("is not declared", findings[0])

    def test_relaxed_without_a_reason(self):
        self.broken("// relaxed: the owner's own word\n", "\n", "relaxed: reason")

    def test_order_that_is_not_spelled(self):
        self.broken("taken_.load(std::memory_order_relaxed)", "taken_.load()",
                    "load() does not spell")

    def test_operator_on_an_atomic(self):
        self.broken("    const int now", "    taken_++;\n    const int now",
                    "operator on the atomic taken_")

    def test_waiting_on_an_atomic(self):
        self.broken("    const int now", "    taken_.wait(0);\n    const int now",
                    "never with std::atomic::wait")

    def test_semaphore(self):
        self.header(self.GOOD + "std::counting_semaphore<1> sleepers{0};\n")
        self.assert_finds("atomics", "never with a semaphore")

    def test_seq_cst_names_two_locations(self):
        fence = "inline void f() { fence(std::memory_order_seq_cst); }"
        self.header(self.GOOD + fence + "  // seq_cst: store of word_ before load of sleepers_\n")
        self.assert_clean("atomics")
        self.header(self.GOOD + "\n\n" + fence + "\n")
        self.assert_finds("atomics", "names the two locations")

    def test_other_end_in_a_header_that_the_declaration_names(self):
        self.write("include/ringway/ring/a.hpp", HEAD.replace('"taken"', '"given" to ring/b.hpp')
                   + 'void f() { w.store(1, std::memory_order_release); }  // release "given"\n')
        self.assert_finds("atomics", '"given" has no acquire end')
        self.write("include/ringway/ring/b.hpp", HEAD.replace('"taken"', '"given" from ring/a.hpp')
                   + 'void g() { w.load(std::memory_order_acquire); }  // acquire "given"\n')
        self.assert_clean("atomics")


class Files(House):
    def test_good_header_is_clean(self):
        self.header("")
        self.assert_clean("files")

    def test_missing_parts_of_the_head(self):
        for line, part in ((0, "SPDX"), (1, "pragma once"), (2, "file comment")):
            lines = HEAD.split("\n")
            lines[line] = "//"
            self.write("include/ringway/ring/a_ring.hpp", "\n".join(lines))
            self.assert_finds("files", part)

    def test_long_line(self):
        self.header("//" + "x" * 98 + "\n")
        self.assert_clean("files")
        self.header("//" + "x" * 99 + "\n")
        self.assert_finds("files", "101 columns")

    def test_unfinished_work(self):
        self.header("// TO" + "DO: later\n")
        self.assert_finds("files", "finish it")


class Docs(House):
    def setUp(self):
        super().setUp()
        self.write("examples/one.cpp", "int main() {\n  // [ring]\n  int a = 1;\n\n    a = 2;\n"
                   "  // [/ring]\n}\n")
        self.write("docs/page.md", "# A page\n\n## What's *in* it\n")

    def test_links(self):
        self.write("README.md", "[a](docs/page.md) [b](docs/page.md#whats-in-it) "
                   "[c](https://example.org) `examples/one.cpp`\n")
        self.assert_clean("docs")
        self.write("README.md", "[a](docs/gone.md)\n")
        self.assert_finds("docs", "leads nowhere")
        self.write("README.md", "[a](docs/page.md#gone)\n")
        self.assert_finds("docs", "anchor #gone")
        self.write("README.md", "`examples/gone.cpp`\n")
        self.assert_finds("docs", "does not exist")

    def test_links_named_like_a_test(self):
        self.write("tests/ring/one_test.cpp", "TEST(One, HoldsTwo) {}\n")
        good = "It holds two. [One.HoldsTwo](../tests/ring/one_test.cpp)\n"
        self.write("docs/guarantees.md", good)
        self.assert_clean("docs")
        self.write("docs/guarantees.md", good.replace("HoldsTwo", "HoldsThree"))
        self.assert_finds("docs", "has no test One.HoldsThree")

    def test_guarantees_name_tests(self):
        self.write("tests/ring/one_test.cpp", "TEST(One, HoldsTwo) {}\n")
        link = "[One.HoldsTwo](../tests/ring/one_test.cpp)"
        good = (f"- It holds two, said on\n  two lines.\n  {link}\n- The same. {link}\n\nText.\n\n"
                "## Only claimed\n\n- It is fast.\n")
        self.write("docs/guarantees.md", good)
        self.assert_clean("docs")
        self.write("docs/guarantees.md", good.replace(f"\n  {link}", ""))
        self.assert_finds("docs", "name the test that would fail")
        self.write("docs/guarantees.md", good.replace(f" {link}\n\n", "\n\n"))
        self.assert_finds("docs", "name the test that would fail")
        self.write("docs/guarantees.md", good.replace("Only claimed", "Speed"))
        self.assert_finds("docs", "name the test that would fail")
        self.write("docs/guarantees.md", good + "\n## More\n\n- It is slow.\n")
        self.assert_finds("docs", "name the test that would fail")

    def test_snippets(self):
        good = ("<!-- snippet: examples/one.cpp#ring -->\n```cpp\nint a = 1;\n\n  a = 2;\n```\n")
        self.write("README.md", good)
        self.assert_clean("docs")
        self.write("README.md", good.replace("a = 2", "a = 3"))
        self.assert_finds("docs", "differs from the region")
        self.write("README.md", good.replace("#ring", "#rong"))
        self.assert_finds("docs", "has no lines between")
        self.write("README.md", good.replace("one.cpp", "two.cpp"))
        self.assert_finds("docs", "does not exist")
        self.write("README.md", good.split("\n", 1)[1])
        self.assert_finds("docs", "region of a compiled file")


class Guarantees(House):
    """guarantees.py, with a build folder as ctest and CMake leave it."""

    def setUp(self):
        super().setUp()
        self.write("docs/guarantees.md",
                   "- x. [Plain.Holds](../tests/a.cpp), [Typed.Holds](../tests/b.cpp)\n")
        self.write("build/tests/CTestTestfile.cmake",
                   f'include("{self.root}/build/tests/a_test[1]_include.cmake")\n')
        self.write("build/tests/a_test[1]_tests.cmake",
                   "add_test([=[ring.Plain.Holds]=]  a [==[--gtest_filter=Plain.Holds]==] b)\n"
                   "add_test([=[ring.P.Holds<One>]=]  a "
                   "[==[--gtest_filter=P/Typed/0.Holds/One]==] b)\n")

    def verdict(self, *log):
        self.write("build/Testing/Temporary/LastTest.log", "\n".join(log) + "\n")
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = guarantees.check(self.root, self.root / "build")
        return status, output.getvalue()

    def test_all_ran(self):
        status, text = self.verdict("[       OK ] Plain.Holds (0 ms)",
                                    "[       OK ] P/Typed/0.Holds/One (7 ms)")
        self.assertEqual(status, 0, text)
        self.assertIn("2 of them ran and passed", text)

    def test_one_was_skipped(self):
        status, text = self.verdict("[       OK ] Plain.Holds (0 ms)",
                                    "[  SKIPPED ] P/Typed/0.Holds/One (0 ms)")
        self.assertEqual(status, 1)
        self.assertIn("Typed.Holds was skipped", text)

    def test_one_failed_in_a_run_of_a_part(self):
        status, text = self.verdict("[  FAILED  ] Plain.Holds (0 ms)")
        self.assertEqual(status, 1)
        self.assertIn("Plain.Holds failed", text)

    def test_what_a_negative_test_shows_does_not_count(self):
        status, text = self.verdict("1/3 Testing: negative.Net.Catches",
                                    "[  FAILED  ] Plain.Holds (0 ms)",
                                    "2/3 Testing: ring.Plain.Holds",
                                    "[       OK ] Plain.Holds (0 ms)",
                                    "[       OK ] P/Typed/0.Holds/One (7 ms)")
        self.assertEqual(status, 0, text)

    def test_one_is_unknown(self):
        self.write("docs/guarantees.md", "- x. [Plain.Gone](../tests/a.cpp)\n")
        status, text = self.verdict("[       OK ] Plain.Holds (0 ms)")
        self.assertEqual(status, 1)
        self.assertIn("Plain.Gone is not known to ctest", text)

    def test_part_of_the_tests_is_enough_to_say_nothing(self):
        status, text = self.verdict("[       OK ] Plain.Holds (0 ms)")
        self.assertEqual(status, 0, text)
        self.assertIn("only a part", text)


if __name__ == "__main__":
    unittest.main()
