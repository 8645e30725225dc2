#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the rules of the house that no compiler checks.

usage: tidy.py [--root DIRECTORY] RULE...

  layers    which header may include which (include/ringway/README.md)
  atomics   every atomic operation spells its order; every ordered one cites a named edge whose
            other end exists; every relaxed one says why; no std::atomic waiting, no semaphores
  files     licence line, include guard, file comment, line length, nothing left to do
  docs      links and paths in *.md lead somewhere; README's snippets are regions of compiled files;
            each item of docs/guarantees.md names a test, but for those under "Only claimed"
  format    clang-format has nothing to change (skipped, status 77, without clang-format 14)

Prints one line per finding, `path:line: what is wrong`, and exits with 1 if there was one.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys

SKIPPED = 77

# Layer -> layers whose headers it may include. Mirrors include/ringway/README.md.
LAYERS = {
    "base": {"base"},
    "wait": {"wait", "base"},
    "ring": {"ring", "base"},
    "channel": {"channel", "ring", "wait", "base"},
    "bus": {"bus", "channel", "ring", "wait", "base"},
    "shm": {"shm", "bus", "ring", "wait", "base"},
}
ABSEIL_LAYERS = {"bus", "shm"}
KERNEL_LAYERS = {"wait", "bus", "shm"}  # may include <linux/...>, <sys/...> and the like
PROCESSOR_HEADERS = {"base": {"immintrin.h"}}
UMBRELLA = "ringway.hpp"
UNBOUNDED = "channel/unbounded_channel.hpp"
ASYMMETRIC_FENCE = "base/asymmetric_fence.hpp"
# A ring never waits, never allocates by itself and runs no threads.
NOT_IN_RINGS = {"thread", "mutex", "chrono", "memory", "string", "iostream", "functional"}
NOWHERE = {"semaphore", "latch", "barrier"}


class Source:
    """One C++ file, taken apart: `code` and `comments` have the lines of `lines`, but each holds
    only its half; strings in `code` are empty."""

    def __init__(self, path, text):
        self.path = path
        self.lines = text.split("\n")
        code, comments = split_comments(text)
        self.code = code.split("\n")
        self.comments = comments.split("\n")
        self.joined_code = code

    def line_of(self, offset):
        """Index of the line in which the character at `offset` of joined_code lies."""
        return self.joined_code.count("\n", 0, offset)


TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<raw>R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)")
      | (?P<include>^[ \t]*\#[ \t]*include[^\n]*)
      | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<digits>\b\d(?:'?[0-9a-zA-Z.])*)
      | (?P<character>'(?:[^'\\\n]|\\.)+')""",
    re.VERBOSE | re.DOTALL | re.MULTILINE)


def blank(text):
    return re.sub(r"[^\n]", " ", text)


def split_comments(text):
    """(code, comments), each as long as `text`, with the other half blanked out."""
    code, comments, end = [], [], 0
    for match in TOKEN.finditer(text):
        between = text[end:match.start()]
        code.append(between)
        comments.append(blank(between))
        piece = match.group(0)
        kind = match.lastgroup
        if kind == "comment":
            code.append(blank(piece))
            comments.append(piece)
        elif kind in ("include", "digits"):
            code.append(piece)
            comments.append(blank(piece))
        else:
            code.append(blank(piece))
            comments.append(blank(piece))
        end = match.end()
    code.append(text[end:])
    comments.append(blank(text[end:]))
    return "".join(code), "".join(comments)


