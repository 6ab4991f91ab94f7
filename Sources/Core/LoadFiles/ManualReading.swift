// One reading typed in by a person, as a set like that of a file. Knows nobody.
import CivilTime
import IntervalData

extension ReadingSet {
    /// An interval or, without a length, a register.
    /// - Parameters:
    ///   - meter: serial number.
    ///   - atS: start of the interval, or the moment of the register.
    ///   - value: in the unit of the channel.
    /// - Throws: ``LoadFileError`` for what no day has a place for.
    public static func manual(
        meter: String, channel: Channel, atS: Int64, periodS: Int?, value: Int64, zone: Zone
    ) throws(LoadFileError) -> ReadingSet {
        var builder = ReadingSetBuilder(file: "manual", zone: zone)
        do {
            let series = try builder.series(meter, channel)
            builder.rowCount = 1
            if let periodS {
                try builder.take(series, startS: atS, periodS: periodS, value: value, row: 1)
            } else {
                guard channel.isAmount else {
                    throw RowRefusal(what: "\(channel.name) has no register", hint: "registers count energy")
                }
                try builder.takeRegister(series, atS: atS, value: value, row: 1)
            }
            return try builder.finish(.manual)
        } catch let refusal as RowRefusal {
            throw LoadFileError(place: "reading", what: refusal.what, hint: refusal.hint)
        } catch let error as LoadFileError {
            throw error
        } catch { throw LoadFileError(place: "reading", what: "cannot be taken", hint: "\(error)") }
    }
}
