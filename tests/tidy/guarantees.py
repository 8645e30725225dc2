#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Did each test that docs/guarantees.md names run, and pass?

usage: guarantees.py ROOT BUILD

Runs as the last test of a ctest run and reads what ctest has written so far. A test ran if
GoogleTest said so ("[       OK ] name"); a skipped one did not. If only a part of the tests was
asked for (script/test -L ring), each named test must at least be known to ctest, and none may have
failed; if not all were built, nothing is said. That the links lead to these tests is checked by
`tidy.py docs`.
"""

import pathlib
import re
import sys

SKIPPED = 77
INCLUDED = re.compile(r'^include\("(.*)_include\.cmake"\)', re.M)
LINK = re.compile(r"\[([A-Z]\w+\.[A-Z]\w+)\]\([^)\s]*tests/[^)\s]+\)")
# By the filter, not by ctest's name, which leaves the suite out of typed tests.
ADDED = re.compile(r"--gtest_filter=([^\]\s\"]+)")
# Their output shows tests failing on purpose.
NEGATIVE = re.compile(r"^\d+/\d+ Testing: negative\..*?(?=^\d+/\d+ Testing: |\Z)", re.M | re.S)
RESULT = re.compile(r"^\[ +(OK|SKIPPED|FAILED) +\] (\S+?)(?:, where .*)? \(\d+ ms\)$", re.M)


def short(name):
    """Suite.Test of a full name such as Prefix/Suite/0.Test/Parameter or Suite.Test<Type>."""
    suite, _, test = name.partition(".")
    parts = [part for part in suite.split("/") if not part.isdigit()]
    return parts[-1] + "." + re.split(r"[/<]", test)[0]


def check(root, build):
    page = (root / "docs" / "guarantees.md").read_text(encoding="utf-8")
    named = sorted(set(LINK.findall(page)))

    known, executables = set(), 0
    for tests in build.glob("tests/**/CTestTestfile.cmake"):
        for included in INCLUDED.findall(tests.read_text(encoding="utf-8")):
            path = pathlib.Path(included + "_tests.cmake")
            if not path.exists():
                print(f"skipped: {path.name[:-len('[1]_tests.cmake')]} was not built")
                return SKIPPED
            executables += 1
            known.update(short(name) for name in ADDED.findall(path.read_text(encoding="utf-8")))
    logs = [build / "Testing" / "Temporary" / name for name in ("LastTest.log.tmp", "LastTest.log")]
    log = next((path for path in logs if path.exists()), None)
    text = log.read_text(encoding="utf-8", errors="replace") if log else ""
    results = {}
    for result, name in RESULT.findall(NEGATIVE.sub("", text)):
        results.setdefault(short(name), set()).add(result)

    whole = known <= set(results)
    wrong = 0
    for name in named:
        seen = results.get(name, set())
        if name not in known:
            sentence = "is not known to ctest"
        elif "FAILED" in seen:
            sentence = "failed"
        elif whole and "OK" not in seen:
            sentence = "was skipped"
        else:
            continue
        wrong += 1
        print(f"docs/guarantees.md: {name} {sentence}")
    ran = sum(1 for name in named if "OK" in results.get(name, ()))
    print(f"{len(named)} tests are named, {ran} of them ran and passed"
          + ("" if whole else "; only a part of all tests ran")
          + f"; {executables} executables know {len(known)} tests")
    if not named or not known:
        print("nothing was found to check")
        wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(check(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
