#!/usr/bin/env python3
"""Reliability indices of lists of outages, as Busbar and as reliability_oracle.py reckon them, figure by figure.

A list made here (planned and momentary outages, one that goes on, one over midnight and one over a change of the clock)
with two thresholds, and a watched outage map of a network where the data is there.
Environment: BUSBAR, the program; BUSBAR_DATA, where data/ lies (default ../shared). Exit code 0 only when all agrees.
The last line says what was compared.
"""
import os
import random
import re
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta

HERE = os.path.dirname(os.path.abspath(__file__))
BUSBAR = os.path.abspath(os.environ.get("BUSBAR", os.path.join(HERE, "..", ".build", "debug", "busbar")))
DATA = os.path.join(os.environ.get("BUSBAR_DATA", os.path.join(HERE, "..", "..", "shared")), "data")
WATCHED = os.path.join(DATA, "outages-ausgrid-fy24", "ausgrid_unplanned_2023-07_2024-06.csv.gz")


def made(path):
    chance = random.Random(5)
    start = datetime(2025, 1, 3, 4, 5)
    with open(path, "w", encoding="utf-8") as file:
        file.write("id,start,end,customers,planned\n")
        for number in range(400):
            start += timedelta(minutes=chance.randrange(30, 2600))
            minutes = chance.choice([1, 3, 5, 6, 40, 90, 700, 2000])
            end = start + timedelta(minutes=minutes)
            file.write(f"{number},{start:%Y-%m-%dT%H:%M:%S}Z,{end:%Y-%m-%dT%H:%M:%S}Z,"
                       f"{chance.choice([1, 7, 120, 4000])},{'yes' if number % 9 == 0 else 'no'}\n")
    return path


def compare(path, *words):
    """Returns how many figures were compared; ends when one differs."""
    document = subprocess.run([BUSBAR, "reliability", "--in", path, *words, "--json"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
    if document.returncode not in (0, 3):
        sys.exit(f"busbar reliability ended with {document.returncode}: {document.stderr}")
    oracle = subprocess.run([sys.executable, os.path.join(HERE, "reliability_oracle.py"), path, *words, "--check", "-"],
                            input=document.stdout, capture_output=True, text=True)
    found = re.match(r"(\d+) figures compared", (oracle.stdout.strip().splitlines() or [""])[-1])
    if oracle.returncode != 0 or found is None or int(found[1]) == 0:
        sys.exit(f"{os.path.basename(path)} {' '.join(words)} differs:\n{oracle.stdout}{oracle.stderr}")
    return int(found[1])


def main():
    figures, lists = 0, 0
    with tempfile.TemporaryDirectory(prefix="busbar-reliability-") as folder:
        path = made(os.path.join(folder, "outages.csv"))
        for words in (["--customers", "9000"],
                      ["--customers", "9000", "--threshold-min", "1", "--zone", "Europe/London"],
                      ["--customers", "9000", "--from", "2025-02-10", "--to", "2025-05-09"]):
            figures, lists = figures + compare(path, *words), lists + 1
    if os.path.exists(WATCHED):
        figures, lists = figures + compare(WATCHED, "--customers", "1800000", "--zone", "Australia/Sydney"), lists + 1
    else:
        print(f"no {WATCHED}: the watched map was not compared; set BUSBAR_DATA")
    print(f"{figures} figures of {lists} lists agree")


main()
