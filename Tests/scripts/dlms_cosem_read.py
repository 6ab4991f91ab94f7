"""Reads one meter with the dlms-cosem client and prints what it saw as JSON: a second third party, see gurux_read.py.

Only what that library does: associations without authentication, with LLS and with GMAC in the ciphered context,
GET, GET in blocks, range access, SET, ACTION. It has no access by entry, an error answer leaves it stuck, it takes no
release response with user information, and its other HLS sends the secret in the clear; so none of these are asked.
"""
import datetime
import json
import sys

from dlms_cosem import cosem, enumerations
from dlms_cosem.client import DlmsClient
from dlms_cosem.cosem import selective_access
from dlms_cosem.io import BlockingTcpIO, TcpTransport
from dlms_cosem.parsers import ProfileGenericBufferParser
from dlms_cosem.security import (
    HighLevelSecurityGmacAuthentication, LowLevelSecurityAuthentication, NoSecurityAuthentication)
from dlms_cosem.utils import parse_as_dlms_data


def attribute(class_id, obis, number):
    return cosem.CosemAttribute(
        interface=enumerations.CosemInterface(class_id), instance=cosem.Obis.from_string(obis), attribute=number)


def main():
    output, sys.stdout = sys.stdout, sys.stderr
    job = json.load(sys.stdin)
    transport = TcpTransport(client_logical_address=job["client"], server_logical_address=1,
                             io=BlockingTcpIO(host=job["host"], port=job["port"]))
    secret, more = bytes.fromhex(job["secret"]), {}
    if job.get("encryptionKey"):
        authentication = HighLevelSecurityGmacAuthentication(challenge_length=16)
        more = {"encryption_key": bytes.fromhex(job["encryptionKey"]), "security_suite": 0,
                "authentication_key": bytes.fromhex(job["authenticationKey"]),
                "client_system_title": bytes.fromhex(job["systemTitle"]),
                # A new meter begins at 0, which the library takes for one it has seen.
                "meter_initial_invocation_counter": -1,
                "client_initial_invocation_counter": job["invocationCounter"]}
    else:
        authentication = LowLevelSecurityAuthentication(secret=secret) if secret else NoSecurityAuthentication()
    client = DlmsClient(transport=transport, authentication=authentication, **more)
    result = {}
    with client.session() as session:
        serial = parse_as_dlms_data(session.get(attribute(1, "0.0.96.1.0.255", 2)))
        result["serial"] = bytes(serial).decode() if isinstance(serial, (bytes, bytearray)) else serial
        result["register"] = parse_as_dlms_data(session.get(attribute(3, "1.0.1.8.0.255", 2)))
        zone = datetime.timezone(datetime.timedelta(minutes=job["offsetMinutes"]))
        # The library compares the stamps it sends as the meter's own.
        stamp = lambda text: datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=zone)
        clock = cosem.CosemAttribute(
            interface=enumerations.CosemInterface.CLOCK, instance=cosem.Obis.from_string("0.0.1.0.0.255"), attribute=2)
        chosen = selective_access.RangeDescriptor(
            restricting_object=selective_access.CaptureObject(cosem_attribute=clock, data_index=0),
            from_value=stamp(job["from"]), to_value=stamp(job["to"]), selected_values=None)
        rows = parse_as_dlms_data(session.get(attribute(7, "1.0.99.1.0.255", 2), access_descriptor=chosen))
        result["rows"] = [row[2] for row in rows]
        objects = parse_as_dlms_data(session.get(attribute(15, "0.0.40.0.0.255", 2)))
        result["objects"] = len(objects)
        if more:
            relay = attribute(70, "0.0.96.3.10.255", 3)
            act = lambda number: session.action(
                cosem.CosemMethod(enumerations.CosemInterface.DISCONNECT_CONTROL,
                                  cosem.Obis.from_string("0.0.96.3.10.255"), number), b"\x0f\x00")
            states = [parse_as_dlms_data(session.get(relay))]
            for number in (1, 2):
                act(number)
                states.append(parse_as_dlms_data(session.get(relay)))
            result["relay"] = states
            was = session.get(clock)
            session.set(clock, b"\x09\x0c" + bytes.fromhex(job["clock"]))
            result["clockChanged"] = session.get(clock) != was
    json.dump(result, output)


if __name__ == "__main__":
    main()
