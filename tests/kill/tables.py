#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts what the tests of this folder counted into docs/verification.md.

usage: tables.py LOG PAGE

LOG is the output of `ctest --verbose -L '^kill$'` (script/check kill); PAGE's part between
`<!-- kills -->` and `<!-- end of kills -->` is replaced.
"""

import datetime
import pathlib
import re
import sys

BEGIN, END = "<!-- kills -->\n", "<!-- end of kills -->"
TEST = re.compile(r"^ *Start +(\d+): kill\.(\w+)\.(\w+)", re.M)
BUS = re.compile(r"^\d+: (\d+) kills under load: (\d+) messages committed, (\d+) requests "
                 r"answered, (\d+) lost, (\d+) torn, (\d+) out of order$", re.M)
RECOVERIES = re.compile(r"^\d+: recoveries of a ([a-z ]+), ms:looks((?: [\d.]+:\d+)+)$", re.M)
STEPPED_TEST = re.compile(r"^ *Start +(\d+): shm\.(SteppedBus|KilledAtEvery16thInstruction)"
                          r"\.(\w+)(?:/(Killed|Stopped)\b)?", re.M)
STEPPED = re.compile(r"^(\d+): ([a-z' ]+): (\d+) instructions, killed (?:or stopped )?"
                     r"at (\d+) places$", re.M)
OPENERS = re.compile(r"^\d+: two openers: (\d+) rounds, (\d+) made by the first, (\d+) by the "
                     r"second, (\d+) failures$", re.M)
COMPILER = re.compile(r"^\d+: built with (.+)$", re.M)
ROW = re.compile(r"^(\d+): \| ([^|]+) \| ([^|]+) \|((?: \d+ \|){10})$", re.M)
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


def stepped(log):
    """Operations of a shared bus that were stepped, each with how its process was struck: a list of
    (operation, how, instructions, places)."""
    tests = {int(number): (suite, how) for number, suite, _, how in STEPPED_TEST.findall(log)}
    found = {}
    for number, operation, instructions, places in STEPPED.findall(log):
        if int(number) not in tests:  # of another folder
            continue
        suite, how = tests[int(number)]
        instructions, places = int(instructions), int(places)
        every = 1 if suite == "SteppedBus" else 16
        if places != (instructions - 1) // every + 2:  # each of them, and behind the operation
            raise SystemExit(f"tables.py: \"{operation}\" was struck at {places} places of "
                             f"{instructions} instructions: was it with RINGWAY_KILLS=10000?")
        found[int(number)] = (operation, how or "Killed", instructions, places)
    without = sorted(set(tests) - set(found))
    if without:
        raise SystemExit(f"tables.py: tests {without} stepped the shared bus without saying where")
    return [found[number] for number in sorted(found)]


def stepped_table(found):
    # Between two processes that wait for each other the number of instructions may vary.
    operations = {}
    for operation, how, instructions, places in found:
        lengths, struck = operations.setdefault(operation, ([], {}))
        if instructions not in lengths:
            lengths.append(instructions)
        struck[how] = struck.get(how, 0) + places
    lines = ["| operation | instructions | places killed at | places stopped at |",
             "|---|---|---|---|"]
    for operation, (lengths, struck) in operations.items():
        cells = [operation, " or ".join(f"{length:,}" for length in sorted(lengths))]
        cells += [f"{struck[how]:,}" if how in struck else "" for how in ("Killed", "Stopped")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def two_openers(log):
    """What two processes found that opened a name at the same instant."""
    parts = OPENERS.findall(log)
    rounds, first, second, failures = map(sum, zip(*(map(int, part) for part in parts)))
    if failures == 0 and first + second != rounds:
        raise SystemExit("tables.py: a round of two openers without its creator")
    return ("Two processes that open a name at the same instant:\n\n"
            "| rounds | made by the first | made by the second | failures |\n|---|---|---|---|\n"
            f"| {rounds:,} | {first:,} | {second:,} | {failures:,} |\n")


SAMPLE = """
      Start 136: shm.KilledAtEvery16thInstruction.CreatorLeavesNothing
