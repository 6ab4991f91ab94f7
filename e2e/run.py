"""Drives a running Busbar in a real browser: every page, both languages, three widths, both colour schemes.

What it holds to: axe finds no A or AA fault, nothing scrolls sideways, the console stays silent (so no inline style or
script was refused), a wrong password is said properly, money can be added, a page without script still works.
Needs the Python environment of `make venv` and a Chromium of the system. It never starts the server;
`make e2e` does, or

    busbar demo --sign-ins sign-ins.json
    .venv/bin/python e2e/run.py --base-url http://127.0.0.1:8080 --sign-ins sign-ins.json

Exit 0: all held; 1: faults.
"""

import argparse
import base64
import hmac
import json
import os
import pathlib
import re
import shutil
import sys
import time

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

OUT = pathlib.Path(__file__).parent / "out"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LANGUAGES = ["en", "hi"]
WIDTHS = [1440, 360, 320]


class Walk:
    """One run: the browser, the faults found so far, and how many looks were taken."""

    def __init__(self, browser, base):
        self.browser, self.base = browser, base.rstrip("/")
        self.axe = Axe()
        self.faults, self.looks = [], 0

    def fault(self, where, what):
        self.faults.append(f"{where}: {what}")
        print(f"FAULT {where}: {what}", file=sys.stderr)

    def check(self, held, where, what):
        if not held:
            self.fault(where, what)

    def context(self, language, scheme="light", script=True, width=1440):
        context = self.browser.new_context(
            color_scheme=scheme, java_script_enabled=script, viewport={"width": width, "height": 900})
        page = context.new_page()
        page.on("console", lambda m: m.type in ("error", "warning") and self.noise(page, m.text))
        page.on("pageerror", lambda e: self.fault(page.url, f"script failed: {e}"))
        # The language is chosen on the page itself, by the link a person would use.
        page.goto(self.base + "/sign-in")
        if page.get_attribute("html", "lang") != language:
            page.click(f"a[hreflang={language}]")
        self.check(page.get_attribute("html", "lang") == language, "/sign-in", f"language {language} was not taken")
        return context, page

    def noise(self, page, text):
        # Answers of 4xx and cut lines are what some steps ask for; everything else on the console is a fault.
        if "the server responded with a status of 4" not in text and "net::ERR_FAILED" not in text:
            self.fault(page.url, f"console: {text}")

    def sign_in(self, page, person, lands=True):
        name, password = person.split(":", 1)
        page.goto(self.base + "/sign-in")
        page.fill("#user", name)
        page.fill("#password", password)
        page.click("main form button")
        self.check(not lands or "/sign-in" not in page.url, "/sign-in", f"{name} could not sign in")

    def look(self, page, name, widths=WIDTHS, scheme="light", language="en"):
        """axe, sideways scroll and a picture of the page as it stands, at each width."""
        for width in widths:
            page.set_viewport_size({"width": width, "height": 900})
            page.evaluate("document.querySelectorAll('main details').forEach(d => { d.open = true })")
            where = f"{name} {language} {width} {scheme}"
            wide = page.evaluate("document.documentElement.scrollWidth")
            self.check(wide <= width, where, f"scrolls sideways, {wide} px")
            found = self.axe.run(page, options={"runOnly": RULES}).response["violations"]
            for violation in found:
                targets = [node["target"] for node in violation["nodes"]][:3]
                self.fault(where, f"axe {violation['id']}: {targets}")
            page.screenshot(path=OUT / f"{name}-{language}-{width}-{scheme}.png", full_page=True)
            self.looks += 1
        page.set_viewport_size({"width": 1440, "height": 900})


def first_link(page, pattern):
    """The first link of the page whose address fits, or None."""
    for link in page.query_selector_all("main a"):
        href = link.get_attribute("href") or ""
        if re.fullmatch(pattern, href):
            return href
    return None


