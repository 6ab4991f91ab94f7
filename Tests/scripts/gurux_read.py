"""Reads one meter with the gurux-dlms client and prints what it saw as JSON.

A third party's view of a meter: nothing here knows how the meter was built. One JSON object on standard input says
where the meter is and which keys open it; one JSON object on standard output says what was read. Exit code 1 and a
message on standard error when reading failed.
"""
import datetime
import json
import socket
import sys

from gurux_dlms import GXByteBuffer, GXDateTime, GXDLMSException, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType, ObjectType, Security
from gurux_dlms.GXTimeZone import GXTimeZone
from gurux_dlms.objects import (
    GXDLMSClock, GXDLMSData, GXDLMSDisconnectControl, GXDLMSProfileGeneric, GXDLMSRegister)
from gurux_dlms.secure import GXDLMSSecureClient
TIMEOUT_S = 5
AUTHENTICATIONS = {
    "none": Authentication.NONE, "lls": Authentication.LOW, "hls-2": Authentication.HIGH,
    "hls-gmac": Authentication.HIGH_GMAC,
}


class Meter:
    def __init__(self, job):
        self.client = GXDLMSSecureClient(
            True, job["client"], 1, AUTHENTICATIONS[job["authentication"]],
            bytes.fromhex(job["secret"]), InterfaceType.WRAPPER)
        if job["encryptionKey"]:
            cipher = self.client.ciphering
            cipher.security = Security.AUTHENTICATION_ENCRYPTION
            cipher.systemTitle = bytes.fromhex(job["systemTitle"])
            cipher.blockCipherKey = bytes.fromhex(job["encryptionKey"])
            cipher.authenticationKey = bytes.fromhex(job["authenticationKey"])
            cipher.invocationCounter = job["invocationCounter"]
        self.address = (job["host"], job["port"])
        self.media = None
        self.exchanges = 0

    def send(self, data, reply):
        """One request and all octets of its answer; more requests while the answer has more blocks."""
        if not data:
            return
        notify = GXReplyData()
        received = GXByteBuffer()
        self.media.sendall(bytes(data))
        self.exchanges += 1
        while not self.client.getData(received, reply, notify):
            octets = self.media.recv(4096)
            if not octets:
                raise ConnectionError("the meter closed the connection")
            received.set(octets)
        if reply.error:
            raise GXDLMSException(reply.error)

    def ask(self, requests):
        reply = GXReplyData()
        for request in requests if isinstance(requests, list) else [requests]:
            reply.clear()
            self.send(request, reply)
            while reply.isMoreData():
                self.send(self.client.receiverReady(reply), reply)
        return reply

    def open(self):
        self.media = socket.create_connection(self.address, TIMEOUT_S)
        self.client.parseAareResponse(self.ask(self.client.aarqRequest()).data)
        if self.client.authentication > Authentication.LOW:
            reply = self.ask(self.client.getApplicationAssociationRequest())
            self.client.parseApplicationAssociationResponse(reply.data)

    def close(self):
        try:
            released = self.client.releaseRequest()
            if released:
                self.ask(released)
        finally:
            self.media.close()

    def read(self, item, attribute):
        """The raw value, and the object updated with it."""
        reply = self.ask(self.client.read(item, attribute))
        return reply.value, self.client.updateValue(item, attribute, reply.value)


