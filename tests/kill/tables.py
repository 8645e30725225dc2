#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts what the tests of this folder counted into docs/verification.md.

usage: tables.py LOG PAGE

LOG is the output of `ctest --verbose -L '^kill$'` (script/check kill); PAGE's part between
`<!-- kills -->` and `<!-- end of kills -->` is replaced.
"""

import pathlib
import re
import sys

BEGIN, END = "<!-- kills -->\n", "<!-- end of kills -->"
TEST = re.compile(r"^ *Start +(\d+): kill\.(\w+)\.(\w+)", re.M)
BUS = re.compile(r"^\d+: (\d+) kills under load: (\d+) messages committed, (\d+) requests "
                 r"answered, (\d+) lost, (\d+) torn, (\d+) out of order$", re.M)
RECOVERIES = re.compile(r"^\d+: recoveries of a ([a-z ]+), ms:looks((?: [\d.]+:\d+)+)$", re.M)
ROW = re.compile(r"^(\d+): \| ([A-Za-z ]+) \| ([^|]+) \|((?: \d+ \|){10})$", re.M)
MESSAGES = re.compile(r"^(\d+): (\d+) messages$", re.M)
STEPS = re.compile(r"^\d+: survivor's next operation: at most (\d+) instructions$", re.M)
# The numbers of a row, in the order in which Tally::print writes them.
COLUMNS = ("boundaries", "none", "part", "all", "again", "along", "torn", "lost", "jams", "leaks")


def read(log):
    """(suite, ring, operation, numbers) of each row, once, in the order of the tests."""
    suites = {int(number): suite for number, suite, _ in TEST.findall(log)}
    found = {}
    for number, ring, operation, cells in ROW.findall(log):
        if int(number) not in suites:  # of another folder
            continue
        numbers = dict(zip(COLUMNS, map(int, re.findall(r"\d+", cells))))
        found[int(number), ring, operation] = (suites[int(number)], ring, operation, numbers)
    messages = {int(number): int(count) for number, count in MESSAGES.findall(log)}
    rows = [found[key] for key in sorted(found, key=lambda key: key[0])]
    for (number, _, _), row in found.items():
        row[3]["messages"] = messages.get(number, 0)
    return rows


def table(head, columns, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for _, ring, operation, numbers in rows:
        cells = [ring, operation] + [f"{numbers[column]:,}" for column in columns]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def shared_bus(log):
    """What happened when processes of a shared bus were killed at random."""
    kills, messages, answers, lost, torn, swapped = map(
        sum, zip(*(map(int, part) for part in BUS.findall(log))))
    recoveries = {}
    for who, pairs in RECOVERIES.findall(log):
        recoveries.setdefault(who, []).extend(
            (float(ms), int(looks)) for ms, looks in (pair.split(":") for pair in pairs.split()))
    if kills != sum(map(len, recoveries.values())):
        raise SystemExit("tables.py: kills of the shared bus without their recoveries")
    head = ("killed", "kills", "median, ms", "99 %, ms", "longest, ms", "longer than 100 ms",
            "most looks")
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for who, all_of in list(recoveries.items()) + [("any", sum(recoveries.values(), []))]:
        times = sorted(ms for ms, _ in all_of)
        cells = [who, f"{len(times):,}", f"{times[(len(times) - 1) // 2]:.1f}",
                 f"{times[(len(times) - 1) * 99 // 100]:.1f}", f"{times[-1]:.1f}",
                 f"{sum(ms > 100 for ms in times):,}", f"{max(looks for _, looks in all_of):,}"]
        lines.append("| " + " | ".join(cells) + " |")
    return (f"Processes of a shared bus killed {kills:,} times at random, while {messages:,} "
            f"messages were committed and {answers:,} requests answered: {lost:,} lost, {torn:,} "
            f"torn, {swapped:,} out of order. Until the others had cleaned up:\n\n"
            + "\n".join(lines) + "\n")


def text_of(log):
    rows = read(log)

    def those(*suites):
        return [row for row in rows if row[0] in suites]

    killed = those("KillAtEveryInstruction", "KilledReader", "KilledLossyReader")
    claimants = those("KilledClaimant")
    stopped = those("StopAtEveryInstruction", "StoppedJoiner", "StoppedLossyReader",
                    "StoppedLossyPublisher")
    random = those("KillAtRandom")
    copies = those("KillTestItself", "StopTestItself")
    for part in (killed, claimants, stopped, random, copies, BUS.findall(log)):
        if not part:
            raise SystemExit("tables.py: the log lacks a part: was it ctest --verbose -L '^kill$'?")
    boundaries = sum(row[3]["boundaries"] for row in killed)
    steps = max(map(int, STEPS.findall(log)))
    stops = sum(row[3]["boundaries"] for row in stopped)
    kills = sum(row[3]["boundaries"] for row in random)
    messages = sum(row[3]["messages"] for row in random)
    harm = ("torn", "lost", "jams", "leaks")
    return "\n".join([
        f"Killed at {boundaries:,} boundaries; a survivor's next operation took at most {steps} "
        "instructions.\n",
        table(("ring", "killed in", "boundaries", "no effect", "in part", "all of it", "again",
               "taken along", "torn", "lost", "jams", "left to vacate"), COLUMNS, killed),
        "Rings that claim first and publish later:\n",
        table(("ring", "killed in", "boundaries") + harm, ("boundaries",) + harm, claimants),
        f"Stopped at {stops:,} boundaries, and sent on:\n",
        table(("ring", "stopped in", "boundaries", "torn", "lost", "jams"),
              ("boundaries", "torn", "lost", "jams"), stopped),
        f"Killed {kills:,} times at random, while {messages:,} messages went through:\n",
        table(("ring", "killed at", "kills", "messages", "again", "taken along", "torn", "lost",
               "jams"),
              ("boundaries", "messages", "again", "along", "torn", "lost", "jams"), random),
        shared_bus(log),
        "Copies of a ring, one of each pair with a slip:\n",
        table(("ring", "killed or stopped in", "boundaries", "torn"), ("boundaries", "torn"),
              copies),
    ])


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    log = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8", errors="replace")
    page = pathlib.Path(sys.argv[2])
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"tables.py: {page} has no place for the tables of kills")
    page.write_text(before + begin + "\n" + text_of(log) + "\n" + end + after, encoding="utf-8")


if __name__ == "__main__":
    main()
