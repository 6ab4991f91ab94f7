// A day is edited on its page: shown before and after, made, agreed to by another person, taken back; and the log of
// estimates says what was estimated.
import API
import Access
import CivilTime
import IntervalData
import MeterData
import SQL
import TestRetailer
import TestSupport
import Testing

@testable import Web

@Suite struct EditPageTests {
    private static func block(_ web: WebSite, _ day: CivilDay) async throws -> StoredBlock? {
        try await web.site.readings.shard(day.month).read { [one = web.one] in
            try DayBlocks.current(meterID: one.meter, from: day, to: day, orgID: 1, in: $0).first
        }
    }

    /// The fields of the form as they stand, with what is typed over them.
    private static func form(_ page: Answer, _ day: CivilDay, _ typed: [String: String]) throws -> [String: String] {
        var form = [
            "csrf": try page.field("csrf"), "key": try page.field("key"), "base": try page.field("base"),
            "day": day.description, "channel": "importWh", "tool": "typed", "fromSlot": "0", "toSlot": "48",
            "toDay": "", "copyFrom": "", "total": "", "method": "", "reasonCode": "field-reading",
            "reason": "read on site", "do": "preview",
        ]
        form.merge(typed) { $1 }
        return form
    }

    @Test func aDayThatIsNotOverIsShownWithoutAForm() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser("ops")
            let path = "/meters/\(web.one.meter)/edit"
            for day in ["2026-02-10", "2026-02-11"] {
                let page = await browser.get("\(path)?day=\(day)")
                #expect(page.status == 200 && !page.text.contains("name=\"v47\""))
                #expect(page.text.contains("This day is not over"))
            }
            let over = await browser.get("\(path)?day=2026-02-09")
            #expect(over.text.contains("name=\"v47\"") && over.text.contains(">24:00</option>"))
            #expect(over.text.contains("23:30–24:00"))
            let form = try Self.form(over, try #require(CivilDay("2026-02-10")), ["v3": "25", "base": "0"])
            let refused = await browser.post(path, form)
            #expect(refused.status == 422 && refused.text.contains("A day that is not over yet"))
        }
    }

    @Test(arguments: TestEngine.available)
    func aSmallEditIsShownMadeAndTakenBack(_ engine: TestEngine) async throws {
        try await WebSite.with(engine) { web in
            let day = web.one.lastDay
            let path = "/meters/\(web.one.meter)/edit"
            let browser = try await web.browser("ops")
            let editor = await browser.get("\(path)?day=\(day)")
            #expect(editor.status == 200 && editor.text.contains("name=\"v47\"") && editor.text.contains("<svg"))
            let old = try #require(try await Self.block(web, day)).block.values[3]
            let typed = try Self.form(editor, day, ["v3": "\(old + 25)", "v4": " "])
            let wrong = await browser.post(path, typed)
            #expect(wrong.status == 422 && wrong.text.contains("Interval 4 holds no whole number"))
            var good = typed
            good["v4"] = nil
            good["reason"] = ""
            let shown = await browser.post(path, good)
            #expect(
                shown.status == 200 && shown.text.contains("id=\"preview\"") && shown.text.contains("value=\"apply\""))
            #expect(try await Self.block(web, day)?.version == 1, "looking changed the readings")
            good["do"] = "apply"
            let unexplained = await browser.post(path, good)
            #expect(unexplained.status == 422 && unexplained.text.contains("A reason is missing"))
            good["reason"] = "read on site"
            let made = await browser.post(path, good)
            #expect(made.status == 303)
            let block = try #require(try await Self.block(web, day))
            #expect(block.version == 2 && block.block.values[3] == old + 25 && block.block.count(of: .edited) == 1)
            // The same form again is the same edit; the page goes to it.
            #expect(await browser.post(path, good).headers["Location"] == made.headers["Location"])
            let card = await browser.get(try #require(made.headers["Location"]))
            #expect(card.text.contains("read on site") && card.text.contains("ops"))
            // Another key on the old version is refused with what changed.
            var late = good
            late["key"] = String(repeating: "b", count: 32)
            let refused = await browser.post(path, late)
            #expect(refused.status == 409 && refused.text.contains("is at version 2 by now"))
            let undone = await browser.post(
                try #require(made.headers["Location"]) + "/undo",
                ["csrf": try card.field("csrf"), "reason": "wrong meter"])
            #expect(undone.status == 303)
            #expect(try await Self.block(web, day)?.block.values[3] == old)
            let versions = await browser.get("\(path)?day=\(day)")
            #expect(
                versions.text.contains("Taken back: wrong meter")
                    && versions.text.contains("Read on site: read on site"))
            // The meter's own page says who.
            #expect(await browser.get("/meters/\(web.one.meter)?day=\(day)").text.contains("ops: read on site"))
        }
    }

    @Test func aLargeEditWaitsForAnother() async throws {
        try await WebSite.with { web in
            let day = web.one.lastDay
            let path = "/meters/\(web.one.meter)/edit"
            let ops = try await web.browser("ops")
            let admin = try await web.browser("admin")
            let editor = await ops.get("\(path)?day=\(day)")
            let made = await ops.post(path, try Self.form(editor, day, ["tool": "zero", "do": "apply"]))
            #expect(made.status == 303)
            let place = try #require(made.headers["Location"])
            #expect(try await Self.block(web, day)?.version == 1)
            #expect(await ops.get("/edits").text.contains("1 edit waits"))
            let own = await ops.get(place)
            #expect(!own.text.contains("\(place)/approve") && own.text.contains("Withdraw the edit"))
            #expect(await ops.post("\(place)/approve", ["csrf": try own.field("csrf")]).status == 403)
            let card = await admin.get(place)
            #expect(card.text.contains("\(place)/approve") && card.text.contains("<svg"))
            #expect(await admin.post("\(place)/approve", ["csrf": try card.field("csrf")]).status == 303)
            let block = try #require(try await Self.block(web, day))
            #expect(block.version == 2 && block.block.totalValue == 0)
            #expect(await ops.get("/edits").text.contains("No edit waits"))
        }
    }

    @Test func aRunOfDaysIsShownBeforeItIsMade() async throws {
        try await WebSite.with { web in
            let (first, last) = (web.one.first, web.one.first.advanced(by: 1))
            let path = "/meters/\(web.one.meter)/edit"
            let admin = try await web.browser("admin")
            let editor = await admin.get("\(path)?day=\(first)")
            // The versions of the second day were not seen: it is shown first, whatever was pressed.
            let form = try Self.form(
                editor, first,
                ["tool": "linear", "fromSlot": "47", "toSlot": "1", "toDay": "\(last)", "do": "apply"])
            let shown = await admin.post(path, form)
            #expect(shown.status == 200 && shown.text.contains("value=\"1,1\""))
            var again = form
            again["base"] = "1,1"
            #expect(await admin.post(path, again).status == 303)
            #expect(try await Self.block(web, last)?.block.count(of: .edited) == 1)
        }
    }

    @Test func theLogOfEstimatesIsShown() async throws {
        try await WebSite.with { web in
            // The spike of the other meter's last day is held; its interval is estimated.
            _ = try await Estimator(site: web.site, org: web.one.org).run(day: web.one.lastDay)
            let ops = try await web.browser("ops")
            let log = await ops.get("/estimates?from=\(web.one.first)&to=\(web.one.lastDay)")
            #expect(log.status == 200 && log.text.contains("Mean of three days"))
            #expect(log.text.contains("M\(web.one.otherMeter)-of-1") && log.text.contains("No actual value yet"))
            let field = try await web.browser("field")
            let theirs = await field.get("/estimates?from=\(web.one.first)&to=\(web.one.lastDay)")
            #expect(!theirs.text.contains("M\(web.one.otherMeter)-of-1"), "shown to who does not see the meter")
            #expect(await ops.get("/estimates?from=2020-01-01&to=2026-01-01").status == 422)
            let editor = await ops.get("/meters/\(web.one.otherMeter)/edit?day=\(web.one.lastDay)")
            #expect(editor.text.contains("Mean of three days, "))
        }
    }
}