def staff_pages(walk, page):
    """Name and address of every page of staff, found by following links, as a person finds them."""
    pages = [("line", "/line"), ("status", "/status"), ("me", "/me"), ("meters", "/meters")]
    pages += [("accounts", "/accounts"), ("exceptions", "/exceptions"), ("collection", "/collection")]
    pages += [("commands", "/commands"), ("events", "/events"), ("events-aside", "/events/aside")]
    pages.append(("meters-empty", "/meters?q=no-such-meter"))
    pages += [("packs", "/packs"), ("calendars", "/calendars"), ("subscriptions", "/subscriptions")]
    page.goto(walk.base + "/packs")
    pack = first_link(page, r"/packs/[A-Z0-9%-]+(\?.*)?")
    walk.check(pack is not None, "/packs", "no pack to open")
    pages += [("pack", pack)] if pack else []
    page.goto(walk.base + "/meters")
    meter = first_link(page, r"/meters/\d+")
    walk.check(meter is not None, "/meters", "no meter to open")
    if meter:
        pages += [("meter", meter), ("disconnect", meter + "/disconnect"), ("reconnect", meter + "/reconnect")]
    page.goto(walk.base + "/accounts")
    account = first_link(page, r"/accounts/\d+")
    walk.check(account is not None, "/accounts", "no account to open")
    if account:
        pages += [("account", account)] + day_pages(walk, page, account)
        pages += [("corrections", account + "/corrections"), ("comparison", account + "/comparison")]
    return pages + [("not-found", "/nothing-here")]


def day_pages(walk, page, account):
    page.goto(walk.base + account)
    pages = [("statement", account + "/statement"), ("arrears", account + "/arrears")]
    month = first_link(page, account + r"/statements/\d{4}-\d{2}")
    walk.check(month is not None, account, "no month to open")
    pages += [("month", month)] if month else []
    day = first_link(page, account + r"/days/\d{4}-\d{2}-\d{2}")
    walk.check(day is not None, account, "no day to open")
    return pages + ([("day", day)] if day else [])


def walk_staff(walk, person):
    for language in LANGUAGES:
        for scheme in ["light", "dark"]:
            context, page = walk.context(language, scheme)
            walk.look(page, "sign-in", WIDTHS if scheme == "light" else [1440], scheme, language)
            walk.sign_in(page, person)
            for name, path in staff_pages(walk, page):
                answer = page.goto(walk.base + path)
                wanted = 404 if name == "not-found" else 200
                walk.check(answer.status == wanted, path, f"answered {answer.status}, not {wanted}")
                walk.check(page.get_attribute("html", "lang") == language, path, "lost the language")
                walk.look(page, name, WIDTHS if scheme == "light" else [1440], scheme, language)
            context.close()


def administrator_pages(walk, page):
    """What only an administrator opens."""
    pages = [("jobs", "/jobs"), ("job", "/jobs/rate"), ("people", "/people"), ("keys", "/keys"), ("audit", "/audit")]
    pages += [("money", "/money"), ("runs", "/runs"), ("approvals", "/approvals")]
    for name, path, pattern in [
        ("person", "/people", r"/people/\d+"), ("meter-history", "/meters", r"/meters/\d+"),
        ("account-history", "/accounts", r"/accounts/\d+"),
    ]:
        page.goto(walk.base + path)
        link = first_link(page, pattern)
        walk.check(link is not None, path, "nothing to open")
        if link:
            pages.append((name, link + ("/history" if name.endswith("history") else "")))
    return pages


def walk_administrator(walk, person):
    for language in LANGUAGES:
        context, page = walk.context(language, "light" if language == "hi" else "dark")
        walk.sign_in(page, person)
        for name, path in administrator_pages(walk, page):
            answer = page.goto(walk.base + path)
            walk.check(answer.status == 200, path, f"answered {answer.status}, not 200")
            walk.look(page, name, WIDTHS, "light" if language == "hi" else "dark", language)
        context.close()


