#!/usr/bin/env python3
"""Messages of IEC 61968-9 that Busbar writes, read by lxml and by Python's JSON, against the load file they came from.

Both forms are well-formed by parsers of others, in the right namespaces, and hold the same values, exactly; a second
site that takes the XML writes the same again.
Environment: BUSBAR, the program. Exit code 0 only when all agrees. The last line says what was compared.
"""
import csv
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from decimal import Decimal

from lxml import etree

HERE = os.path.dirname(os.path.abspath(__file__))
BUSBAR = os.path.abspath(os.environ.get("BUSBAR", os.path.join(HERE, "..", ".build", "debug", "busbar")))
MESSAGE = "{http://iec.ch/TC57/2011/schema/message}"
READINGS = "{http://iec.ch/TC57/2011/MeterReadings#}"
TYPE = "0.0.5.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0"


def say(folder, *words, status=0):
    done = subprocess.run([BUSBAR, *words, "--data", folder], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True)
    if done.returncode != status:
        sys.exit(f"busbar {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def load(path, first):
    """Writes a load file of two days for two meters whose names need care in XML. Returns its values."""
    values = {}
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "H1", "H&<2"])
        for slot in range(96):
            start = first + timedelta(minutes=30 * slot)
            row = [f"0.{100 + slot}", f"1.{slot:03}"]
            writer.writerow([start.isoformat() + "+05:30", *row])
            for name, value in zip(("H1", "H&<2"), row):
                values[name, start + timedelta(minutes=30)] = Decimal(value)
    return values


def read_xml(path):
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True)
    root = etree.parse(path, parser).getroot()
    assert root.tag == MESSAGE + "EventMessage", root.tag
    assert root.findtext(f"{MESSAGE}Header/{MESSAGE}Noun") == "MeterReadings"
    values = {}
    for reading in root.iter(READINGS + "MeterReading"):
        name = reading.findtext(f"{READINGS}Meter/{READINGS}Names/{READINGS}name")
        for block in reading.iter(READINGS + "IntervalBlocks"):
            assert block.find(READINGS + "ReadingType").get("ref") == TYPE
            for one in block.iter(READINGS + "IntervalReadings"):
                stamp = datetime.fromisoformat(one.findtext(READINGS + "timeStamp")).replace(tzinfo=None)
                values[name, stamp] = Decimal(one.findtext(READINGS + "value"))
    return values


def read_json(path):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    values = {}
    for record in document["records"]:
        stamp = datetime.fromisoformat(record["timestamp"]).replace(tzinfo=None)
        for one in record["registerValues"]:
            assert one["readingType"] == TYPE and one["unit"] == "Wh" and one["scalar"] == 3, one
            values[record["deviceId"], stamp] = Decimal(one["formattedValue"])
    return values


def export(folder, out, form):
    say(folder, "hes", "export", "--from", "2026-02-01", "--to", "2026-02-02", "--format", form, "--out", out)


def packs():
    """The rate file of the other oracle."""
    sys.path.insert(0, HERE)
    import check_api
    return check_api.PACKS


def main():
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/packs.json", "w", encoding="utf-8") as file:
            json.dump(packs(), file)
        values = load(f"{folder}/load.csv", datetime(2026, 2, 1))
        load(f"{folder}/other.csv", datetime(2026, 1, 1))
        for site, source in (("one", "load"), ("two", "other")):
            say(f"{folder}/{site}", "org", "add", "Ujjwal")
            say(f"{folder}/{site}", "place", "add", "Plant", "--kind", "plant")
            say(f"{folder}/{site}", "import", f"{folder}/{source}.csv", "--create-meters", "--pack",
                f"{folder}/packs.json")
        export(f"{folder}/one", f"{folder}/one.xml", "xml")
        export(f"{folder}/one", f"{folder}/one.json", "json")
        say(f"{folder}/two", "hes", "import", f"{folder}/one.xml")
        say(f"{folder}/two", "hes", "import", f"{folder}/one.json")
        export(f"{folder}/two", f"{folder}/two.xml", "xml")
        found = {"XML": read_xml(f"{folder}/one.xml"), "JSON": read_json(f"{folder}/one.json"),
                 "XML of the second site": read_xml(f"{folder}/two.xml")}
        for form, held in found.items():
            if held != values:
                sys.exit(f"{form}: {len(set(held.items()) ^ set(values.items()))} values differ from the load file")
    print(f"messages: {len(values)} values in XML (lxml) and JSON are those of the load file, there and back")


if __name__ == "__main__":
    main()
