#!/usr/bin/env python3
"""The peer of hes.read_gurux: the gurux-dlms client reads one day of each meter with as many threads as help it.

    hes_gurux.py PORT METERS THREADS YYYY-MM-DD      prints one JSON object
"""
import datetime
import json
import os
import queue
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../Tests/scripts"))
output, sys.stdout = sys.stdout, sys.stderr  # the library prints notes of its own

import gurux_read  # noqa: E402
from gurux_dlms import GXDateTime  # noqa: E402
from gurux_dlms.GXTimeZone import GXTimeZone  # noqa: E402
from gurux_dlms.objects import GXDLMSData, GXDLMSProfileGeneric  # noqa: E402


def host(index):
    number = 0x7F000001 + index
    return ".".join(str(number >> shift & 0xFF) for shift in (24, 16, 8, 0))


def meter(index, port, counter=None):
    ciphered = counter is not None
    return gurux_read.Meter({
        "host": host(index), "port": port, "client": 48 if ciphered else 16,
        "authentication": "hls-2" if ciphered else "none", "secret": b"BUSBAR-SIM-HLS-1".hex() if ciphered else "",
        "encryptionKey": b"BUSBAR-SIM-EK-01".hex() if ciphered else "",
        "authenticationKey": b"BUSBAR-SIM-AK-01".hex(), "systemTitle": b"BUSBAR02".hex(), "invocationCounter": counter})


def counter_of(index, port):
    public = meter(index, port)
    public.open()
    try:
        return public.read(GXDLMSData("0.0.43.1.3.255"), 2)[0]
    finally:
        public.close()


def columns_of(port):
    one = meter(0, port, counter_of(0, port) + 1)
    one.open()
    try:
        profile = GXDLMSProfileGeneric("1.0.99.1.0.255")
        one.read(profile, 3)
        return profile.captureObjects
    finally:
        one.close()


def read_day(index, port, columns, start, end):
    one = meter(index, port, counter_of(index, port) + 1)
    one.open()
    try:
        profile = GXDLMSProfileGeneric("1.0.99.1.0.255")
        profile.captureObjects = columns
        reply = one.ask(one.client.readRowsByRange(profile, start, end))
        one.client.updateValue(profile, 2, reply.value)
        energy = [item[0].logicalName for item in columns].index("1.0.1.29.0.255")
        return [row[energy] for row in profile.buffer]
    finally:
        one.close()


def main():
    port, meters, threads = (int(word) for word in sys.argv[1:4])
    day = datetime.datetime.strptime(sys.argv[4], "%Y-%m-%d")
    zone = GXTimeZone(330)
    start = GXDateTime((day + datetime.timedelta(seconds=1)).replace(tzinfo=zone))
    end = GXDateTime((day + datetime.timedelta(days=1)).replace(tzinfo=zone))
    # Columns are read once, of one meter: it need not learn them again.
    columns = columns_of(port)
    work, done, faults = queue.SimpleQueue(), [], []
    for index in range(meters):
        work.put(index)

    def run():
        while not faults:
            try:
                index = work.get_nowait()
            except queue.Empty:
                return
            try:
                done.append(read_day(index, port, columns, start, end))
            except Exception as error:  # told by main
                faults.append(f"meter {index}: {error!r}")

    wall, core = time.monotonic(), time.process_time()
    crew = [threading.Thread(target=run) for _ in range(threads)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    if faults:
        sys.exit(faults[0])
    json.dump({"meters": meters, "rows": sum(map(len, done)), "wh": sum(map(sum, done)),
               "wall_s": time.monotonic() - wall, "core_s": time.process_time() - core}, output)


main()