def walk_consumer(walk, person):
    for language in LANGUAGES:
        context, page = walk.context(language)
        walk.sign_in(page, person)
        account = re.search(r"/accounts/\d+", page.url)
        walk.check(account is not None, page.url, "a consumer does not land on his account")
        if account:
            pages = [("home", account.group())] + day_pages(walk, page, account.group())
            for name, path in pages:
                page.goto(walk.base + path)
                walk.look(page, "consumer-" + name, WIDTHS, "light", language)
        for path in ["/line", "/meters", "/accounts", "/exceptions", "/status", "/jobs", "/people", "/keys", "/audit"]:
            answer = page.goto(walk.base + path)
            walk.check(answer.status == 403, path, f"a consumer got {answer.status}, not 403")
        walk.look(page, "forbidden", [1440, 320], "light", language)
        context.close()


def wrong_password(walk, person):
    for language in LANGUAGES:
        context, page = walk.context(language)
        name = person.split(":", 1)[0]
        page.fill("#user", name)
        page.fill("#password", "certainly-not-it")
        page.click("main form button")
        walk.check(page.locator("[role=alert]").count() == 1, "/sign-in", "no summary of errors")
        walk.check(page.input_value("#user") == name, "/sign-in", "the name typed was lost")
        walk.check(page.input_value("#password") == "", "/sign-in", "the password came back")
        focused = page.evaluate("document.activeElement.getAttribute('role')")
        walk.check(focused == "alert", "/sign-in", "the focus is not on the summary")
        walk.look(page, "sign-in-wrong", WIDTHS, "light", language)
        context.close()


def recharge(walk, person):
    """Adds money as the consumer: a bad amount is refused kindly, a good one is on the statement, once."""
    context, page = walk.context("en")
    walk.sign_in(page, person)
    home = page.url
    statement = walk.base + page.get_attribute("a[href$='/statement']", "href")

    def recharged():
        page.goto(statement)
        count = page.locator("tbody tr:has(th:has-text('Recharge')):has(td:text-matches('37\\\\.00$'))").count()
        page.goto(home)
        return count

    before = recharged()
    page.fill("#other", "abc")
    page.click("section.card form button")
    walk.check(page.input_value("#other") == "abc", "recharge", "the amount typed was lost")
    walk.check(page.locator("#other[aria-invalid]").count() == 1, "recharge", "the field is not marked")
    walk.look(page, "recharge-error", WIDTHS)
    key = page.get_attribute("input[name=key]", "value")
    page.fill("#other", "37")
    page.click("section.card form button")
    walk.check(page.locator(".note.ok").count() == 1, "recharge", "no word that the money is there")
    walk.check(page.get_attribute("input[name=key]", "value") != key, "recharge", "the form kept its key")
    walk.look(page, "recharge-done", [1440, 360])
    # The balance moves on a fast clock, as days are charged; the line on the statement does not.
    added = recharged() - before
    walk.check(added == 1, "recharge", f"the statement shows {added} new recharges of 37, not 1")
    context.close()


def one_time_code(address):
    """The code an app would show now for an otpauth address (RFC 6238), and the half minute it belongs to."""
    step = int(time.time()) // 30
    secret = re.search(r"secret=([A-Z2-7]+)", address).group(1)
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at:at + 4], 'big') & 0x7fffffff) % 1_000_000:06}", step


