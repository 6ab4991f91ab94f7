// A file of readings is looked at, stored and reported on its pages, by forms and without script; what is wrong with it
// is said where it was typed.
import API
import Access
import CivilTime
import MeterData
import SQL
import TestRetailer
import TestSupport
import Testing

@testable import Web

@Suite struct ImportPageTests {
    private static func versions(_ web: WebSite, _ day: CivilDay) async throws -> Int {
        let meter = web.one.meter
        return try await web.site.readings.shard(day.month).read {
            try DayBlocks.versions(meterID: meter, day: day, orgID: 1, in: $0).count
        }
    }

    /// One new day of the meter, one row that is no reading and one meter nobody knows.
    private static func file(_ web: WebSite, _ day: CivilDay) -> String {
        let rows = (0..<48).map { slot in
            "M\(web.one.meter)-of-1,\(day) \(slot / 2 < 10 ? "0" : "")\(slot / 2):\(slot % 2 == 0 ? "00" : "30"),0.1"
        }
        return "meter,time,kWh\n" + rows.joined(separator: "\n") + "\nM-x,\(day) 00:00,0.1\nM-x,\(day) 00:30,many\n"
    }

    @Test(arguments: TestEngine.available)
    func lookedAtStoredAndReported(_ engine: TestEngine) async throws {
        try await WebSite.with(engine) { web in
            let day = web.one.first.advanced(by: -3)
            let browser = try await web.browser("ops")
            let page = await browser.get("/imports")
            #expect(page.status == 200 && page.text.contains("href=\"/imports\" aria-current"))
            let csrf = try page.field("csrf")
            let look = ["csrf": csrf, "do": "look", "unit": "", "channel": "", "stamps": ""]
            let shown = await browser.upload("/imports", look, name: "C:\\day \"1\".csv", Self.file(web, day))
            #expect(shown.status == 200 && shown.text.contains("id=\"looked\""), "\(shown.text)")
            #expect(shown.text.contains("day &quot;1&quot;.csv:51") && shown.text.contains("There is no") == false)
            #expect(shown.text.contains("there is no meter M-x"))
            #expect((await browser.get("/imports")).text.contains("No file has been imported yet"))
            let held = try shown.field("held")
            let other = try await web.browser("admin")
            let stolen = await other.upload(
                "/imports", ["csrf": try await other.get("/imports").field("csrf"), "held": held, "do": "store"])
            #expect(stolen.status == 422 && stolen.text.contains("The file is not held any more"))
            let stored = await browser.upload("/imports", ["csrf": csrf, "held": held, "do": "store"])
            let place = try #require(stored.location)
            #expect(stored.status == 303 && place.hasPrefix("/imports/"))
            #expect(try await Self.versions(web, day) == 1)
            let report = await browser.get(place)
            #expect(report.status == 200 && report.text.contains("What storing it brought"))
            let csv = await browser.get(place + "/refused.csv")
            #expect(csv.headers["Content-Type"] == "text/csv; charset=utf-8")
            #expect(csv.text.hasPrefix("number,row,what,hint,text\r\n1,51,"))
            #expect(csv.text.split(separator: "\r\n").count == 3)
            // The same file at once: the same import, nothing new.
            let again = await browser.upload(
                "/imports", ["csrf": csrf, "do": "store"], name: "again.csv", Self.file(web, day))
            #expect(again.location == place)
            #expect(try await Self.versions(web, day) == 1)
            let list = await browser.get("/imports")
            #expect(list.text.contains("href=\"\(place)\"") && list.text.contains("Partly"))
        }
    }

    @Test func whatIsWrongIsSaidAndKept() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser("ops")
            let csrf = try await browser.get("/imports").field("csrf")
            let none = await browser.upload("/imports", ["csrf": csrf, "do": "look", "unit": "kvarh"])
            #expect(none.status == 422 && none.text.contains("No file was chosen"))
            #expect(none.text.contains("value=\"kvarh\""))
            for (field, value) in [
                ("unit", "pounds"), ("channel", "up"), ("multiplier", "-1"), ("zone", "Mars"), ("stamps", "middle"),
            ] {
                let wrong = await browser.upload(
                    "/imports", ["csrf": csrf, "do": "store", field: value], name: "a.csv", "meter,time,kWh\n")
                #expect(wrong.status == 422 && wrong.text.contains("href=\"#import-\(field)\""), "\(field)")
            }
            let empty = await browser.upload("/imports", ["csrf": csrf, "do": "store"], name: "empty.csv", "")
            #expect(empty.status == 422 && empty.text.contains("the file is empty"))
            #expect(await browser.upload("/imports", ["csrf": "no", "do": "look"], name: "a", "b").status == 403)
            #expect(await browser.post("/imports", ["csrf": csrf]).status == 415)
            _ = await browser.get("/language/hi?back=/imports")
            let hindi = await browser.upload("/imports", ["csrf": csrf, "do": "look"])
            #expect(hindi.text.contains("कोई फ़ाइल नहीं चुनी गई।") && !hindi.text.contains("No file"))
        }
    }

    /// Who is confined to a place brings files of his meters; the list is not his.
    @Test func whoIsConfinedSeesNoList() async throws {
        try await WebSite.with { web in
            let admin = try await web.browser("admin")
            let csrf = try await admin.get("/imports").field("csrf")
            let day = web.one.first.advanced(by: -3)
            let done = await admin.upload(
                "/imports", ["csrf": csrf, "do": "store"], name: "whole-company.csv", Self.file(web, day))
            let place = try #require(done.location)
            let field = try await web.browser("field")
            let page = await field.get("/imports")
            #expect(page.status == 200 && !page.text.contains("whole-company"))
            let own = await field.upload(
                "/imports", ["csrf": try page.field("csrf"), "do": "store"], name: "own.csv", Self.file(web, day) + "\n"
            )
            #expect(own.location == "/imports?did=stored")
            #expect(await field.get("/imports?did=stored").text.contains("The file is stored."))
            #expect(await field.get(place).status == 404)
            #expect(await field.get(place + "/refused.csv").status == 404)
        }
    }
}
