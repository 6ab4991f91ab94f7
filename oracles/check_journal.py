#!/usr/bin/env python3
"""The double-entry book, added up by hledger and by ledger: every balance Busbar keeps is what they make of its export.

A small company in a temporary folder: recharges and an adjustment by way of the API, rated days of meters whose names
need care, hours that were estimated and then came (reversal and repost). The book is exported while the server runs.
hledger and ledger compute the balance of every account, hledger also what rests on estimates and that no tag was torn;
the CSV sums to zero in every entry and says the same postings. Then a paisa is changed in the export and it must show.
Environment: BUSBAR, the program. Exit code 0 only when all agrees. The last line says what was compared.
"""
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from decimal import Decimal

from check_api import PACKS, PASSWORD, call, say, serve

DAYS, SLOTS = 20, 48
NAMES = ["H1", "H 2", "* H;3:[2020-01-01]|%", "(घर) 4"]
MISSING = ("H 2", 14)  # three hours of this day come later


def fail(text):
    sys.exit(f"journal: {text}")


def load(path, names, days):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["interval_start_utc", *names])
        for day in days:
            for slot in range(SLOTS):
                stamp = f"2026-02-{day + 1:02}T{slot // 2:02}:{'30' if slot % 2 else '00'}:00Z"
                writer.writerow([stamp, *["" if (name, day) == MISSING and 20 <= slot < 26 and len(days) > 1 else
                                          f"0.{100 + (slot * 7 + day * 31 + NAMES.index(name) * 13) % 400}"
                                          for name in names]])


def seed(folder):
    with open(f"{folder}/packs.json", "w", encoding="utf-8") as file:
        json.dump(PACKS, file)
    with open(f"{folder}/password", "w", encoding="utf-8") as file:
        file.write(PASSWORD + "\n")
    load(f"{folder}/load.csv", NAMES, range(DAYS))
    load(f"{folder}/late.csv", [MISSING[0]], [MISSING[1]])
    say("org", "add", "Ujjwal", "--zone", "UTC", folder=folder)
    say("place", "add", "Plant", "--kind", "plant", folder=folder)
    pack = f"{folder}/packs.json"
    say("import", f"{folder}/load.csv", "--zone", "UTC", "--create-meters", "--pack", pack, folder=folder)
    say("rate", "--estimate", folder=folder)
    guessed = balances(folder)
    say("import", f"{folder}/late.csv", "--zone", "UTC", folder=folder)
    say("rate", folder=folder)
    for name in ("asha", "badal"):
        say("user", "add", name, "--role", "administrator", "--password-file", f"{folder}/password", folder=folder)
    return guessed


def balances(folder):
    lines = say("journal", "balances", "--json", folder=folder).splitlines()
    return {row["account"]: row for row in map(json.loads, lines)}


def pay(url, token, path, reference, body):
    request = urllib.request.Request(
        url + path, json.dumps(body).encode(), method="POST",
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}", "Idempotency-Key": reference})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def move_money(url):
    token = call(url, "/api/v1/session", "POST", {"username": "asha", "password": PASSWORD, "use": "bearer"})["token"]
    accounts = call(url, "/api/v1/accounts", token=token)["items"]
    for number, account in enumerate(accounts):
        path = f"/api/v1/accounts/{account['accountID']}/recharges"
        body = {"amountPaise": 50_001 + number * 7, "method": "upi"}
        for turn in range(2):
            if pay(url, token, path, f"payment-{number}", body) != 201:
                fail("a recharge, or its repetition, was not taken")
        if pay(url, token, path, f"payment-{number}", {**body, "amountPaise": 50_000}) != 409:
            fail("a reference used for another amount was taken")
    path = f"/api/v1/accounts/{accounts[0]['accountID']}/adjustments"
    if pay(url, token, path, "adjustment-1", {"amountPaise": -1_303, "reason": "meter exchanged late"}) != 202:
        fail("an adjustment did not wait for a second person")
    second = call(url, "/api/v1/session", "POST", {"username": "badal", "password": PASSWORD, "use": "bearer"})["token"]
    waiting = call(url, "/api/v1/requests", token=second)["items"]
    call(url, f"/api/v1/requests/{waiting[0]['requestID']}/confirm", "POST", token=second)
    listed = call(url, "/api/v1/journal/balances?limit=200", token=token)["items"]
    return {row["account"]: row["debitBalancePaise"] for row in listed}


def paise(text):
    return int((Decimal(text) * 100).to_integral_exact())