def old_debts(walk, person):
    """The administrator puts an old debt on an account: an error beside its field, a look, the booking, a request."""
    for language in LANGUAGES:
        context, page = walk.context(language)
        walk.sign_in(page, person)
        page.goto(walk.base + "/accounts")
        path = first_link(page, r"/accounts/\d+") + "/arrears"
        page.goto(walk.base + path)

        def send(act, fields):
            form = page.locator(f"form:has(input[name=act][value={act}])")
            for name, text in fields.items():
                form.locator(f"[name={name}]").fill(text)
            form.locator("button").press("Enter")

        send("put", {"put-amount": "12x", "put-since": "2024-04-01", "put-reason": "bills of 2024"})
        walk.check(page.locator("#put-amount-err").count() == 1, path, "no error beside the field")
        walk.check(page.input_value("#put-amount") == "12x", path, "what was typed is lost")
        walk.look(page, "arrears-wrong", WIDTHS, language=language)
        send("put", {"put-amount": "600"})
        walk.check(page.locator("#look").count() == 1, path, "nothing to look at before it is booked")
        walk.look(page, "arrears-look", WIDTHS, language=language)
        page.click("button[name=do][value=apply]")
        walk.check(page.locator("main [role=status]").count() == 1, path, "the debt was not booked")
        walk.look(page, "arrears-owing", WIDTHS, language=language)
        send("write-off", {"off-amount": "50", "off-reason": "barred by time"})
        page.click("button[name=do][value=apply]")
        walk.check(page.locator("main [role=status] a[href^='/approvals']").count() == 1, path, "nothing waits")
        page.click("main [role=status] a")
        walk.look(page, "approvals-mine", WIDTHS, language=language)
        context.close()


def second_step(walk, person):
    """A code of an app is set up, asked for at the next sign-in, replaced by a recovery code, and taken off again."""
    context, page = walk.context("en")
    walk.sign_in(page, person)
    page.goto(walk.base + "/me")
    page.click("#second-step form[action$=begin] button")
    address = page.get_attribute("#second-step a[href^=otpauth]", "href")
    walk.look(page, "second-step-begin", WIDTHS)
    page.fill("#code", "000000")
    page.click("#second-step form[action$=confirm] button")
    walk.check(page.locator("#code[aria-invalid]").count() == 1, "/me", "a wrong code is not marked")
    code, step = one_time_code(address)
    page.fill("#code", code)
    page.click("#second-step form[action$=confirm] button")
    recovery = page.locator("#second-step .note.ok li").all_inner_texts()
    walk.check(len(recovery) > 4, "/me", f"{len(recovery)} recovery codes are shown")
    walk.look(page, "second-step-codes", WIDTHS)
    context.close()
    context, page = walk.context("en")
    walk.sign_in(page, person, lands=False)
    walk.check(page.locator("#code").count() == 1, "/sign-in", "no code is asked for")
    walk.look(page, "second-step-ask", WIDTHS)
    page.fill("#code", code)
    page.click("main form button")
    walk.check(page.locator("#code[aria-invalid]").count() == 1, "/sign-in", "a code was taken twice")
    while time.time() // 30 == step:
        page.wait_for_timeout(500)
    page.fill("#code", one_time_code(address)[0])
    page.click("main form button")
    page.goto(walk.base + "/me")
    walk.look(page, "second-step-on", WIDTHS)
    name, password = person.split(":", 1)
    page.fill("#secondPassword", password)
    page.fill("#second-step form[action$=remove] #code", recovery[0] if recovery else "")
    page.click("#second-step form[action$=remove] button")
    walk.check(page.locator("#second-step form[action$=begin]").count() == 1, "/me", "it was not taken off")
    context.close()


def head_end(walk, person):
    """From an interval to its frame; an order that is given, carried out and read back; an outage that is heard of."""
    context, page = walk.context("en")
    walk.sign_in(page, person)
    page.goto(walk.base + "/meters")
    meter = first_link(page, r"/meters/\d+")
    page.goto(walk.base + meter)
    frame = page.get_attribute("a[href*='/reads/']", "href")
    page.goto(walk.base + frame)
    walk.check(page.locator("tr:target").count() == 1, frame, "the interval is not marked")
    walk.look(page, "frame", WIDTHS)
    page.goto(walk.base + meter)
    page.click("main a[href^='/commands/meters/']")
    walk.look(page, "meter-orders", WIDTHS)
    page.goto(walk.base + "/commands")
    page.select_option("#matter", "load-limit")
    page.fill("#value", "many")
    page.fill("#serials", "BB410000, BB410004")
    page.fill("#reason", "New sanctioned load")
    page.click("main form button")
    walk.check(page.locator("[role=alert]").count() > 0, "/commands", "watts that are no number are taken")
    walk.check(page.input_value("#serials") == "BB410000, BB410004", "/commands", "what was typed is lost")
    walk.look(page, "order-wrong", WIDTHS)
    page.fill("#value", "2500")
    page.click("main form button")
    try:
        page.wait_for_selector("progress[max='2'][value='2']", timeout=60_000)
    except Exception:
        walk.fault(page.url, "the order was not carried out within a minute")
    walk.look(page, "order", WIDTHS)
    page.goto(walk.base + "/simulator")
    walk.look(page, "simulator", WIDTHS)
    page.check("#s-evening-outage")
    page.click("form[action$='start'] button")
    walk.look(page, "simulator-running", [1440, 320])
    page.goto(walk.base + "/events")
    try:
        page.wait_for_selector("tr:has-text('Last gasp')", timeout=60_000)
    except Exception:
        walk.fault("/events", "nobody heard of the outage within a minute")
    walk.look(page, "events-outage", WIDTHS)
    context.close()