def wall(value):
    """Wall clock of a stamp with its offset from UTC in minutes, whatever form the client chose."""
    stamp = value.value if isinstance(value, GXDateTime) else value
    return [stamp.strftime("%Y-%m-%dT%H:%M:%S"), int(stamp.utcoffset().total_seconds() // 60)]


def stamp(text, offset_minutes):
    moment = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S")
    return GXDateTime(moment.replace(tzinfo=GXTimeZone(offset_minutes)))


def read_registers(meter, names):
    registers = {}
    for name in names:
        register = GXDLMSRegister(name)
        meter.read(register, 3)
        raw, _ = meter.read(register, 2)
        scaler = 0
        while round(10 ** scaler, 9) != round(register.scaler, 9):
            scaler += -1 if register.scaler < 1 else 1
        registers[name] = {"raw": raw, "scaler": scaler, "unit": int(register.unit)}
    return registers


def read_block_load(meter, job):
    profile = GXDLMSProfileGeneric("1.0.99.1.0.255")
    meter.read(profile, 3)
    period, _ = meter.read(profile, 4)
    before = meter.exchanges
    reply = meter.ask(meter.client.readRowsByRange(
        profile, stamp(job["from"], job["offsetMinutes"]), stamp(job["to"], job["offsetMinutes"])))
    blocks = meter.exchanges - before
    meter.client.updateValue(profile, 2, reply.value)
    columns = [item[0].logicalName for item in profile.captureObjects]
    energy = columns.index("1.0.1.29.0.255")
    rows = [wall(row[0]) + [row[energy]] for row in profile.buffer]
    return {"columns": columns, "period": period, "rows": rows, "exchanges": blocks}


def read_by_entry(meter):
    profile = GXDLMSProfileGeneric("1.0.99.1.0.255")
    meter.read(profile, 3)
    reply = meter.ask(meter.client.readRowsByEntry(profile, 1, 3))
    meter.client.updateValue(profile, 2, reply.value)
    return [wall(row[0]) for row in profile.buffer]


def relay(meter):
    control = GXDLMSDisconnectControl("0.0.96.3.10.255")
    states = []

    def state():
        output, _ = meter.read(control, 2)
        logical, _ = meter.read(control, 3)
        states.append([bool(output), int(logical)])

    state()
    try:
        meter.ask(control.remoteDisconnect(meter.client))
        state()
        meter.ask(control.remoteReconnect(meter.client))
        state()
    except GXDLMSException as error:
        return {"states": states, "refused": str(error)}
    return {"states": states}


def read_list(meter):
    """Two attributes in one GET with a list."""
    items = [(GXDLMSData("0.0.96.1.0.255"), 2), (GXDLMSRegister("1.0.1.8.0.255"), 2)]
    values = []
    for request in meter.client.readList(items):
        reply = meter.ask(request)
        values += reply.value if isinstance(reply.value, list) else [reply.value]
    meter.client.updateValues(items, values)
    serial = items[0][0].value
    serial = bytes(serial).decode() if isinstance(serial, (bytes, bytearray)) else serial
    return [serial, None if items[1][0].value is None else str(items[1][0].value)]


def read_events(meter):
    log = GXDLMSProfileGeneric("0.0.99.98.6.255")
    meter.read(log, 3)
    meter.read(log, 2)
    return [int(row[1]) for row in log.buffer]


def set_clock(meter, text, offset_minutes):
    clock = GXDLMSClock()
    clock.time = stamp(text, offset_minutes)
    try:
        meter.ask(meter.client.write(clock, 2))
        return True
    except GXDLMSException:
        return False


def main():
    # The library prints notes of its own: standard output carries the result and nothing else.
    output, sys.stdout = sys.stdout, sys.stderr
    job = json.load(sys.stdin)
    meter = Meter(job)
    meter.open()
    result = {}
    try:
        clock, _ = meter.read(GXDLMSClock(), 2)
        result["clock"] = wall(meter.client.changeType(clock, 25))
        serial, _ = meter.read(GXDLMSData("0.0.96.1.0.255"), 2)
        result["serial"] = bytes(serial).decode()
        reply = meter.ask(meter.client.getObjectsRequest())
        objects = meter.client.parseObjects(reply.data, True)
        result["objects"] = [[int(item.objectType), item.logicalName] for item in objects]
        result["profiles"] = [item.logicalName for item in objects.getObjects(ObjectType.PROFILE_GENERIC)]
        result["registers"] = read_registers(meter, job["registers"])
        result["blockLoad"] = read_block_load(meter, job)
        result["firstEntries"] = read_by_entry(meter)
        result["relay"] = relay(meter)
        if "setClock" in job:
            result["list"] = read_list(meter)
            result["events"] = read_events(meter)
            result["clockSet"] = set_clock(meter, job["setClock"], job["offsetMinutes"])
    finally:
        meter.close()
    json.dump(result, output)


if __name__ == "__main__":
    main()