136: create: 33 instructions, killed at 4 places
      Start 140: shm.SteppedBus.PublisherPublishesOrDoesNot/Killed  # GetParam() = 1
140: publish: 1072 instructions, killed or stopped at 1073 places
      Start 141: shm.SteppedBus.PublisherPublishesOrDoesNot/Stopped  # GetParam() = 2
141: publish: 1070 instructions, killed or stopped at 1071 places
      Start 150: suspend.SuspendedBus.IsNotAsked
150: receive: 7 instructions, killed or stopped at 8 places
      Start 160: shm.SegmentHome.TwoOpenersAtTheSameInstantMeet
160: two openers: 10000 rounds, 5001 made by the first, 4999 by the second, 0 failures
"""
SAMPLE_STEPPED = """\
| operation | instructions | places killed at | places stopped at |
|---|---|---|---|
| create | 33 | 4 |  |
| publish | 1,070 or 1,072 | 1,073 | 1,071 |
"""


def refuses(read_it, log):
    try:
        read_it(log)
    except SystemExit:
        return True
    return False


def self_check():
    """Reads a small log, and ones that lack something."""
    ok = (stepped_table(stepped(SAMPLE)) == SAMPLE_STEPPED
          and two_openers(SAMPLE).endswith("| 10,000 | 5,001 | 4,999 | 0 |\n")
          and refuses(stepped, SAMPLE.replace("1073 places", "12 places"))
          and refuses(stepped, SAMPLE.replace("136: create", "create"))
          and refuses(two_openers, SAMPLE.replace("4999", "4998")))
    if not ok:
        raise SystemExit("tables.py: it does not read its own sample as it should")


def text_of(log, date):
    rows = read(log)

    def those(*suites):
        return [row for row in rows if row[0] in suites]

    killed = those("KillAtEveryInstruction", "KilledReader", "KilledLossyReader",
                   "KillBehindASharedWord")
    claimants = those("KilledClaimant")
    stopped = those("StopAtEveryInstruction", "StoppedJoiner", "StoppedLossyReader",
                    "StoppedLossyPublisher", "StopBehindASharedWord")
    random = those("KillAtRandom")
    copies = those("KillTestItself", "StopTestItself")
    bus_steps = stepped(log)
    compilers = sorted(set(COMPILER.findall(log)))
    for part in (killed, claimants, stopped, random, copies, BUS.findall(log), bus_steps,
                 OPENERS.findall(log), compilers):
        if not part:
            raise SystemExit("tables.py: the log lacks a part: was it ctest --verbose -L '^kill$'?")
    boundaries = sum(row[3]["boundaries"] for row in killed)
    steps = max(map(int, STEPS.findall(log)))
    stops = sum(row[3]["boundaries"] for row in stopped)
    kills = sum(row[3]["boundaries"] for row in random)
    messages = sum(row[3]["messages"] for row in random)
    bus_kills = sum(places for _, how, _, places in bus_steps if how == "Killed")
    bus_stops = sum(places for _, how, _, places in bus_steps if how == "Stopped")
    harm = ("torn", "lost", "jams", "leaks")
    return "\n".join([
        f"By `script/check kill`, {date}, {' and '.join(compilers)}.\n",
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
        f"Processes of a shared bus killed at {bus_kills:,} places, and stopped and sent on at "
        f"{bus_stops:,}:\n",
        stepped_table(bus_steps),
        shared_bus(log),
        two_openers(log),
        "Copies of a ring, one of each pair with a slip:\n",
        table(("ring", "killed or stopped in", "boundaries", "torn"), ("boundaries", "torn"),
              copies),
    ])


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    self_check()
    path = pathlib.Path(sys.argv[1])
    log = path.read_text(encoding="utf-8", errors="replace")
    date = datetime.date.fromtimestamp(path.stat().st_mtime).isoformat()
    page = pathlib.Path(sys.argv[2])
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"tables.py: {page} has no place for the tables of kills")
    text = text_of(log, date)
    page.write_text(before + begin + "\n" + text + "\n" + end + after, encoding="utf-8")


if __name__ == "__main__":
    main()
