// The queue of exceptions as a person uses it: by links and forms, without script.
import API
import Access
import CivilTime
import IntervalData
import MeterData
import SQL
import TestRetailer
import Testing

@testable import Web

@Suite struct QueuePageTests {
    @Test func seenTakenSettled() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser("ops")
            let page = await browser.get("/exceptions/readings")
            #expect(page.status == 200 && page.text.contains("M1081-of-1") && !page.text.contains("-of-2"))
            // The held value stands in the picture, and the day of the first one beside the list.
            #expect(page.text.contains("<svg") && page.text.contains("90,000"))
            let id = "\(web.one.lastDay).\(web.one.otherMeter).spike.20"
            #expect(page.text.contains("x.\(id)"))
            let csrf = try page.field("csrf")
            let bare = await browser.post("/exceptions/readings", ["csrf": csrf, "act": "aside", "x.\(id)": "1"])
            #expect(bare.status == 422 && bare.text.contains("reason-err"))
            let none = await browser.post("/exceptions/readings", ["csrf": csrf, "act": "aside", "reason": "tested"])
            #expect(none.status == 422)
            let taken = await browser.post("/exceptions/readings", ["csrf": csrf, "act": "take", "one": id])
            #expect(taken.location?.hasSuffix("did=1-1") == true && taken.location?.contains("item=") == true)
            #expect((await browser.get("/exceptions/readings?mine=1")).text.contains("M1081-of-1"))
            #expect(!(await browser.get("/exceptions/readings?state=open")).text.contains("x.\(id)"))
            let done = await browser.post(
                "/exceptions/readings", ["csrf": csrf, "act": "accepted", "all": "1", "reason": "the meter was tested"])
            #expect(done.location == "/exceptions/readings?did=1-1")
            #expect((await browser.get("/exceptions/readings?state=resolved")).text.contains("M1081-of-1"))
            let after = try await web.site.readings.shard(web.one.lastDay.month).read { transaction in
                try DayBlocks.current(
                    meterID: web.one.otherMeter, from: web.one.lastDay, to: web.one.lastDay, orgID: 1, in: transaction
                ).first
            }
            #expect(after?.block.values[20] == 45_000 && after?.block.lowestQuality == .actual)
        }
    }

    @Test func narrowedAndEmpty() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser("ops")
            #expect((await browser.get("/exceptions/readings?rule=negative")).status == 200)
            let other = await browser.get("/exceptions/readings?place=\(web.one.place)")
            #expect(other.status == 200 && !other.text.contains("M1081-of-1"))
            for path in ["?item=\(web.two.lastDay).\(web.two.otherMeter).spike.20", "?place=\(web.two.place)"] {
                #expect((await browser.get("/exceptions/readings\(path)")).status == 404, "\(path)")
            }
            for path in ["?item=nonsense", "?after=nonsense", "?severity=x", "?meter=x"] {
                let answer = await browser.get("/exceptions/readings\(path)")
                #expect(answer.status == 400 && answer.text.contains("The filter does not know"), "\(path)")
            }
            // What needs a person leads here.
            let needs = await browser.get("/exceptions")
            #expect(needs.text.contains("/exceptions/readings?item="))
        }
    }
}
