// The activity calendar of a meter (IEC 62056-6-2 class 20): read as it is in force, written beside it and then put in
// force. Special days are not touched.
import DLMS
import IS15959
import MeterPort

extension DLMSConversation {
    /// Tariffication script table (IS 15959): script n makes zone n count.
    private static let tariffs = OBIS(0, 0, 10, 0, 100)

    private func calendarReference(_ attribute: Int8) throws -> AttributeReference {
        guard let object = profile.object("activity-calendar"), object.classID == 20 else {
            throw MeterError(MeterError.Code.objectUndefined, "the meter profile \(profile.name) has no calendar")
        }
        return AttributeReference(20, object.obis, attribute)
    }

    /// Attributes 2 to 5: the calendar in force.
    func calendar() async throws -> MeterCalendar {
        var parts: [DLMSData] = []
        for attribute in Int8(2)...5 { parts.append(try await get(try calendarReference(attribute))) }
        guard let name = parts[0].octets,
            let seasons = Self.list(parts[1], Self.season), let weeks = Self.list(parts[2], Self.week),
            let days = Self.list(parts[3], Self.day)
        else { throw MeterError(.badAnswer, "the calendar is not one of seasons, weeks and days") }
        return MeterCalendar(name: Self.text(name), seasons: seasons, weeks: weeks, days: days)
    }

    /// Writes attributes 6 to 9 and calls method 1, which puts them in force.
    func put(_ calendar: MeterCalendar) async throws {
        let seasons = calendar.seasons.map { season -> DLMSData in
            // Every year: the year and the weekday are left open.
            let start = COSEMDateTime(
                month: UInt8(clamping: season.fromMonth), day: UInt8(clamping: season.fromDay), hour: 0, minute: 0,
                second: 0, hundredths: 0)
            return .structure([.text(season.name), .octetString(start.bytes), .text(season.week)])
        }
        let weeks = calendar.weeks.map { week in
            DLMSData.structure([.text(week.name)] + week.days.map { .unsigned(UInt8(clamping: $0)) })
        }
        let days = calendar.days.map { day -> DLMSData in
            let actions = day.zones.map { zone -> DLMSData in
                let time = [UInt8(clamping: zone.fromMinute / 60), UInt8(clamping: zone.fromMinute % 60), 0, 0]
                return .structure([
                    .octetString(time), .obis(Self.tariffs), .longUnsigned(UInt16(clamping: zone.zone)),
                ])
            }
            return .structure([.unsigned(UInt8(clamping: day.id)), .array(actions)])
        }
        let parts: [DLMSData] = [.text(calendar.name), .array(seasons), .array(weeks), .array(days)]
        for (index, part) in parts.enumerated() {
            try await set(try calendarReference(Int8(6 + index)), part)
        }
        let object = try calendarReference(1)
        try await act(MethodReference(object.classID, object.obis, 1), .integer(0))
    }

    // MARK: Parts

    private static func list<Value>(_ data: DLMSData, _ part: ([DLMSData]) -> Value?) -> [Value]? {
        guard let elements = data.elements, elements.count <= 32 else { return nil }
        let parts = elements.compactMap { $0.elements.flatMap(part) }
        return parts.count == elements.count ? parts : nil
    }

    private static func text(_ octets: [UInt8]) -> String { String(decoding: octets.prefix(32), as: UTF8.self) }

    private static func season(_ fields: [DLMSData]) -> MeterCalendar.Season? {
        guard fields.count == 3, let name = fields[0].octets, let start = fields[1].dateTime,
            let week = fields[2].octets
        else { return nil }
        return MeterCalendar.Season(
            name: text(name), fromMonth: Int(start.month), fromDay: Int(start.day), week: text(week))
    }

    private static func week(_ fields: [DLMSData]) -> MeterCalendar.Week? {
        guard fields.count == 8, let name = fields[0].octets else { return nil }
        let days = fields.dropFirst().compactMap { $0.integer.map { Int($0) } }
        return days.count == 7 ? MeterCalendar.Week(name: text(name), days: days) : nil
    }

    private static func day(_ fields: [DLMSData]) -> MeterCalendar.Day? {
        guard fields.count == 2, let id = fields[0].integer, let zones = list(fields[1], zone) else { return nil }
        return MeterCalendar.Day(id: Int(id), zones: zones)
    }

    private static func zone(_ fields: [DLMSData]) -> MeterCalendar.Zone? {
        guard fields.count == 3, let time = fields[0].octets, time.count >= 2, let number = fields[2].integer else {
            return nil
        }
        return MeterCalendar.Zone(fromMinute: Int(time[0]) * 60 + Int(time[1]), zone: Int(number))
    }
}
