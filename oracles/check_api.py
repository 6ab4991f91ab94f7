#!/usr/bin/env python3
"""Drives the API of a seeded server with schemathesis, once as every role: what is described is what happens.

A small installation is made by the commands of the house in a temporary folder, served on a free port, and every
operation of /openapi.json is called with data that fits and data that does not, as nobody, consumer, operator,
administrator and as a program with a key. What is checked, what is not and why stands in oracles/schemathesis.toml.
Environment: BUSBAR, the program; API_EXAMPLES, random cases an operation and role at most (2), on top of the
covering ones; API_SEED, what they are drawn from.
Exit code 0 only when nothing was found. The last line says what ran.
"""
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
BUSBAR = os.environ.get("BUSBAR", os.path.join(HERE, "../.build/debug/busbar"))
EXAMPLES = os.environ.get("API_EXAMPLES", "2")
SEED = os.environ.get("API_SEED", "20261121")
PASSWORD = "seven green tigers"
PACKS = {
    "format": 1, "sanctionedW": 2000,
    "base": {
        "format": 1, "id": "HOME", "version": 1, "name": "Home",
        "calendar": {"bands": [{"name": "normal", "ranges": [{"fromMinute": 0, "toMinute": 1440}]}]},
        "milliPaisePerKWh": {"normal": 600000}, "fixedPaisePerMonth": 11000, "fixedPaisePerKWPerMonth": 4000,
        "dutyPPM": 50000},
}
# Operations that would take the ground from under the run, and why.
LEFT_OUT = {
    "session.delete": "it ends the session that the run lives on; Tests/APITests calls it for every role",
}


def say(*arguments, folder):
    """Runs a command of the program on the installation and returns its standard output."""
    done = subprocess.run([BUSBAR, *arguments, "--data", folder + "/data"], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True)
    if done.returncode != 0:
        sys.exit(f"busbar {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
    return done.stdout.strip()


def seed(folder):
    """Companies, places, meters with three days of load, charges, a login of every role; returns the key."""
    load = [",".join(["interval_start_utc", "H1", "H2", "H3"])]
    for slot in range(3 * 48):
        stamp = f"2026-02-{1 + slot // 48:02}T{slot % 48 // 2:02}:{'30' if slot % 2 else '00'}:00Z"
        load.append(f"{stamp},0.{100 + slot % 50},0.{200 + slot % 7},0.3")
    for name, text in (("load.csv", "\n".join(load) + "\n"), ("packs.json", json.dumps(PACKS)),
                       ("password", PASSWORD + "\n")):
        with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    say("org", "add", "Ujjwal", folder=folder)
    plant = say("place", "add", "Plant", "--kind", "plant", folder=folder)
    feeder = say("place", "add", "Feeder", "--kind", "feeder", "--under", plant, folder=folder)
    say("import", f"{folder}/load.csv", "--create-meters", "--pack", f"{folder}/packs.json", folder=folder)
    say("rate", folder=folder)
    for name, role, more in (("consumer", "consumer", ["--account", "IMP-H1"]), ("operator", "operator", []),
                             ("administrator", "administrator", []), ("second", "administrator", []),
                             ("target", "operator", ["--place", feeder])):
        say("user", "add", name, "--role", role, *more, "--password-file", f"{folder}/password", folder=folder)
    may = ["accounts.read", "accounts.recharge", "meters.read", "meters.command", "settings.manage"]
    until = time.strftime("%Y-%m-%d", time.localtime(time.time() + 90 * 86400))
    return say("key", "add", "checker", "--until", until, *[word for one in may for word in ("--permission", one)],
               folder=folder)


def serve(folder):
    """Starts the server; returns the process and its address."""
    log = open(f"{folder}/serve.log", "w+", encoding="utf-8")
    process = subprocess.Popen(
        [BUSBAR, "serve", "--port", "0", "--data", folder + "/data"],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        env=os.environ | {f"BUSBAR_{name}_PER_MINUTE": "1000000" for name in ("READS", "WRITES", "HEAVY", "SIGN_INS")})
    for _ in range(300):
        with open(log.name, encoding="utf-8", errors="replace") as text:
            found = re.search(r"listens on (http://[^ /]+)/", text.read())
        if found:
            return process, found.group(1)
        if process.poll() is not None:
            break
        time.sleep(0.1)
    process.kill()
    sys.exit("the server did not start:\n" + open(log.name, encoding="utf-8").read()[-3000:])


def call(url, path, method="GET", body=None, token=None):
    headers = {"Content-Type": "application/json"} if body else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url + path, json.dumps(body).encode() if body else None, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def describe(url, folder, token):
    """The description as served, its examples of ids pointing to what is there. Returns its path and the number of
    operations."""
    document = call(url, "/openapi.json")
    account = call(url, "/api/v1/accounts?query=imp-h1", token=token)["items"][0]
    places = call(url, "/api/v1/places", token=token)["items"]
    logins = call(url, "/api/v1/logins", token=token)["items"]
    known = {
        "accountID": account["accountID"], "meterID": account["meterID"], "placeID": places[0]["placeID"],
        "parentID": places[0]["placeID"], "under": places[0]["placeID"], "day": "2026-02-01",
        "loginID": next(login["loginID"] for login in logins if login["username"] == "target"),
        "name": "supply.rules", "from": "2026-02-01", "to": "2026-02-03",
    }
    operations = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            operations.append(operation["operationId"])
            for parameter in operation.get("parameters", []):
                if parameter["name"] in known and "example" in parameter:
                    parameter["example"] = known[parameter["name"]]
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for name in content.get("example", {}):
                if name in ("accountID", "placeID", "parentID"):
                    content["example"][name] = known[name]
    unknown = set(LEFT_OUT) - set(operations)
    if unknown:
        sys.exit(f"left out, but not described: {unknown}")
    path = f"{folder}/openapi.json"
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file)
    return path, len(operations)


