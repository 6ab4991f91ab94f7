// From an interval to the frame it came from: the page shows the very octets, and their meaning beside them.
import API
import Access
import CivilTime
import HeadEnd
import MeterPort
import SQL
import TestRetailer
import TestSupport
import Testing

@testable import Web

@Suite struct FramesPageTests {
    private static let batch: Int64 = 77_001
    private static let request: [UInt8] = [0, 1, 0, 48, 0, 1, 0, 4, 0xC0, 0x01, 0xC1, 0x00]
    private static let answer: [UInt8] = [0, 1, 0, 1, 0, 48, 0, 4, 0xDB, 0x08, 0xFE, 0xED]

    /// One row: a stamp, and 74 in tens of watt hours.
    private static func record() -> MeterRecord {
        let stamp: [UInt8] = [0x09, 0x0C, 0x07, 0xE9, 0x0C, 0x1F, 0xFF, 0x0C, 0x1E, 0x00, 0x00, 0xFE, 0xB6, 0x00]
        return MeterRecord(exchanges: [
            MeterExchange(
                classID: 7, obis: [1, 0, 99, 1, 0, 255], attribute: 2,
                frames: [
                    MeterFrame(isFromMeter: false, bytes: request), MeterFrame(isFromMeter: true, bytes: answer),
                ], value: [0x01, 0x01, 0x02, 0x02] + stamp + [0x12, 0x00, 0x4A],
                columns: [
                    MeterColumn(classID: 8, obis: [0, 0, 1, 0, 0, 255], attribute: 2, scaler: nil, unit: nil),
                    MeterColumn(classID: 3, obis: [1, 0, 1, 29, 0, 255], attribute: 2, scaler: 1, unit: 30),
                ]),
            MeterExchange(
                classID: 7, obis: [1, 0, 99, 2, 0, 255], attribute: 2, frames: [], value: [0x02, 0x7F], columns: []),
        ])
    }

    @Test(arguments: TestEngine.available)
    func thePageShowsTheOctetsAndWhatTheyMean(_ engine: TestEngine) async throws {
        try await WebSite.with(engine) { web in
            let day = web.one.lastDay
            let read = RawRead(
                day: day, meterID: web.one.meter, batchID: Self.batch, readAtMs: 0, rows: [], registerStartWh: nil,
                registerEndWh: nil, clockDriftS: 0)
            try await web.site.readings.shard(day.month).write {
                try read.store(orgID: 1, frames: Self.record(), in: $0)
            }
            let browser = try await web.browser("ops")
            let page = await browser.get("/meters/\(web.one.meter)/reads/\(Self.batch)?day=\(day)")
            #expect(page.status == 200)
            #expect(page.text.contains("00 01 00 30 00 01 00 04 C0 01 C1 00"))
            #expect(page.text.contains("00 01 00 01 00 30 00 04 DB 08 FE ED"))
            #expect(page.text.contains("1.0.1.29.0") && page.text.contains("Wh × 10^1"))
            #expect(page.text.contains(">740</td>") && page.text.contains("raw 74, scaler 1"))
            #expect(page.text.contains("class=\"note bad\""), "what cannot be read says so")
            // Without the day it is found too; another meter's page, and a number nobody knows, are not there.
            #expect(await browser.get("/meters/\(web.one.meter)/reads/\(Self.batch)").status == 200)
            for path in [
                "/meters/\(web.one.otherMeter)/reads/\(Self.batch)", "/meters/\(web.one.meter)/reads/1",
                "/meters/\(web.one.meter)/reads/x",
            ] {
                let answer = await browser.get(path)
                #expect(answer.status == 404, "\(path)")
            }
        }
    }
}
