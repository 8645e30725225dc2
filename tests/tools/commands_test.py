#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs each command of `ringway` against a bus between real processes, some of them dead, and against
files that are no segments. Output is parsed, not only the exit status looked at."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

TOOL = os.environ["RINGWAY_TOOL"]
MEMBER = os.environ["RINGWAY_BUS_MEMBER"]
SOURCE = pathlib.Path(os.environ["RINGWAY_SOURCE"])
HANG_S = float(os.environ.get("RINGWAY_HANG_S", "120"))


class Member:
    """A process on the bus."""

    def __init__(self, bed, participant, name="bus"):
        self.process = subprocess.Popen([MEMBER, bed.folder, name, participant],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        bed.members.append(self)
        self.expect_ok("start")

    def expect_ok(self, what):
        line = self.process.stdout.readline()
        if line != "ok\n":
            raise AssertionError(f"{what}: {line!r}")

    def say(self, *lines):
        for line in lines:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            self.expect_ok(line)

    def kill(self):
        self.process.kill()
        self.close()

    def stop(self):
        """Stops it; on return none of its threads runs any more."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def leave(self):
        self.process.stdin.close()
        self.process.wait(HANG_S)
        self.process.stdout.close()

    def close(self):
        self.process.stdin.close()
        self.process.wait(HANG_S)
        self.process.stdout.close()


class Bed(unittest.TestCase):
    """A folder of segments of its own."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="rw-tool-test-", dir="/dev/shm")
        self.members = []

    def tearDown(self):
        for member in self.members:
            if member.process.poll() is None:
                member.process.send_signal(signal.SIGCONT)
                member.process.kill()
                member.close()
        shutil.rmtree(self.folder)

    def path(self, name="bus"):
        return os.path.join(self.folder, "ringway-" + name)

    def run_tool(self, *words, status=0, folder=True):
        command = [TOOL, *words] + (["--folder", self.folder] if folder else [])
        done = subprocess.run(command, capture_output=True, text=True, timeout=HANG_S, check=False,
                              env={**os.environ, "TZ": "UTC"})
        self.assertEqual(done.returncode, status, f"{command}\n{done.stdout}\n{done.stderr}")
        for line in (done.stdout + done.stderr).splitlines():
            if not line.startswith("{"):
                self.assertLessEqual(len(line), 80, line)
                self.assertTrue(line.isprintable() or line == "", repr(line))
        return done

    def parsed(self, *words, status=0):
        return json.loads(self.run_tool(*words, "--json", status=status).stdout)

    def segment(self, name="bus"):
        return self.parsed("ls", name)["segments"][0]

    def eventually(self, ready):
        end = time.monotonic() + HANG_S
        while not ready():
            self.assertLess(time.monotonic(), end, "never came true")
            time.sleep(0.005)


def lane_of(segment, topic):
    return next(lane for lane in segment["lanes"] if lane["topic"] == topic)




class ToolLs(Bed):
    def test_ShowsWhoIsThereAndHowFarBehind(self):
        reader = Member(self, "reader")
        reader.say("hold", "subscribe")
        feed = Member(self, "feed")
        feed.say("publish 5", "family 3")
        reader.say("entered")
        bus = self.segment()
        self.assertEqual([(p["name"], p["alive"], p["pid"]) for p in bus["participants"]],
                         [("reader", True, reader.process.pid), ("feed", True, feed.process.pid)])
        self.assertEqual((bus["alive"], bus["dead"], bus["mode"]), (2, 0, "0600"))
        self.assertIn({"name": "md.ticks", "kind": "topic", "type_bytes": 24, "type_align": 8},
                      [{k: v for k, v in t.items() if k != "type"} for t in bus["topics"]])
        lane = lane_of(bus, "md.ticks")
        self.assertEqual((lane["published"], lane["capacity"], lane["behind"], lane["publisher"]),
                         (5, 64, 5, 1))
        self.assertEqual([(r["kind"], r["participant"], r["behind"]) for r in lane["readers"]],
                         [("reliable", 0, 5)])
        self.assertEqual(lane_of(bus, "md.family.>")["kind"], "family")
        self.assertEqual([s["pattern"] for s in bus["subscriptions"]], ["md.ticks"])
        text = self.run_tool("ls", "bus").stdout
        for wanted in ("0:reader", "1:feed", "md.ticks", "md.family.>", "reliable"):
            self.assertIn(wanted, text)
        reader.say("release")

    def test_ShowsTheObserversThatHoldALaneBack(self):
        feed = Member(self, "feed")
        feed.say("watched 1")
        watch = Member(self, "watch")
        watch.say("observe")
        lane = lane_of(self.segment(), "md.watched")
        self.assertEqual([(o["kind"], o["pid"]) for o in lane["observers"]],
                         [("unanswered", watch.process.pid)])
        end = time.monotonic() + HANG_S
        while lane["observers"][0]["kind"] != "reliable" and time.monotonic() < end:
            feed.say("watched 5")
            lane = lane_of(self.segment(), "md.watched")
        feed.say("watched 40")
        lane = lane_of(self.segment(), "md.watched")
        self.assertEqual(lane["observers"],
                         [{"kind": "reliable", "pid": watch.process.pid, "behind": 16}])
        self.assertEqual((lane["behind"], lane["capacity"]), (16, 16))
        wanted = f"observer, pid {watch.process.pid}"
        self.assertIn(wanted, self.run_tool("ls", "bus").stdout)
        top = self.run_tool("top", "bus", "-n", "1", "-i", "0.01").stdout
        row = next(line for line in top.splitlines() if line.startswith("md.watched"))
        self.assertTrue(row.endswith(wanted), row)
        watch.kill()
        self.assertEqual(lane_of(self.segment(), "md.watched")["observers"], [])

    def test_ListsAllSegmentsAlsoThoseThatAreRefused(self):
        Member(self, "one", "first")
        Member(self, "two", "second")
        with open(self.path("broken"), "wb") as file:
            file.write(b"x" * 8192)
        done = self.run_tool("ls", status=4)
        rows = {line.split()[0]: line.split()[-1] for line in done.stdout.splitlines()[1:]}
        self.assertEqual(rows["broken"], "refused")
        self.assertTrue(rows["first"] == rows["second"] == "use")
        self.assertIn("is not ready", done.stderr.replace("\n", " "))
        found = self.parsed("ls", status=4)["segments"]
        self.assertEqual([s["name"] for s in found], ["broken", "first", "second"])
        self.assertIn("error", found[0])
        self.assertEqual(found[1]["alive"], 1)

    def test_OfNothingSaysSo(self):
        self.assertIn("no segments", self.run_tool("ls").stdout)
        self.assertEqual(self.parsed("ls"), {"segments": [], "orphans": []})

    def test_NamesWhatThereIsInsteadOfWhatThereIsNot(self):
        Member(self, "one", "market-data")
        done = self.run_tool("ls", "market", status=3)
        self.assertIn("there are: market-data", done.stderr.replace("\n", " "))
        self.run_tool("top", "market", status=3)
        self.run_tool("tap", "market", ">", status=3)

    def test_TellsTheDeadFromTheStopped(self):
        dead = Member(self, "dead")
        stopped = Member(self, "stopped")
        stopped.process.send_signal(signal.SIGSTOP)
        dead.kill()
        bus = self.segment()
        self.assertEqual({p["name"]: p["alive"] for p in bus["participants"]},
                         {"dead": False, "stopped": True})
        self.assertIn("not cleaned up", self.run_tool("ls", "bus").stdout)

    def test_CorruptAndShortFilesAreRefused(self):
        Member(self, "one").say("publish 3")
        good = pathlib.Path(self.path()).read_bytes()
        for name, bytes_, why in (("half", good[:len(good) // 2], "truncated"),
                                  ("empty", b"", "fewer than any segment"),
                                  ("header", good[:16] + b"\0\0\0\0" + good[20:], "corrupt"),
                                  ("table", good[:4096] + b"\xff" * 8192 + good[12288:],
                                   "impossible")):
            pathlib.Path(self.path(name)).write_bytes(bytes_)
            done = self.run_tool("ls", name, status=4)
            self.assertIn(why, done.stderr.replace("\n", " "))


class ToolTop(Bed):
    def test_ShowsRatesDepthsAndWhoIsSlowest(self):
        reader = Member(self, "reader")
        reader.say("hold", "subscribe")
        feed = Member(self, "feed")
        feed.say("publish 8")
        reader.say("entered")
        command = [TOOL, "top", "bus", "-n", "40", "-i", "0.05", "--json", "--folder", self.folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as top:
            first = json.loads(top.stdout.readline())
            self.assertEqual((lane_of(first, "md.ticks")["depth"],
                              lane_of(first, "md.ticks")["rate"]), (8, 0))
            feed.say("publish 4")
            seen = [first] + [json.loads(line) for line in top.stdout]
        self.assertEqual(top.returncode, 0)
        self.assertEqual(len(seen), 40)
        moved = sum(lane_of(s, "md.ticks")["rate"] * s["seconds"] for s in seen)
        if lane_of(seen[-1], "md.ticks")["published"] == 12:
            self.assertAlmostEqual(moved, 4, places=2)
        lane = lane_of(seen[0], "md.ticks")
        self.assertEqual((lane["capacity"], lane["publisher"]), (64, 1))
        text = self.run_tool("top", "bus", "-n", "2", "-i", "0.01").stdout
        self.assertEqual(text.count("md.ticks"), 2)
        self.assertNotIn("\033", text)
        row = next(line for line in text.splitlines() if line.startswith("md.ticks")).split()
        self.assertEqual(row[-1], "0:reader")
        reader.say("release")

    def test_CountsWhatLossyReadersMissed(self):
        reader = Member(self, "reader")
        reader.say("hold", "lossy")
        feed = Member(self, "feed")
        feed.say("publish 1")
        reader.say("entered")
        feed.say("publish 1000")
        reader.say("release", "drained")

        def caught_up():
            lane = lane_of(self.parsed("top", "bus", "-n", "1", "-i", "0.01"), "md.ticks")
            found = lane["readers"][0]
            return found["kind"] == "lossy" and found["behind"] == 0 and lane["lost"] > 500

        self.eventually(caught_up)

    def test_EndsWhenTheBusDoes(self):
        one = Member(self, "one")
        top = subprocess.Popen([TOOL, "top", "bus", "-i", "0.01", "--folder", self.folder],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertIn("1 alive", top.stdout.readline())
        one.leave()
        out, error = top.communicate(timeout=HANG_S)
        self.assertEqual(top.returncode, 0)
        self.assertIn("the bus has ended", error)
        self.assertIn("0 alive", out)


class ToolTap(Bed):
    def messages(self, *words):
        done = self.run_tool("tap", "bus", *words, "--json")
        return [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    def test_ShowsBytesOfAnySizeInHex(self):
        feed = Member(self, "feed")
        feed.say("bytes 4")
        lane = lane_of(self.segment(), "md.bytes")
        self.assertEqual((lane["published"], lane["unit"], lane["capacity"], lane["behind"]),
                         (4, "byte", 65536, 0))
        seen, _ = self.messages("md.bytes", "--oldest", "-n", "4")
        self.assertEqual([m["sequence"] for m in seen], [0, 1, 2, 3])
        self.assertEqual([bytes.fromhex(m["hex"]) for m in seen], [b"", b"x", b"xx", b"xxx"])
        self.assertEqual({m["type"] for m in seen}, {"text/1"})
        text = self.run_tool("ls", "bus").stdout
        for wanted in ("md.bytes", "any", "text/1", "64 KiB"):
            self.assertIn(wanted, text)
        text = self.run_tool("tap", "bus", "md.bytes", "--oldest", "-n", "4").stdout
        self.assertIn("78 78 78", text)

    def test_ShowsWhatIsThereAndHoldsNobodyBack(self):
        feed = Member(self, "feed")
        feed.say("plain 5")
        before = pathlib.Path(self.path()).read_bytes()
        seen, _ = self.messages("md.plain", "--oldest", "-n", "5")
        self.assertEqual([m["sequence"] for m in seen], [0, 1, 2, 3, 4])
        self.assertEqual([m["topic"] for m in seen], ["md.plain"] * 5)
        for number, message in enumerate(seen):
            want = number.to_bytes(8, "little") + (2**64 - 1 - number).to_bytes(8, "little")
            self.assertEqual(bytes.fromhex(message["hex"]), want + b"hello\0\0\0")
        after = pathlib.Path(self.path()).read_bytes()
        changed = [i for i in range(0, len(before), 8) if before[i:i + 8] != after[i:i + 8]]
        self.assertLess(len(changed), 16)  # a dispatcher that sleeps counts; a reader would join
        self.assertEqual(lane_of(self.segment(), "md.plain")["readers"], [])
        tap = subprocess.Popen([TOOL, "tap", "bus", "md.plain", "--oldest", "--folder", self.folder,
                                "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        tap.stdout.readline()
        tap.send_signal(signal.SIGSTOP)  # a tap that stands still
        feed.say("plain 1000")
        self.assertEqual(lane_of(self.segment(), "md.plain")["published"], 1005)
        tap.send_signal(signal.SIGCONT)
        self.eventually(lambda: json.loads(tap.stdout.readline())["sequence"] == 1004)
        tap.send_signal(signal.SIGINT)
        _, error = tap.communicate(timeout=HANG_S)
        self.assertEqual(tap.returncode, 0)
        self.assertIn("overwritten before they were read", error.replace("\n", " "))

    def test_ShowsAllOfAPublisherThatTookTheLaneOfAnother(self):
        feed = Member(self, "feed")
        feed.say("plain 5")
        old = lane_of(self.segment(), "md.plain")
        tap = subprocess.Popen([TOOL, "tap", "bus", "md.plain", "--oldest", "--folder", self.folder,
                                "--json", "-n", "8"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
        first = [json.loads(tap.stdout.readline())["sequence"] for _ in range(5)]
        feed.say("again 3")
        new = lane_of(self.segment(), "md.plain")
        self.assertEqual((new["lane"], new["published"]), (old["lane"], 3))
        out, error = tap.communicate(timeout=HANG_S)
        self.assertEqual(tap.returncode, 0, error)
        self.assertEqual(first + [json.loads(line)["sequence"] for line in out.splitlines()],
                         [0, 1, 2, 3, 4, 0, 1, 2])

    def test_PatternsChooseTopicsAlsoOfFamilies(self):
        feed = Member(self, "feed")
        feed.say("publish 2", "family 2", "plain 2")
        seen, _ = self.messages("md.*", "--oldest", "-n", "4")
        self.assertEqual(sorted(m["topic"] for m in seen), ["md.plain"] * 2 + ["md.ticks"] * 2)
        seen, _ = self.messages("md.*.a", "--oldest", "-n", "2")
        self.assertEqual([(m["topic"], m["sequence"]) for m in seen],
                         [("md.family.a", 0), ("md.family.a", 1)])
        self.assertEqual(seen[1]["fields"], [1, 2**64 - 2, "hello"])
        self.assertEqual(len(seen[0]["hex"]), 48)  # without the number of its topic
        seen, error = self.messages("other.>", "--for", "0.05")
        self.assertEqual(seen, [])
        self.assertIn("the bus knows md.ticks", error.replace("\n", " "))
        self.assertEqual(self.run_tool("tap", "bus", "a..b", status=2).stdout, "")

    def test_HexIsReadable(self):
        Member(self, "feed").say("plain 1")
        text = self.run_tool("tap", "bus", ">", "--oldest", "--hex", "-n", "1").stdout
        self.assertRegex(text.splitlines()[0], r"^\d\d:\d\d:\d\d\.\d{6}  md\.plain  #0  lane 1  24 b")
        self.assertTrue(text.splitlines()[2].endswith("|hello...|"))
        text = self.run_tool("tap", "bus", ">", "--oldest", "-n", "1").stdout
        self.assertEqual(text.splitlines()[1], '  {0, 18446744073709551615, "hello"}')

    def test_GoesOnUntilTheBusEnds(self):
        feed = Member(self, "feed")
        feed.say("plain 1")
        tap = subprocess.Popen([TOOL, "tap", "bus", ">", "--oldest", "--json", "--folder",
                                self.folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
        self.assertEqual(json.loads(tap.stdout.readline())["sequence"], 0)
        feed.say("plain 1")
        self.assertEqual(json.loads(tap.stdout.readline())["sequence"], 1)
        feed.leave()
        _, error = tap.communicate(timeout=HANG_S)
        self.assertEqual(tap.returncode, 0)
        self.assertIn("the bus has ended", error)


class ToolGc(Bed):
    def test_RemovesWhatNobodyLivesIn(self):
        dead = Member(self, "feed")
        dead.say("publish 3")
        dead.kill()
        plan = self.parsed("gc", "--dry-run")
        self.assertTrue(plan["dry_run"] and plan["segments"][0]["removed"])
        self.assertTrue(os.path.exists(self.path()))
        done = self.parsed("gc")["segments"][0]
        self.assertEqual((done["name"], done["removed"]), ("bus", True))
        self.assertIn(f"0:feed (pid {dead.process.pid}) is dead: 1 lane closed", done["done"][0])
        self.assertEqual(os.listdir(self.folder), [])
        self.assertEqual(self.parsed("gc"), {"dry_run": False, "segments": []})

    def test_OwnSegmentsWithoutAControlSegmentGoWithTheirOwners(self):
        living = Member(self, "living")
        dead = Member(self, "dead")
        dead.say("publish 3")
        os.unlink(self.path())
        orphans = self.parsed("ls")["orphans"]
        self.assertEqual([(o["name"], o["alive"], o["dead"]) for o in orphans], [("bus", 2, 0)])
        self.assertEqual(sorted(os.path.join(self.folder, f) for f in os.listdir(self.folder)),
                         orphans[0]["paths"])
        living.stop()  # so that it does not do it itself
        dead.kill()
        self.assertIn("1 process alive", self.run_tool("ls").stdout.replace("\n", " "))
        self.assertIn("left alone: 1 owner alive", self.run_tool("gc").stdout)
        self.assertEqual(len(os.listdir(self.folder)), 2)
        living.kill()
        other = Member(self, "other")  # the name can be used again
        self.assertEqual(self.parsed("ls")["orphans"][0]["dead"], 2)
        self.assertIn("orphaned", self.run_tool("ls").stdout)
        self.assertIn("2 own segments without a control segment would be removed",
                      self.run_tool("gc", "--dry-run").stdout.replace("\n  ", " "))
        self.assertEqual(len(os.listdir(self.folder)), 4)
        done = self.parsed("gc")["segments"]
        self.assertEqual([(d["name"], d["removed"], d["buried"]) for d in done],
                         [("bus", False, 0), ("bus", True, 2)])
        self.assertEqual(self.parsed("ls")["orphans"], [])
        other.say("subscribe", "publish 2")
        other.leave()
        self.assertEqual(os.listdir(self.folder), [])

    def test_OrphansAreFoundByName(self):
        for name in ("bus", "other"):
            dead = Member(self, "feed", name)
            os.unlink(self.path(name))
            dead.kill()
        self.assertEqual([s["name"] for s in self.parsed("gc", "bus")["segments"]], ["bus"])
        self.assertEqual([o["name"] for o in self.parsed("ls")["orphans"]], ["other"])
        self.assertTrue(self.parsed("gc")["segments"][0]["removed"])
        self.assertEqual(os.listdir(self.folder), [])
        self.assertIn("there is no segment", self.run_tool("gc", "bus", status=3).stdout)

    def test_CleansUpAfterTheDeadAndLeavesTheLivingAlone(self):
        living = Member(self, "living")
        dead = Member(self, "dead")
        dead.say("subscribe", "publish 3")
        living.stop()  # so that it does not do it itself
        dead.kill()
        done = self.parsed("gc")["segments"][0]
        self.assertEqual((done["buried"], done["removed"]), (1, False))
        self.assertIn("1:dead", done["done"][0])
        bus = self.segment()
        self.assertEqual([(p["name"], p["alive"]) for p in bus["participants"]],
                         [("living", True)])
        self.assertEqual((bus["lanes"], bus["subscriptions"]), ([], []))
        living.process.send_signal(signal.SIGCONT)
        living.say("hold", "subscribe", "publish 2")
        self.assertEqual(lane_of(self.segment(), "md.ticks")["published"], 2)
        self.assertIn("nothing to do: 1 participant alive", self.run_tool("gc").stdout)
        living.say("release")

    def test_BrokenFilesGoOnlyWhenAskedAndOnlyIfNobodyIsAttached(self):
        pathlib.Path(self.path("broken")).write_bytes(b"x" * 8192)
        self.assertIn("gc --broken removes it", self.run_tool("gc", status=4).stdout)
        self.assertTrue(os.path.exists(self.path("broken")))
        self.assertTrue(self.parsed("gc", "--broken")["segments"][0]["removed"])
        self.assertFalse(os.path.exists(self.path("broken")))
        Member(self, "living")
        with open(self.path(), "r+b") as file:  # its header, behind its back
            file.write(b"\0" * 64)
        done = self.run_tool("gc", "--broken", "bus", status=4)
        self.assertIn("a process is attached to it", done.stdout.replace("\n  ", " "))
        self.assertTrue(os.path.exists(self.path()))

    def test_WaitsForNobodyWhoHoldsTheDirectoryForEver(self):
        dead = Member(self, "dead")
        living = Member(self, "living")
        living.stop()
        dead.kill()
        # this process holds the lock of the directory, as a participant that binds something
        holder = subprocess.Popen(
            [sys.executable, "-c",
             "import fcntl, os, struct, sys\n"
             f"fd = os.open({self.path()!r}, os.O_RDWR)\n"
             "lock = struct.pack('hhqqi', fcntl.F_WRLCK, os.SEEK_SET, 1 << 62, 1, 0)\n"
             "fcntl.fcntl(fd, 37, lock)\n"
             "print('ok', flush=True)\n"
             "sys.stdin.read()\n"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.assertEqual(holder.stdout.readline(), "ok\n")
        done = self.run_tool("gc", "bus", status=1)
        self.assertIn("is busy", done.stdout.replace("\n", " "))
        holder.communicate(timeout=HANG_S)
        self.assertEqual(self.parsed("gc", "bus")["segments"][0]["buried"], 1)


class ToolDoctor(Bed):
    def machine(self, **files):
        root = tempfile.mkdtemp(dir=self.folder)
        for path, text in files.items():
            file = pathlib.Path(root) / path.replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return root

    def findings(self, root):
        found = self.parsed("doctor", "--root", root)["findings"]
        return {f["topic"]: f for f in found}

    def test_FindsWhatCostsLatency(self):
        cpu = "sys__devices__system__cpu__"
        found = self.findings(self.machine(**{
            "proc__cpuinfo": "flags : fpu hypervisor\n",
            cpu + "cpu0__cpufreq__scaling_governor": "powersave\n",
            cpu + "cpu1__cpufreq__scaling_governor": "performance\n",
            cpu + "cpuidle__current_driver": "intel_idle\n",
            cpu + "cpu0__cpuidle__state0__latency": "0\n",
            cpu + "cpu0__cpuidle__state1__latency": "133\n",
            cpu + "cpu0__cpuidle__state1__name": "C6\n",
            cpu + "isolated": "\n",
            "sys__devices__system__clocksource__clocksource0__current_clocksource": "hpet\n",
            "sys__kernel__mm__transparent_hugepage__shmem_enabled": "always [never] deny\n",
            "sys__fs__cgroup__cpu.max": "50000 100000\n",
            "proc__sys__kernel__numa_balancing": "1\n",
            "sys__devices__system__node__online": "0-1\n",
        }))
        self.assertEqual({t for t, f in found.items() if f["level"] == "costs"} -
                         {"processors", "membarrier", "limits", "shared memory"},
                         {"hypervisor", "governor", "idle states", "clock", "quota", "balancing"})
        self.assertIn("performance, powersave", found["governor"]["what"])
        self.assertIn("cpupower", found["governor"]["advice"])
        self.assertIn("C6 needs 133 us", found["idle states"]["what"])
        self.assertEqual(found["huge pages"]["level"], "note")
        for finding in found.values():
            self.assertTrue(finding["advice"] or finding["level"] != "costs", finding)

    def test_IsContentWithAGoodMachine(self):
        cpu = "sys__devices__system__cpu__"
        root = self.machine(**{
            "proc__cpuinfo": "flags : fpu\n",
            cpu + "cpu0__cpufreq__scaling_governor": "performance\n",
            cpu + "isolated": "2-3\n",
            "sys__devices__system__clocksource__clocksource0__current_clocksource": "tsc\n",
            "sys__kernel__mm__transparent_hugepage__shmem_enabled": "always [advise] never\n",
            "sys__fs__cgroup__cpu.max": "max 100000\n",
        })
        found = self.findings(root)
        for topic in ("hypervisor", "governor", "isolation", "clock", "huge pages", "quota"):
            self.assertEqual(found[topic]["level"], "fine", found[topic])

    def test_TellsWhoDecidesOnHugePages(self):
        device = os.stat("/dev/shm").st_dev
        setting = "sys__kernel__mm__transparent_hugepage__shmem_enabled"
        mount = (f"25 22 {os.major(device)}:{os.minor(device)} / /dev/shm rw - "
                 "tmpfs tmpfs rw,size=64m")

        def found(shmem, options):
            root = self.machine(**{setting: shmem + "\n",
                                   "proc__self__mountinfo": mount + options + "\n"})
            return self.findings(root)["huge pages"]
        neither = found("always advise [never] deny", "")
        self.assertEqual(neither["level"], "note")
        self.assertIn("gets none (/dev/shm: huge=never; shmem_enabled: never)", neither["what"])
        self.assertIn("remount,huge=advise /dev/shm", neither["advice"])
        nameless = found("always [advise] never deny", "")
        self.assertEqual(nameless["level"], "note")
        self.assertIn("named buses get none (/dev/shm: huge=never)", nameless["what"])
        named = found("always advise [never] deny", ",huge=advise")
        self.assertEqual(named["level"], "fine")
        self.assertIn("named buses may get them (/dev/shm: huge=advise)", named["what"])
        self.assertEqual(found("always advise never [deny]", ",huge=advise")["level"], "note")
        self.assertEqual(found("always [advise] never deny", ",huge=always")["level"], "fine")

    def test_StrictTellsByItsStatus(self):
        root = self.machine(proc__cpuinfo="flags : hypervisor\n")
        text = self.run_tool("doctor", "--root", root).stdout
        self.assertRegex(text, r"(?m)^costs  hypervisor: ")
        self.assertRegex(text, r"(?m)^ {7}-> ")
        self.run_tool("doctor", "--root", root, "--strict", status=5)

    def test_LooksAtThisMachine(self):
        found = self.parsed("doctor")
        topics = [f["topic"] for f in found["findings"]]
        for topic in ("processors", "shared memory", "membarrier", "limits"):
            self.assertIn(topic, topics)
        self.assertEqual(found["costs"], sum(f["level"] == "costs" for f in found["findings"]))


class ToolBench(Bed):
    def test_ChecksEveryMessage(self):
        done = self.run_tool("bench", "--ms", "5", "--json", folder=False)
        result = json.loads(done.stdout)
        self.assertTrue(result["quick"])
        rows = {row["row"]: row for row in result["rows"]}
        self.assertEqual(list(rows), ["line_rtt", "ring_rtt", "ring_8", "ring_64", "bus_rtt",
                                      "bus_64"])
        for row in rows.values():
            self.assertTrue(row["right"], row)
            self.assertGreater(row["checked"], 4)
            self.assertTrue(0 < row["min"] <= row["median"] <= row["max"], row)
        self.assertIn("to_line", rows["ring_rtt"])

    def test_SaysThatItIsQuick(self):
        first = str(min(os.sched_getaffinity(0)))
        text = self.run_tool("bench", "--ms", "1", "--cpus", f"{first},{first}", folder=False).stdout
        self.assertIn("A quick look", text)
        self.assertIn("script/bench", text)
        self.assertIn("one processor only", text.replace("\n", " "))
        self.run_tool("bench", "--cpus", "4095,0", folder=False, status=2)


class ToolItself(Bed):
    def test_MistakesAreTold(self):
        for words in ((), ("frobnicate",), ("ls", "--frobnicate"), ("top",), ("tap", "bus"),
                      ("top", "bus", "-i", "0"), ("bench", "--cpus", "0")):
            done = subprocess.run([TOOL, *words], capture_output=True, text=True, check=False,
                                  timeout=HANG_S)
            self.assertEqual(done.returncode, 2, words)
            self.assertNotEqual(done.stderr, "")
        self.run_tool("--help", folder=False)
        for command in ("ls", "top", "tap", "gc", "doctor", "bench"):
            self.assertIn("--json", self.run_tool(command, "--help", folder=False).stdout)

    def test_OutputThatCannotBeWrittenIsAFailure(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([TOOL, "doctor"], stdout=full, check=False, timeout=HANG_S)
        self.assertEqual(done.returncode, 1)

    def test_ManPageNamesEveryOptionAndIsClean(self):
        page = (SOURCE / "docs" / "man" / "ringway.1").read_text(encoding="utf-8")
        for command in ("ls", "top", "tap", "gc", "doctor", "bench"):
            text = self.run_tool(command, "--help", folder=False).stdout
            for word in text.replace(",", " ").split():
                if word.startswith("--"):
                    self.assertIn(word.replace("-", "\\-"), page)
        groff = shutil.which("groff")
        if groff is None:
            return
        done = subprocess.run([groff, "-man", "-ww", "-z", "-Tutf8",
                               str(SOURCE / "docs" / "man" / "ringway.1")],
                              capture_output=True, text=True, check=False, timeout=HANG_S)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_BashCompletesCommandsOptionsAndSegments(self):
        Member(self, "one", "market-data")
        script = SOURCE / "tools" / "ringway" / "completion" / "ringway"

        def complete(*words):
            quoted = " ".join(f"'{word}'" for word in words)
            done = subprocess.run(
                ["bash", "-c", f". '{script}'; COMP_WORDS=({quoted}); "
                 f"COMP_CWORD={len(words) - 1}; _ringway; printf '%s\\n' \"${{COMPREPLY[@]}}\""],
                capture_output=True, text=True, check=True, timeout=HANG_S)
            return done.stdout.split()

        self.assertEqual(complete("ringway", "t"), ["top", "tap"])
        self.assertEqual(complete("ringway", "gc", "--b"), ["--broken"])
        self.assertEqual(complete("ringway", "ls", "--folder", self.folder, "mar"), ["market-data"])
        for command in ("ls", "top", "tap", "gc", "doctor", "bench"):
            text = self.run_tool(command, "--help", folder=False).stdout
            options = {w for line in text.splitlines() if line.startswith("  -")
                       for w in line.replace(",", " ").split() if w.startswith("--")}
            self.assertEqual(set(complete("ringway", command, "--")), options)


if __name__ == "__main__":
    unittest.main()