def attack(role, token, url, description, folder):
    """One run as a role. Returns its exit code, its words, and the number of cases."""
    report = f"{folder}/{role}.ndjson"
    command = [os.path.join(os.path.dirname(sys.executable), "schemathesis"), "--config-file",
               os.path.join(HERE, "schemathesis.toml"), "run", description, "--url", url, "--seed", SEED,
               "--max-examples", EXAMPLES, "--report", "ndjson", "--report-ndjson-path", report, "--no-color"]
    for name in LEFT_OUT:
        command += ["--exclude-operation-id", name]
    if token:
        command += ["-H", f"Authorization: Bearer {token}"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True, cwd=folder, capture_output=True)
    found = re.search(r"([\d,]+) (?:test cases )?generated", done.stdout)
    return done.returncode, done.stdout + done.stderr, int(found.group(1).replace(",", "")) if found else 0


def main():
    start = time.monotonic()
    failed, cases, lines = False, 0, []
    with tempfile.TemporaryDirectory(prefix="busbar-api-") as folder:
        key = seed(folder)
        process, url = serve(folder)
        try:
            tokens = {"nobody": None, "key": key}
            for role in ("consumer", "operator", "administrator"):
                answer = call(url, "/api/v1/session", "POST",
                              {"username": role, "password": PASSWORD, "use": "bearer"})
                tokens[role] = answer["token"]
            asked = call(url, "/api/v1/settings/payments.portal", "PUT", {"value": "demo"}, tokens["administrator"])
            second = call(url, "/api/v1/session", "POST",
                          {"username": "second", "password": PASSWORD, "use": "bearer"})["token"]
            call(url, f"/api/v1/requests/{asked['requestID']}/confirm", "POST", token=second)
            description, operations = describe(url, folder, tokens["administrator"])
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                runs = {role: pool.submit(attack, role, token, url, description, folder)
                        for role, token in tokens.items()}
                for role, run in runs.items():
                    code, words, count = run.result()
                    cases += count
                    if code != 0 or count == 0:
                        failed = True
                        print(f"--- as {role}\n{words}")
                    lines.append(f"{role} {count}")
            if process.poll() is not None:
                failed = True
                print(f"the server ended with {process.returncode}")
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                failed = True
                print("the server did not end within 60 s of SIGTERM")
        with open(f"{folder}/serve.log", encoding="utf-8", errors="replace") as log:
            text = log.read()
        secrets = [secret for secret in [PASSWORD, *filter(None, tokens.values())] if secret in text]
        if secrets:
            failed = True
            print(f"{len(secrets)} secrets stand in the log")
        if process.returncode not in (0, None):
            failed = True
            print(f"the server left with {process.returncode}")
    print(f"{cases} cases on {operations - len(LEFT_OUT)} operations as {len(lines)} roles ({', '.join(lines)}), "
          f"seed {SEED}, {time.monotonic() - start:.0f} s{': FAILED' if failed else ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