class Tidy:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.include = self.root / "include" / "ringway"
        self.findings = []

    def find(self, path, line, sentence):
        """`line` counts from 0."""
        self.findings.append((str(path.relative_to(self.root)), line + 1, sentence))

    def headers(self):
        for path in sorted(self.include.rglob("*.hpp")):
            yield Source(path, path.read_text(encoding="utf-8"))

    def own_files(self, *suffixes):
        """Files of the project with one of these suffixes; nothing built, nothing hidden."""
        for folder in ("include", "tests", "examples", "bench", "tools", "docs", "cmake", "script"):
            for path in sorted((self.root / folder).rglob("*")):
                if path.is_file() and path.suffix in suffixes:
                    yield path
        for path in sorted(self.root.glob("*")):
            if path.is_file() and path.suffix in suffixes:
                yield path

    # ---------------------------------------------------------------- layers

    def check_layers(self):
        include = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
        for source in self.headers():
            inside = source.path.relative_to(self.include)
            layer = inside.parts[0]
            if len(inside.parts) == 1:
                layer = None
                if inside.name != UMBRELLA:
                    self.find(source.path, 0, f"a header belongs to a layer; only {UMBRELLA} is "
                              "above them")
            elif layer not in LAYERS:
                self.find(source.path, 0, f"no layer is called {layer}/; see "
                          "include/ringway/README.md")
                continue
            for number, line in enumerate(source.code):
                match = include.match(line)
                if match:
                    self.check_include(source, number, layer, str(inside), *match.groups())

    def check_include(self, source, number, layer, inside, bracket, name):
        def wrong(sentence):
            self.find(source.path, number, sentence)

        parts = name.split("/")
        if parts[0] == "ringway":
            if bracket != '"':
                wrong(f"include Ringway's own headers with quotes: \"{name}\"")
            if not (self.root / "include" / name).is_file():
                wrong(f"{name} does not exist")
            elif layer is not None:
                if len(parts) == 2:
                    wrong(f"a layer may not include {name}, which includes the layer")
                elif parts[1] not in LAYERS[layer]:
                    wrong(f"{layer}/ may not include {name}: {layer}/ is built on "
                          + (", ".join(sorted(LAYERS[layer] - {layer})) or "nothing"))
        elif parts[0] == "absl":
            if layer not in ABSEIL_LAYERS:
                wrong(f"{name}: Abseil begins at " + ", ".join(sorted(ABSEIL_LAYERS)))
        elif name.endswith("concurrentqueue.h"):
            if inside != UNBOUNDED:
                wrong(f"{name}: only {UNBOUNDED} includes moodycamel::ConcurrentQueue")
        elif bracket == '"':
            wrong(f"\"{name}\": includes start at ringway/")
        elif name in NOWHERE:
            wrong(f"<{name}>: Ringway waits with its own event count only")
        elif "." in name:
            if inside == ASYMMETRIC_FENCE:
                return  # membarrier(2): the one system call that a ring's joining needs
            if layer not in KERNEL_LAYERS and name not in PROCESSOR_HEADERS.get(layer, ()):
                wrong(f"<{name}>: only " + ", ".join(sorted(KERNEL_LAYERS))
                      + " talk to the system")
        elif "/" in name:
            wrong(f"<{name}> is not of the standard library")
        elif layer in ("ring", "base") and name in NOT_IN_RINGS:
            wrong(f"<{name}>: a ring runs no thread, waits for nothing and allocates nothing by "
                  "itself")

    # --------------------------------------------------------------- atomics

    OPERATION = re.compile(
        r"(?:\.|->)\s*(load|store|exchange|compare_exchange_weak|compare_exchange_strong|"
        r"fetch_add|fetch_sub|fetch_or|fetch_and|fetch_xor|test_and_set)\s*\(")
    ORDER = re.compile(r"\bmemory_order(?:_|::)(relaxed|consume|acquire|release|acq_rel|seq_cst)\b")
    ATOMIC = re.compile(r"\b(?:Atomic|atomic)\s*<[^;(){}]*>\s*&?\s*(\w+)\s*(?=[;{=\[])")
    CITATION = re.compile(r'\b(release|acquire|acq_rel|seq_cst)\b((?:\s*(?:,|and)?\s*"[^"]+")+)')
    NAME = re.compile(r'"([^"]+)"')

    def check_atomics(self):
        sources = list(self.headers())
        cited = {}  # path -> {(end, edge name): line}
        declared = {}  # path -> (edge names, other headers named)
        for source in sources:
            self.check_spelling(source)
            cited[source.path] = self.check_citations(source)
            declared[source.path] = self.declarations(source)
        for source in sources:
            self.check_ends(source, cited, declared)

    def check_spelling(self, source):
        for match in self.OPERATION.finditer(source.joined_code):
            arguments = balanced(source.joined_code, match.end() - 1)
            if "memory_order" not in arguments and not re.search(r"\border\b", arguments):
                self.find(source.path, source.line_of(match.start()),
                          f"{match.group(1)}() does not spell its memory order")
        for name in set(self.ATOMIC.findall(source.joined_code)):
            for number, line in enumerate(source.code):
                if self.ATOMIC.search(line):
                    continue
                word = r"(?<![\w.>])" + name if name.endswith("_") else r"(?:\.|->)" + name
                if re.search(word + r"\s*(?:\+\+|--|[-+|&^]?=(?!=))", line) or \
                        re.search(r"(?:\+\+|--)\s*[\w.>\-]*\b" + name + r"\b", line):
                    self.find(source.path, number,
                              f"an operator on the atomic {name} does not spell its memory order")
                if re.search(r"\b" + name + r"\s*(?:\.|->)\s*(?:wait|notify_one|notify_all)\s*\(",
                             line):
                    self.find(source.path, number,
                              f"{name}: wait with an EventCount, never with std::atomic::wait")
        for number, line in enumerate(source.code):
            if re.search(r"\b(?:counting_semaphore|binary_semaphore|atomic_wait|atomic_notify_\w+)\b",
                         line):
                self.find(source.path, number, "wait with an EventCount, never with a semaphore or "
                          "std::atomic_wait")

    def check_citations(self, source):
        """Every order has its comment. \\return the ends that the comments cite."""
        ends = {}
        for match in self.ORDER.finditer(source.joined_code):
            order = match.group(1)
            number = source.line_of(match.start())
            first, last = statement_around(source, match.start())
            if "atomic_signal_fence" in "\n".join(source.code[first:last + 1]):
                continue  # orders the compiler alone, within one thread
            comment = comment_near(source, first, last)
            if order == "consume":
                self.find(source.path, number, "memory_order_consume: say acquire")
            elif order == "relaxed":
                if not re.search(r"\b[Rr]elaxed(?:, [\w ]+)?: *\S", comment):
                    self.find(source.path, number,
                              "a relaxed operation needs a comment `relaxed: reason`")
            elif order == "seq_cst":
                said = re.search(r"\bseq_cst\b(.*)", comment)
                if not said or not re.search(
                        r"\w.*(?:\band\b|\bthen\b|\bbefore\b|\bagainst\b|,).*\w", said.group(1)):
                    self.find(source.path, number, "a seq_cst operation needs a comment that names "
                              "the two locations: `seq_cst: X before Y`")
            else:
                wanted = {order, "acq_rel"} if order != "acq_rel" else {"acq_rel", "acquire",
                                                                       "release"}
                names = [(word, name) for word, quoted in self.CITATION.findall(comment)
                         for name in self.NAME.findall(quoted) if word in wanted]
                if not names:
                    self.find(source.path, number, f"a{'n' if order[0] == 'a' else ''} {order} "
                              f"operation needs a comment `{order} \"edge\"`")
                for word, name in names:
                    for end in ("acquire", "release") if word == "acq_rel" else (word,):
                        ends.setdefault((end, name), number)
            for word, quoted in self.CITATION.findall(comment):
                if word == "seq_cst" and order == "seq_cst":
                    for name in self.NAME.findall(quoted):
                        ends.setdefault(("acquire", name), number)
                        ends.setdefault(("release", name), number)
        return ends

    def declarations(self, source):
        names, others = set(), set()
        for block in comment_blocks(source):
            at = block.find("Synchronisation")
            if at >= 0:
                names.update(self.NAME.findall(block[at:]))
                others.update(re.findall(r"\b([\w/]+\.hpp)\b", block[at:]))
        return names, others

    def check_ends(self, source, cited, declared):
        ends = cited[source.path]
        names, others = declared[source.path]
        elsewhere = {end for path, found in cited.items() for end in found
                     if any(path.as_posix().endswith("/" + other) for other in others)}
        for (end, name), number in sorted(ends.items(), key=lambda item: item[1]):
            if name not in names:
                self.find(source.path, number, f'the edge "{name}" is not declared in a '
                          "*Synchronisation* block of this header")
            other = "release" if end == "acquire" else "acquire"
            if (other, name) not in ends and (other, name) not in elsewhere:
                self.find(source.path, number, f'the edge "{name}" has no {other} end here, nor in '
                          "a header that the *Synchronisation* block names")

    # ----------------------------------------------------------------- files

    def check_files(self):
        for source in self.headers():
            text = source.lines
            if "#pragma once" not in text[:3]:
                self.find(source.path, 1, "`#pragma once` belongs on the second line")
            if not any(line.startswith("/// \\file") for line in text[:6]):
                self.find(source.path, 2, "a file comment (`/// \\file`) belongs below "
                          "`#pragma once`")
        for path in self.own_files(".hpp", ".cpp"):
            lines = path.read_text(encoding="utf-8").split("\n")
            if lines[0] != "// SPDX-License-Identifier: Apache-2.0":
                self.find(path, 0, "the first line is `// SPDX-License-Identifier: Apache-2.0`")
            for number, line in enumerate(lines):
                if len(line) > 100:
                    self.find(path, number, f"{len(line)} columns; 100 are the limit")
        unfinished = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX)\b")
        for path in self.own_files(".hpp", ".cpp", ".md", ".cmake", ".txt", ".py", ""):
            for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")):
                if unfinished.search(line):
                    self.find(path, number, "finish it, or write an issue")

    # ------------------------------------------------------------------ docs

    TEST_LINK = re.compile(r"\[([A-Z]\w+)\.([A-Z]\w+)\]\(([^)\s]*tests/[^)\s]+)\)")
    LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
    PATH = re.compile(r"`((?:include|tests|examples|bench|docs|cmake|script)/[\w./-]+)`")

    def check_docs(self):
        for path in self.own_files(".md"):
            fenced = False
            for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")):
                if line.lstrip().startswith("```"):
                    fenced = not fenced
                if fenced:
                    continue
                for target in self.LINK.findall(line):
                    self.check_link(path, number, target)
                for suite, test, target in self.TEST_LINK.findall(line):
                    self.check_test(path, number, suite, test, target)
                for target in self.PATH.findall(line):
                    if not (self.root / target).exists():
                        self.find(path, number, f"{target} does not exist")
        readme = self.root / "README.md"
        if readme.is_file():
            self.check_snippets(readme)
        guarantees = self.root / "docs" / "guarantees.md"
        if guarantees.is_file():
            self.check_guarantees(guarantees)

    def check_guarantees(self, path):
        """Each item of a list, with the indented lines that belong to it, links a test."""
        claimed = False
        begin, item = 0, None
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n") + [""]):
            if item is not None and line.startswith("  "):
                item += "\n" + line
                continue
            if item is not None and not claimed and not self.TEST_LINK.search(item):
                self.find(path, begin, "name the test that would fail, as [Suite.Test](path), or "
                          "put this under \"Only claimed\"")
            begin, item = number, line if line.startswith("- ") else None
            if line.startswith("#"):
                claimed = line.lstrip("# ") == "Only claimed"

    def check_test(self, path, number, suite, test, target):
        """A link that is named like a test leads to the file that has the test."""
        file = path.parent / target
        pattern = rf"^(?:TYPED_)?TEST(?:_F|_P)?\(\s*{suite}\s*,\s*{test}\s*\)"
        if file.is_file() and not re.search(pattern, file.read_text(encoding="utf-8"), re.M):
            self.find(path, number, f"{target} has no test {suite}.{test}")

    def check_link(self, path, number, target):
        if re.match(r"[a-z]+:", target):
            return
        file_name, _, anchor = target.partition("#")
        file = path if file_name == "" else (path.parent / file_name)
        if not file.exists():
            self.find(path, number, f"the link leads nowhere: {target}")
        elif anchor and file.suffix == ".md" and anchor not in anchors(file):
            self.find(path, number, f"no heading makes the anchor #{anchor} in {file.name}")

    def check_snippets(self, path):
        lines = path.read_text(encoding="utf-8").split("\n")
        number = 0
        while number < len(lines):
            if lines[number].startswith("```cpp"):
                before = lines[number - 1] if number else ""
                last = lines.index("```", number + 1)
                match = re.fullmatch(r"<!-- snippet: ([^#\s]+)#([\w-]+) -->", before)
                if not match:
                    self.find(path, number, "C++ here is a region of a compiled file: put "
                              "`<!-- snippet: examples/file.cpp#region -->` on the line above")
                else:
                    self.check_snippet(path, number, lines[number + 1:last], *match.groups())
                number = last
            number += 1

    def check_snippet(self, path, number, snippet, file_name, name):
        file = self.root / file_name
        if not file.is_file():
            self.find(path, number, f"{file_name} does not exist")
            return
        wanted = region(file.read_text(encoding="utf-8"), name)
        if wanted is None:
            self.find(path, number, f"{file_name} has no lines between `// [{name}]` and "
                      f"`// [/{name}]`")
        elif wanted != snippet:
            self.find(path, number, f"the snippet differs from the region {name} of {file_name}, "
                      "which reads:\n" + "\n".join("    " + line for line in wanted))

    # ---------------------------------------------------------------- format

    def check_format(self):
        tool = shutil.which("clang-format-14") or shutil.which("clang-format")
        version = ""
        if tool:
            version = subprocess.run([tool, "--version"], capture_output=True, text=True,
                                     check=True).stdout
        if " 14." not in version:
            print("skipped: clang-format 14 is not installed (script/bootstrap check installs it)")
            return SKIPPED
        for path in self.own_files(".hpp", ".cpp"):
            done = subprocess.run([tool, "--style=file", "--dry-run", "--Werror", str(path)],
                                  cwd=self.root, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                lines = re.findall(r":(\d+):\d+: error", done.stderr) or ["1"]
                self.find(path, int(lines[0]) - 1, "clang-format would change this: "
                          f"clang-format -i {path.relative_to(self.root)}")
        return 0


def balanced(text, opening):
    """The text between the parenthesis at `opening` and its partner."""
    depth = 0
    for position in range(opening, len(text)):
        if text[position] == "(":
            depth += 1
        elif text[position] == ")":
            depth -= 1
            if depth == 0:
                return text[opening + 1:position]
    return text[opening + 1:]


def statement_around(source, offset):
    """First and last line of the statement at `offset`: from the last to the next of ; { } that
    stands outside parentheses."""
    text = source.joined_code
    depth, start = 0, offset
    while start > 0:
        character = text[start - 1]
        if character == ")":
            depth += 1
        elif character == "(":
            depth -= 1
        elif character in ";{}" and depth <= 0:
            break
        start -= 1
    depth, end = 0, offset
    while end < len(text):
        character = text[end]
        if character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif character in ";{}" and depth <= 0:
            break
        end += 1
    while start < offset and text[start].isspace():
        start += 1
    return source.line_of(start), source.line_of(min(end, len(text) - 1))


def comment_near(source, first, last):
    """The comments within a statement, on the two lines above it, and in the block that ends right
    above it."""
    top = max(first - 2, 0)
    above = first - 1
    while above >= 0 and source.code[above].strip() == "" and source.comments[above].strip():
        above -= 1
    top = min(top, above + 1)
    text = " ".join(line.strip().lstrip("/").strip() for line in source.comments[top:last + 1])
    return re.sub(r"\s+", " ", text)


def comment_blocks(source):
    """The text of each run of lines that hold nothing but a comment."""
    block = []
    for code, comment in zip(source.code, source.comments):
        if comment.strip() and not code.strip():
            block.append(comment.strip().lstrip("/").strip())
        elif block:
            yield " ".join(block)
            block = []
    if block:
        yield " ".join(block)


def anchors(path):
    """The anchors that the headings of a Markdown file make, as GitHub does it."""
    result = set()
    for line in path.read_text(encoding="utf-8").split("\n"):
        match = re.match(r"#+\s+(.*?)\s*$", line)
        if match:
            words = re.sub(r"[^\w\- ]", "", match.group(1).lower())
            result.add(words.replace(" ", "-"))
    return result


def region(text, name):
    """The lines between `// [name]` and `// [/name]`, moved to the left margin; None if there are
    none."""
    lines = text.split("\n")
    marks = [line.strip() for line in lines]
    try:
        first, last = marks.index(f"// [{name}]"), marks.index(f"// [/{name}]")
    except ValueError:
        return None
    inner = lines[first + 1:last]
    margin = min((len(line) - len(line.lstrip()) for line in inner if line.strip()), default=0)
    return [line[margin:] for line in inner]


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1][len("usage: "):])
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("rules", nargs="+",
                        choices=["layers", "atomics", "files", "docs", "format"])
    arguments = parser.parse_args()
    tidy = Tidy(arguments.root)
    statuses = [getattr(tidy, "check_" + rule)() for rule in arguments.rules]
    for path, line, sentence in sorted(set(tidy.findings)):
        print(f"{path}:{line}: {sentence}")
    if tidy.findings:
        return 1
    return SKIPPED if statuses == [SKIPPED] else 0


if __name__ == "__main__":
    sys.exit(main())