def meter_data(walk, person, whole):
    """The queue of readings, estimates and edits, sums, reports, imports, outages; a file looked at and stored, an
    outage planned and called off, what is typed wrong."""
    for language in LANGUAGES:
        context, page = walk.context(language)
        walk.sign_in(page, person)
        for name, path in [
                ("queue", "/exceptions/readings"), ("estimates", "/estimates"), ("edits", "/edits"),
                ("aggregation", "/aggregation"), ("reports", "/reports"), ("outages", "/outages"), ("guard", "/supply"),
                ("imports", "/imports"), ("queue-settled", "/exceptions/readings?state=resolved"),
                ("queue-unknown", "/exceptions/readings?rule=nonsense"),
                ("reliability-wrong", "/reliability?from=2026-02-09&to=2026-02-01"),
                ("reliability", "/reliability"), ("tamper", "/tamper")]:
            page.goto(walk.base + path)
            walk.check(page.locator("h1").count() == 1, path, "the page has no heading of its own")
            walk.look(page, name, WIDTHS if language == "en" else [360], language=language)
        for width in (1440, 1024):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(walk.base + "/exceptions/readings")
            cut = page.evaluate(
                "(e => e ? e.scrollWidth - e.clientWidth : 0)(document.querySelector('[data-queue] .wide'))")
            walk.check(cut <= 0, f"/exceptions/readings {language} {width}", f"the list is cut off by {cut} px")
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(walk.base + "/reports")
        for address in sorted({a.get_attribute("href") for a in page.locator("main a[href^='/reports/']").all()}):
            page.goto(walk.base + address)
            walk.look(page, "report-" + address.split("/")[2].split("?")[0], [360], language=language)
        context.close()
    context, page = walk.context("en")
    walk.sign_in(page, person)
    page.goto(walk.base + "/meters")
    page.goto(walk.base + first_link(page, r"/meters/\d+"))
    page.click("main a[href*='/edit?']")
    walk.look(page, "edit", WIDTHS)
    serial = page.inner_text("main p a")
    page.select_option("#tool", "zero")
    page.click("button[value=preview]")
    page.wait_for_selector("#preview", state="attached")
    walk.check(page.locator("#preview").count() == 1, "edit", "no preview of an edit")
    walk.look(page, "edit-preview", [1440, 360])
    context.close()
    for language in LANGUAGES:
        # The list of imports is for those who see the whole company.
        bring_file(walk, whole, serial, language)
        plan_outage(walk, person, language)


