// The cases in their machine form, `oracles/pack_cases.json` of BUSBAR_DATA, when it is there; else the reason is
// printed: CaseTableTests and SlotTests hold the same rules.
import CivilTime
import Foundation
import Subscriptions
import Tariffs
import Testing

private struct CaseFile: Decodable {
    struct Pack: Decodable {
        var type: String
        var res: String
        var kw: Int64
        var months: Int?
    }
    struct Case: Decodable {
        var id: String
        var x: Int
        var x0: Int?
        var `do`: [[String]]
        var want: [[String?]]
        var error: String?
        var bill: [String: String]?
    }
    struct Least: Decodable {
        struct Prices: Decodable {
            var base: [Int64]
            var weekend: [String: Int64]
            var festival: [String: Int64]
        }
        var price: Prices
        var want: [String: [String]]
    }
    var packs: [String: Pack]
    var map: [String: [String]]
    var consumer: [String: String]
    var cases: [Case]
    var least: Least

    func book(x: Int) throws -> PackBook {
        let terms = packs.map { id, shared in
            pack(id, shared.type == "base" ? .base : .addOn, shared.res) {
                $0.leadDays = x
                $0.months = shared.months
                $0.loadLimitW = shared.kw * 1000
            }
        }
        return try PackBook(terms, served: map.mapValues { Set($0) })
    }
}

@Suite struct SharedCaseTests {
    private func cases() throws -> CaseFile? {
        let root = ProcessInfo.processInfo.environment["BUSBAR_DATA"] ?? "../shared"
        guard let data = FileManager.default.contents(atPath: "\(root)/oracles/pack_cases.json") else {
            print("no \(root)/oracles/pack_cases.json: our own cases only; set BUSBAR_DATA to run the shared ones too")
            return nil
        }
        return try JSONDecoder().decode(CaseFile.self, from: data)
    }

    @Test("every shared case: rows, refusals and who bills")
    func shared() throws {
        guard let file = try cases() else { return }
        #expect(!file.cases.isEmpty)
        for item in file.cases {
            var history = PackHistory(consumer: "123", nma: try #require(file.consumer["123"]))
            var refused: String?
            for (index, words) in item.do.enumerated() {
                let request: PackRequest =
                    switch words[0] {
                    case "apply": .apply(pack: words[1])
                    case "approve": .approve(pack: words[1])
                    case "unsubscribe": .unsubscribe(pack: words[1])
                    default: .sweep
                    }
                let book = try file.book(x: index == 0 ? item.x0 ?? item.x : item.x)
                do throws(PackRefusal) {
                    history = try history.after(request, on: day(words[words.count - 1]), by: book).history
                } catch { refused = error.code.rawValue }
            }
            #expect(refused == item.error, "\(item.id)")
            #expect(history.lines == item.want.map { $0.map { $0 ?? "-" }.joined(separator: " ") }, "\(item.id)")
            let book = try file.book(x: item.x)
            for (text, want) in item.bill ?? [:] {
                #expect(history.bills(text, by: book) == want, "\(item.id) \(text)")
            }
        }
        print("\(file.cases.count) shared cases agree")
    }

    @Test("the shared prices of four bands")
    func least() throws {
        guard let file = try cases() else { return }
        let calendar = TOUCalendar(
            bands: (0..<4).map {
                TOUBand(name: "T\($0 + 1)", ranges: [MinuteRange(fromMinute: $0 * 360, toMinute: $0 * 360 + 360)])
            })
        let prices = file.least.price
        let packs = [
            pack("base", .base, "RES1") { terms in
                terms.milliPaisePerKWh = [:]
                for (index, price) in prices.base.enumerated() {
                    terms.milliPaisePerKWh["T\(index + 1)"] = price * 1000
                }
            },
            pack("weekend", .addOn, "RES1") {
                $0.milliPaisePerKWh = prices.weekend.mapValues { $0 * 1000 }
                $0.days = [6, 7]
            },
            pack("festival", .addOn, "RES1") {
                $0.milliPaisePerKWh = prices.festival.mapValues { $0 * 1000 }
                $0.days = []
                $0.dates = [day("2021-11-14")]
            },
        ]
        let book = try PackBook(packs, served: served, calendar: calendar)
        let history = try nobody().after(
            packs.map { (PackRequest.apply(pack: $0.id), "2021-10-31") }, by: book)
        for (name, text) in [("Monday", "2021-11-08"), ("Saturday", "2021-11-13"), ("FestivalSunday", "2021-11-14")] {
            #expect(history.slots(on: day(text), by: book).map { $0.pack ?? "-" } == file.least.want[name], "\(name)")
        }
    }
}
