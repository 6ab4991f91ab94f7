// The pack of each band of a day: cheapest add-on, base where none covers, loads above a limit, kinds of days.
import CivilTime
import Subscriptions
import Tariffs
import Testing

@Suite struct SlotTests {
    private static let quarters = TOUCalendar(
        bands: (0..<4).map {
            TOUBand(name: "T\($0 + 1)", ranges: [MinuteRange(fromMinute: $0 * 360, toMinute: $0 * 360 + 360)])
        })

    /// Weekend covers T1 and T3, festival T4 and T1, the base all; Sunday 2021-11-14 is the festival.
    private func festival(_ change: (inout PackBook) -> Void = { _ in }) throws -> (PackHistory, PackBook) {
        let packs = [
            pack("base", .base, "RES1") {
                $0.milliPaisePerKWh = ["T1": 500_000, "T2": 500_000, "T3": 500_000, "T4": 450_000]
            },
            pack("weekend", .addOn, "RES1") {
                $0.milliPaisePerKWh = ["T1": 300_000, "T3": 300_000]
                $0.days = [6, 7]
                $0.loadLimitW = 3000
            },
            pack("festival", .addOn, "RES1") {
                $0.milliPaisePerKWh = ["T4": 150_000, "T1": 200_000]
                $0.days = []
                $0.dates = [day("2021-11-14")]
            },
        ]
        var book = try PackBook(packs, served: served, calendar: Self.quarters)
        change(&book)
        let history = try nobody().after(
            [
                (.apply(pack: "base"), "2021-10-01"), (.apply(pack: "weekend"), "2021-10-31"),
                (.apply(pack: "festival"), "2021-10-31"),
            ], by: book)
        return (history, book)
    }

    @Test(
        "5, 5b, 5c: by band, the cheapest add-on; the base where none covers",
        arguments: [
            ("2021-11-08", ["base", "base", "base", "base"]),
            ("2021-11-13", ["weekend", "base", "weekend", "base"]),
            ("2021-11-14", ["festival", "base", "weekend", "festival"]),
        ])
    func cheapest(_ text: String, _ want: [String]) throws {
        let (history, book) = try festival()
        #expect(history.slots(on: day(text), by: book).map { $0.pack ?? "-" } == want)
    }

    @Test("the base takes part where the book says so")
    func comparesBase() throws {
        let packs = [
            pack("base", .base, "RES1", 200_000), pack("dear", .addOn, "RES1", 300_000),
            pack("equal", .addOn, "RES1", 300_000),
        ]
        var book = try PackBook(packs, served: served)
        let history = try nobody().after(
            [
                (.apply(pack: "base"), "2021-10-01"), (.apply(pack: "equal"), "2021-10-01"),
                (.apply(pack: "dear"), "2021-10-01"),
            ], by: book)
        #expect(history.bills("2021-10-05", by: book) == "dear")
        book.comparesBase = true
        #expect(history.bills("2021-10-05", by: book) == "base")
    }

    @Test("above an add-on's load the next one prices the band, and it is flagged")
    func overLoad() throws {
        let (history, book) = try festival()
        let slots = history.slots(on: day("2021-11-14"), loadW: ["T1": 9000, "T3": 3001], by: book)
        #expect(slots.map { $0.pack ?? "-" } == ["festival", "base", "base", "festival"])
        // In T1 the festival is cheaper anyway.
        #expect(slots.map(\.overLoad) == [[], [], ["weekend"], []])
        let within = history.slots(on: day("2021-11-14"), loadW: ["T3": 3000], by: book)
        #expect(within[2].pack == "weekend")
    }

    @Test("a holiday is a kind of day of its own, and its weekday too")
    func holidays() throws {
        let packs = [
            pack("base", .base, "RES1"), pack("feast", .addOn, "RES1", 100_000) { $0.days = [8] },
            pack("sunday", .addOn, "RES1", 300_000) { $0.days = [7] },
        ]
        var book = try PackBook(packs, served: served)
        book.holidays = [day("2021-11-04"), day("2021-11-14")]
        let history = try nobody().after(
            [
                (.apply(pack: "base"), "2021-10-01"), (.apply(pack: "feast"), "2021-10-31"),
                (.apply(pack: "sunday"), "2021-10-31"),
            ], by: book)
        #expect(
            ["2021-11-04", "2021-11-05", "2021-11-07", "2021-11-14"].map { history.bills($0, by: book) } == [
                "feast", "base", "sunday", "feast",
            ])
        #expect(history.addOns(on: day("2021-11-14"), by: book) == ["feast", "sunday"])
    }

    @Test(
        "11: 6 kWh by day and 4 kWh by night under three packs",
        arguments: [("2021-11-10", 4800), ("2021-11-13", 2800), ("2021-11-11", 1800)])
    func energy(_ text: String, _ paise: Int64) throws {
        let calendar = TOUCalendar(bands: [
            TOUBand(name: "day", ranges: [MinuteRange(fromMinute: 360, toMinute: 1320)]),
            TOUBand(
                name: "night",
                ranges: [MinuteRange(fromMinute: 0, toMinute: 360), MinuteRange(fromMinute: 1320, toMinute: 1440)]),
        ])
        func prices(_ day: Int64, _ night: Int64) -> [String: Int64] { ["day": day * 1000, "night": night * 1000] }
        let packs = [
            pack("universal", .base, "RES1") { $0.milliPaisePerKWh = prices(500, 450) },
            pack("weekend", .addOn, "RES1") {
                $0.milliPaisePerKWh = prices(300, 250)
                $0.days = [6, 7]
            },
            pack("diwali", .addOn, "RES1") {
                $0.milliPaisePerKWh = prices(200, 150)
                $0.days = []
                $0.dates = [day("2021-11-11")]
            },
        ]
        let book = try PackBook(packs, served: served, calendar: calendar)
        let history = try nobody().after(
            [
                (.apply(pack: "universal"), "2021-10-01"), (.apply(pack: "weekend"), "2021-10-31"),
                (.apply(pack: "diwali"), "2021-10-31"),
            ], by: book)
        let energyWh: [String: Int64] = ["day": 6000, "night": 4000]
        #expect(
            history.energyMicroPaise(on: day(text), energyWh: energyWh, by: book) == Int128(paise) * 1_000_000)
        #expect(history.energyMicroPaise(on: day("2021-09-01"), energyWh: energyWh, by: book) == nil)
    }

    @Test("books that contradict themselves are refused by place")
    func books() {
        func error(_ packs: [PackTerms]) -> String? {
            do throws(TariffError) {
                _ = try PackBook(packs, served: served)
                return nil
            } catch { return error.place }
        }
        #expect(error([pack("a", .base, "RES1") { $0.milliPaisePerKWh = [:] }]) == "packs[0].prices")
        #expect(error([pack("a", .addOn, "RES1") { $0.months = nil }]) == "packs[0].months")
        #expect(error([pack("a", .base, "RES1") { $0.leadDays = 0 }]) == "packs[0].leadDays")
        #expect(error([pack("a", .base, "RES1") { $0.milliPaisePerKWh["night"] = 1 }]) == "packs[0].prices")
        #expect(error([pack("a", .base, "RES1"), pack("a", .base, "RES1") { $0.version = 2 }]) == "packs[1]")
        #expect(
            error([
                pack("a", .base, "RES1"),
                pack("a", .base, "RES2") {
                    $0.version = 2
                    $0.validFrom = day("2022-01-01")
                },
            ]) == "packs[1]")
    }
}