def bring_file(walk, person, serial, language):
    """A file is looked at, then stored: with script in English, without it in Hindi."""
    context, page = walk.context(language, script=language == "en")
    walk.sign_in(page, person)
    page.goto(walk.base + "/imports")
    day = 1 if language == "en" else 2
    rows = "\n".join(f"{serial},2024-03-0{day} {clock},0.1" for clock in ("00:00", "00:30", "01:00"))
    text = f"meter,time,kWh\n{rows}\nnobody,2024-03-01 00:00,0.1\n{serial},2024-03-01 01:30,many\n"
    file = {"name": f"load-{language}.csv", "mimeType": "text/csv", "buffer": text.encode()}
    page.set_input_files("#file", file)
    page.click("form:has(#file) button[value=look]")
    page.wait_for_selector("#looked")
    if language == "en":
        walk.look(page, "import-looked", WIDTHS, language=language)
    page.click("#looked button")
    page.wait_for_url(re.compile(r"/imports/\d+$"))
    walk.check(page.locator("h1").count() == 1, "/imports", "a stored file leads to no page")
    if language == "en":
        walk.look(page, "import", WIDTHS, language=language)
        page.goto(walk.base + "/imports")
        page.click("form:has(#file) button[value=look]")
        walk.check(page.locator("#file-err").count() == 1, "/imports", "a form without a file is not refused")
        walk.look(page, "import-wrong", [1440, 360], language=language)
    context.close()


def plan_outage(walk, person, language):
    context, page = walk.context(language)
    walk.sign_in(page, person)
    page.goto(walk.base + "/outages")
    page.click("form:has(#plan-place) button")
    walk.check(page.locator("main [role=alert]").count() == 1, "/outages", "an empty form is not refused")
    walk.look(page, "outage-wrong", [360], language=language)
    now = page.get_attribute("header time", "datetime")
    page.fill("#plan-from", f"{int(now[:4]) + 1}-01-05T10:00")
    page.fill("#plan-to", f"{int(now[:4]) + 1}-01-05T1{1 if language == 'en' else 2}:00")
    page.fill("#plan-reason", "line work")
    page.click("form:has(#plan-place) button")
    walk.check(page.locator("main [role=status]").count() == 1, "/outages", "the outage was not planned")
    walk.look(page, "outage-planned", [1440, 360], language=language)
    page.goto(walk.base + "/outages")
    page.click("#planned summary")
    page.fill("#planned details input[name=reason]", "bad weather")
    page.click("#planned details button")
    walk.check(page.locator("main [role=status]").count() == 1, "/outages", "the outage was not called off")
    context.close()


def validation_rules(walk, person):
    """The administrator tries rules and sets them."""
    for language in LANGUAGES:
        context, page = walk.context(language)
        walk.sign_in(page, person)
        page.goto(walk.base + "/validation-rules")
        walk.look(page, "rules", WIDTHS if language == "en" else [360], language=language)
        page.fill("#rules", '{\n"format": 2,\n nonsense }')
        page.click("button[value=preview]")
        walk.check("3" in page.inner_text("main [role=alert]"), "/validation-rules", "a fault does not name its line")
        walk.look(page, "rules-wrong", [360], language=language)
        context.close()
    context, page = walk.context("en")
    walk.sign_in(page, person)
    page.goto(walk.base + "/validation-rules")
    page.click("nav.tabs a[href='/estimation-plans']")
    walk.look(page, "plans", WIDTHS)
    page.fill("#plan", "best")
    page.click("form[action='/estimation-plans'] button")
    walk.check(page.locator("main [role=alert]").count() == 1, "/estimation-plans", "a plan is set without a reason")
    walk.look(page, "plans-wrong", [360])
    page.fill("#reason", "tried in a browser")
    page.click("form[action='/estimation-plans'] button")
    walk.check(page.locator("main [role=status]").count() == 1, "/estimation-plans", "the plan was not set")
    page.click("nav.bus summary")
    page.click("nav.bus .menu a[href='/validation-rules']")
    page.click("button[value=preview]")
    walk.check(page.locator("#preview").count() == 1, "/validation-rules", "no preview")
    walk.look(page, "rules-tried", [1440, 360])
    page.fill("#reason", "tried in a browser")
    page.click("button[value=set]")
    walk.check(page.locator("main [role=status]").count() == 1, "/validation-rules", "the rules were not set")
    walk.look(page, "rules-set", [1440])
    context.close()


