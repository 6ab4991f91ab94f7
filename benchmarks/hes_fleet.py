"""A fleet of simulated meters in a process of its own, for the hes.* benchmarks."""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

BENCH = os.environ["BUSBAR_BENCH"]
BUSBAR = os.environ.get("BUSBAR", os.path.join(os.path.dirname(BENCH), "busbar"))
NOW, DAY = "2026-03-05T06:00", "2026-03-04"
HLS, EK, AK = b"BUSBAR-SIM-HLS-1", b"BUSBAR-SIM-EK-01", b"BUSBAR-SIM-AK-01"


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"^VmRSS:\s+(\d+)", status.read(), re.M).group(1))


def core_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Fleet:
    def __init__(self, meters, *more, now=NOW, history=3):
        self.folder = tempfile.TemporaryDirectory(prefix="busbar-bench-fleet-")
        self.control = os.path.join(self.folder.name, "control")
        self.process = subprocess.Popen(
            [BUSBAR, "simulate", "--meters", str(meters), "--port", "0", "--period", "900", "--history", str(history),
             "--now", now, "--control", self.control, *more],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        said = ""
        for line in self.process.stdout:
            said += line
            if line.startswith("Stop with"):
                break
        found = re.search(r", port (\d+);", said)
        if not found:
            sys.exit(f"the simulator did not start: {said}")
        self.port = int(found.group(1))
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.folder.cleanup()


def host(index):
    number = 0x7F000001 + index
    return ".".join(str(number >> shift & 0xFF) for shift in (24, 16, 8, 0))
