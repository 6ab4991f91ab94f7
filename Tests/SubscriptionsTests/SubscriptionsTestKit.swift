// What the tests of subscriptions share: days as text, the packs of the cases, requests in a row, rows as one line.
import CivilTime
import Foundation
import Subscriptions
import Tariffs
import Testing

func day(_ text: String) -> CivilDay {
    guard let day = CivilDay(text) else { preconditionFailure("\(text) is no day") }
    return day
}

/// A pack with one price for the whole day.
func pack(
    _ id: String, _ kind: PackTerms.Kind, _ res: String, _ price: Int64 = 500_000,
    _ change: (inout PackTerms) -> Void = { _ in }
) -> PackTerms {
    var terms = PackTerms(id: id, kind: kind, res: res)
    terms.milliPaisePerKWh = ["all day": price]
    if kind == .addOn { terms.months = 1 }
    change(&terms)
    return terms
}

/// The packs of the table: two of RES1, one each of RES2 and RES3, an add-on of a month; X for all.
func casePacks(x: Int = 1, _ change: (inout PackTerms) -> Void = { _ in }) -> [PackTerms] {
    let packs = [
        pack("UP0001", .base, "RES1") { $0.loadLimitW = 5000 },
        pack("UP0002", .base, "RES1") { $0.loadLimitW = 10_000 },
        pack("UP0003", .base, "RES2") { $0.loadLimitW = 10_000 },
        pack("UP0009", .base, "RES3") { $0.loadLimitW = 10_000 },
        pack("P50001", .addOn, "RES1", 300_000) { $0.loadLimitW = 5000 },
    ]
    return packs.map { terms in
        var terms = terms
        terms.leadDays = x
        change(&terms)
        return terms
    }
}

let served: [String: Set<String>] = ["RES1": ["NMA1"], "RES2": ["NMA1", "NMA4"], "RES3": ["NMA2"]]

func caseBook(x: Int = 1, _ change: (inout PackTerms) -> Void = { _ in }) throws -> PackBook {
    try PackBook(casePacks(x: x, change), served: served)
}

func nobody() -> PackHistory { PackHistory(consumer: "123", nma: "NMA1") }

extension PackHistory {
    /// All requests, none of which may be refused.
    func after(_ requests: [(PackRequest, String)], by book: PackBook) throws -> PackHistory {
        try requests.reduce(self) { history, step in
            try history.after(step.0, on: day(step.1), by: book).history
        }
    }

    func refusal(_ request: PackRequest, on text: String, by book: PackBook) -> PackRefusal? {
        do throws(PackRefusal) {
            _ = try after(request, on: day(text), by: book)
            return nil
        } catch { return error }
    }

    /// `UP0001 2021-12-01 2021-12-01 2021-12-02 - ACTIVE`: applied, approved, from, to.
    var lines: [String] {
        rows.map { row in
            let days = [row.appliedOn, row.approvedOn, row.from, row.to].map { $0?.description ?? "-" }
            return ([row.pack] + days + [row.state.rawValue]).joined(separator: " ")
        }
    }

    /// The one pack of a day with one band.
    func bills(_ text: String, by book: PackBook) -> String? { slots(on: day(text), by: book)[0].pack }
}

/// splitmix64: the same numbers on every machine.
struct Dice {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next(_ count: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((value ^ (value >> 31)) % UInt64(count))
    }
}