def menu(walk, person):
    """One row at every width, opened by keyboard without script; every page of it opens, and marks itself."""
    for language in LANGUAGES:
        context, page = walk.context(language, script=False)
        walk.sign_in(page, person)
        page.goto(walk.base + "/packs")
        for width in (1440, 768, 360, 320):
            page.set_viewport_size({"width": width, "height": 900})
            high = page.locator("nav.bus").bounding_box()["height"]
            walk.check(high < 60, f"menu {language} {width}", f"the row is {high} px high")
        walk.check(page.locator(".ways a:visible").all_inner_texts() == page.locator(
            ".ways [aria-current]").all_inner_texts(), f"menu {language}", "a narrow row holds more than its place")
        page.focus("nav.bus summary")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        walk.check(page.locator(".menu a:focus").count() == 1, f"menu {language}", "is not open by keyboard")
        paths = [a.get_attribute("href") for a in page.locator(".menu a").all()]
        walk.check(len(paths) > 25 and len(set(paths)) == len(paths), f"menu {language}", f"holds {len(paths)} pages")
        for path in paths if language == "en" else []:
            answer = page.goto(walk.base + path)
            walk.check(answer.status == 200, path, f"in the menu, but answers {answer.status}")
            here = [a.get_attribute("href") for a in page.locator(".menu [aria-current]").all()]
            walk.check(here == [path], path, f"the menu marks {here}")
        context.close()
        context, page = walk.context(language)
        walk.sign_in(page, person)
        page.goto(walk.base + "/packs")
        page.click("nav.bus summary")
        walk.look(page, "menu", WIDTHS, language=language)
        context.close()


def without_script(walk, person):
    context, page = walk.context("en", script=False)
    walk.sign_in(page, person)
    page.goto(walk.base + "/line")
    walk.check(page.locator("h1.lede").count() == 1, "/line", "does not work without script")
    page.click("#refresh")
    walk.check(page.url.endswith("/line"), "/line", "the link to refresh leads elsewhere")
    context.close()


def live_line(walk, person):
    """The line renews itself, and says so when no answer comes any more."""
    context, page = walk.context("en")
    walk.sign_in(page, person)
    page.goto(walk.base + "/line")
    first = page.inner_text("#live .sub")
    deadline = time.time() + 20
    while page.inner_text("#live .sub") == first and time.time() < deadline:
        page.wait_for_timeout(500)
    walk.check(page.inner_text("#live .sub") != first, "/line", "did not renew itself within 20 s")
    page.route("**/line", lambda route: route.abort())
    try:
        page.wait_for_selector("#stale:not([hidden])", timeout=30_000)
    except Exception:
        walk.fault("/line", "old figures are not marked as old")
    walk.look(page, "line-stale", [1440])
    context.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", default="http://127.0.0.1:8080")
    parser.add_argument("--sign-ins", required=True, help="the file written by busbar demo --sign-ins")
    parser.add_argument("--chromium", default=os.environ.get("BUSBAR_CHROMIUM") or shutil.which("chromium"))
    options = parser.parse_args()
    if not options.chromium:
        parser.error("finds no Chromium; give --chromium or install the package chromium")
    sign_ins = json.loads(pathlib.Path(options.sign_ins).read_text())["signIns"]
    people = {s["role"]: f"{s['username']}:{s['password']}" for s in sign_ins}
    staff, consumer = people["operator"], people["consumer"]
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        walk = Walk(browser, options.base_url)
        wrong_password(walk, staff)
        walk_staff(walk, staff)
        walk_administrator(walk, people["administrator"])
        walk_consumer(walk, consumer)
        recharge(walk, consumer)
        old_debts(walk, people["administrator"])
        second_step(walk, staff)
        menu(walk, people["administrator"])
        without_script(walk, staff)
        live_line(walk, staff)
        head_end(walk, staff)
        meter_data(walk, staff, people["administrator"])
        validation_rules(walk, people["administrator"])
        browser.close()
    print(f"{walk.looks} looks, {len(walk.faults)} faults, pictures in {OUT}")
    return 1 if walk.faults else 0


if __name__ == "__main__":
    sys.exit(main())