def by_hledger(path, *query):
    done = subprocess.run(["hledger", "-f", path, "balance", "--flat", "--no-total", "--empty", "-O", "csv", *query],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise ValueError(done.stderr)
    rows = list(csv.reader(done.stdout.splitlines()))[1:]
    return {name: paise(re.sub(r"INR|[\s,]", "", amount)) for name, amount in rows}


def by_ledger(path):
    done = subprocess.run(
        ["ledger", "-f", path, "balance", "--flat", "--no-total", "--empty", "--balance-format",
         "%(account)\t%(quantity(display_total))\n"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise ValueError(done.stderr)
    found = {}
    for line in done.stdout.splitlines():
        name, amount = line.split("\t")
        found[name.strip()] = paise(amount.replace(",", ""))
    return found


def differences(path, kept):
    """What the two programs make of the export that is not what Busbar keeps."""
    wrong = []
    for tool, compute in (("hledger", by_hledger), ("ledger", by_ledger)):
        try:
            found = compute(path)
        except ValueError as error:
            wrong.append(f"{tool}: {str(error).strip().splitlines()[0]}")
            continue
        for account in sorted(set(found) | set(kept)):
            if found.get(account, 0) != kept.get(account, 0) or (account in found) != (account in kept):
                wrong.append(f"{tool}: {account} is {found.get(account)}, kept {kept.get(account)}")
    return wrong


def check_csv(text, kept):
    """Returns its rows. Every entry sums to zero, and the accounts to their balances."""
    rows = list(csv.DictReader(text.splitlines()))
    entries, accounts = {}, {}
    for row in rows:
        if None in row or None in row.values():
            fail(f"a row of the CSV has another number of cells: {row}")
        entries.setdefault(row["entry"], []).append(paise(row["amount"]))
        accounts[row["account"]] = accounts.get(row["account"], 0) + paise(row["amount"])
    unbalanced = [entry for entry, amounts in entries.items() if sum(amounts) != 0]
    if unbalanced or accounts != kept:
        fail(f"the CSV: entries {unbalanced} do not sum to zero, or accounts differ: "
             f"{set(accounts.items()) ^ set(kept.items())}")
    return rows


def check_tags(path, rows):
    """hledger finds the kinds, marks and both days that the CSV has."""
    wanted = {
        "kind=rating": sum(row["kind"] == "rating" for row in rows),
        "estimated=yes": sum(row["estimated"] == "yes" for row in rows),
        "what=reversal": sum(row["what"] == "reversal" for row in rows),
        "supply-day=2026-02-15": sum(row["supply_day"] == "2026-02-15" for row in rows),
        "revision=2": sum(row["revision"] == "2" for row in rows),
        "key=recharge:upi:payment-1$": sum(row["key"] == "recharge:upi:payment-1" for row in rows),
        "posted=T": len(rows),
    }
    for tag, count in wanted.items():
        done = subprocess.run(["hledger", "-f", path, "register", "-O", "csv", f"tag:{tag}"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
        found = len(list(csv.reader(done.stdout.splitlines()))) - 1
        if found != count or count == 0:
            fail(f"hledger finds {found} postings with {tag}, the CSV {count}")


def must_fail(path, kept):
    """A changed paisa shows, whether the entry still balances or not."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    amounts = [index for index, line in enumerate(lines) if re.search(r"  INR -?\d+\.\d\d$", line)]
    first = amounts[0]
    last = max(index for index in amounts if "" not in lines[first:index])

    def moved(line, by):
        head, amount = line.rsplit(" ", 1)
        return f"{head} {(Decimal(amount) + by):.2f}"

    for changed in ({first: Decimal("0.01")}, {first: Decimal("0.01"), last: Decimal("-0.01")}):
        with open(path + ".changed", "w", encoding="utf-8") as file:
            file.write("\n".join(moved(line, changed[index]) if index in changed else line
                                 for index, line in enumerate(lines)))
        wrong = differences(path + ".changed", kept)
        if not all(any(one.startswith(tool) for one in wrong) for tool in ("hledger", "ledger")):
            fail(f"a changed amount was not found: {wrong}")


def main():
    for tool in ("hledger", "ledger"):
        if shutil.which(tool) is None:
            fail(f"there is no {tool}; scripts/setup test installs it")
    with tempfile.TemporaryDirectory(prefix="busbar-journal-") as folder:
        guessed = seed(folder)
        if not any(row["estimatedPaise"] for row in guessed.values()):
            fail("nothing was estimated, so nothing was put right")
        process, url = serve(folder)
        try:
            listed = move_money(url)
            kept = {name: row["debitBalancePaise"] for name, row in balances(folder).items()}
            book = say("journal", "export", folder=folder)
            table = say("journal", "export", "--format", "csv", folder=folder)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        path = f"{folder}/book.journal"
        with open(path, "w", encoding="utf-8") as file:
            file.write(book + "\n")
        if len([name for name in kept if name.startswith("liabilities:wallets:")]) != len(NAMES):
            fail(f"{len(NAMES)} wallets were expected: {sorted(kept)}")
        if sum(kept.values()) != 0 or listed != kept:
            fail(f"the balances sum to {sum(kept.values())} paise, or the API says others: {listed}")
        wrong = differences(path, kept)
        if wrong:
            fail("\n".join(wrong))
        rows = check_csv(table, kept)
        check_tags(path, rows)
        estimated = {name: amount for name, amount in by_hledger(path, "tag:estimated=yes").items() if amount}
        if estimated:
            fail(f"the guess was put right, and yet hledger finds estimates in {estimated}")
        must_fail(path, kept)
    print(f"journal: {len(kept)} balances over {len(rows)} postings are those of hledger and ledger; "
          f"{len({row['entry'] for row in rows})} entries of the CSV sum to zero; a changed paisa shows")


if __name__ == "__main__":
    main()
