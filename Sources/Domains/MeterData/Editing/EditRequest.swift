// What a person asks of an editor: which slots, by which tool, on which versions, and why. Checked, not yet worked out.
import Access
import CivilTime
import Cryptography
import IntervalData
import VEE

/// A wish to change a run of slots of one channel, from a slot of the first day to a slot of the last.
public struct EditRequest: Sendable, Equatable {
    /// Most days of one edit.
    public static let daysMax = 31

    public var meterID: Int64
    public var channel: Channel
    public var from: CivilDay
    public var to: CivilDay
    /// First slot of the first day; with ``EditTool/typed`` not needed.
    public var fromSlot: Int
    /// Slot after the last, of the last day.
    public var toSlot: Int
    public var tool: EditTool
    /// Slot and value, with ``EditTool/typed``; one day only.
    public var typed: [Int: Int32] = [:]
    /// With ``EditTool/copy``.
    public var copyFrom: CivilDay?
    /// With ``EditTool/total``, in the unit of the channel.
    public var total: Int64?
    /// With ``EditTool/estimate``; nil: by the company's rules.
    public var method: String?
    /// The version of each day that was seen; 0 for a day without one.
    public var baseVersions: [Int64]
    public var reasonCode: EditReason
    public var reason: String
    /// The caller's own name of this edit: sent twice, it counts once.
    public var key: String?

    public init(
        meterID: Int64, channel: Channel = .importWh, from: CivilDay, to: CivilDay, fromSlot: Int, toSlot: Int,
        tool: EditTool, baseVersions: [Int64], reasonCode: EditReason, reason: String
    ) {
        self.meterID = meterID
        self.channel = channel
        self.from = from
        self.to = to
        self.fromSlot = fromSlot
        self.toSlot = toSlot
        self.tool = tool
        self.baseVersions = baseVersions
        self.reasonCode = reasonCode
        self.reason = reason
    }

    /// All that decides what the edit does, as stable text.
    var content: String {
        let told: [String?] = [
            "meter=\(meterID) channel=\(channel) \(from)..\(to)",
            tool == .typed ? nil : "slots=\(fromSlot)..<\(toSlot)",
            "tool=\(tool.rawValue)", detail.isEmpty ? nil : detail,
            typed.isEmpty
                ? nil : typed.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ","),
            "on=\(baseVersions.map(String.init).joined(separator: ","))", "why=\(reasonCode.rawValue) \(reason)",
        ]
        return told.compactMap { $0 }.joined(separator: " ")
    }

    /// What the tool was told.
    var detail: String {
        switch tool {
        case .copy: copyFrom.map { "from \($0)" } ?? ""
        case .total: total.map { "\($0)" } ?? ""
        case .estimate: method ?? ""
        case .typed, .zero, .linear, .raw: ""
        }
    }

    var hash: [UInt8] { Hash.sha256(Array(content.utf8)) }

    /// The business key: the caller's, else what is asked itself.
    var requestKey: String {
        key.map { "key \($0)" } ?? "sha256 " + hash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// The rest of a day that lasts is still to come from the meter: nobody writes it beforehand.
    /// - Throws: ``Refusal`` `invalid` unless all days are over, and of the last ten years.
    func proveOver(today: CivilDay) throws {
        guard to < today, from >= today.advanced(by: -3660) else {
            throw Refusal(
                .invalid, "A day that is not over yet, or long gone, is not edited.", hint: "Today is \(today).",
                at: to < today ? "fromDay" : "toDay")
        }
    }

    /// Working out what an edit would do needs no reason yet; proposing it does.
    /// - Throws: ``Refusal`` `invalid`, naming the field.
    func checked() throws -> EditRequest {
        var request = self
        request.reason = reason.isEmpty ? "" : try Reason.checked(reason)
        guard from <= to, from.days(to: to) < Self.daysMax else {
            throw Refusal(
                .invalid, "These are no days of one edit.", hint: "Give 1 to \(Self.daysMax) days, the first first.",
                at: "toDay")
        }
        guard baseVersions.count == from.days(to: to) + 1, baseVersions.allSatisfy({ $0 >= 0 }) else {
            throw Refusal(
                .invalid, "A version is needed for each day.",
                hint: "Give the version you saw; 0 for a day without one.",
                at: "baseVersions")
        }
        guard key.map({ (1...100).contains($0.utf8.count) }) ?? true else {
            throw Refusal(.invalid, "The key is too long.", hint: "Give 1 to 100 characters.", at: "key")
        }
        switch tool {
        case .typed:
            guard from == to, !typed.isEmpty, typed.count <= DayBlock.maximumSlots else {
                throw Refusal(
                    .invalid, "No values are given.", hint: "Type values of one day, slot by slot.", at: "values")
            }
        case .copy where copyFrom == nil:
            throw Refusal(.invalid, "The day to copy is missing.", hint: "Name a day: YYYY-MM-DD.", at: "copyFrom")
        case .total where total == nil:
            throw Refusal(
                .invalid, "The total is missing.", hint: "Give a whole number in the unit of the channel.", at: "total")
        case .zero, .linear, .copy, .total, .estimate, .raw: break
        }
        return request
    }
}
