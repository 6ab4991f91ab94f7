// Tariffs read from their stored texts, kept: who prices reads the same few for every chunk. Knows no table.
import Synchronization
import Tariffs

enum TariffTexts {
    private struct Known {
        var text: String
        var packID: String
        /// Of which the text may name some.
        var calendars: SharedCalendars
        var tariff: Tariff
    }
    private static let keptMax = 64
    /// The latest last.
    private static let kept = Mutex<[Known]>([])

    /// - Throws: `TariffError` for what is no tariff.
    static func read(_ text: String, _ packID: String, _ calendars: SharedCalendars) throws -> Tariff {
        let known = kept.withLock { kept in
            kept.last { $0.packID == packID && $0.text == text && $0.calendars == calendars }?.tariff
        }
        if let known { return known }
        let tariff = try TariffReader.read(Array(text.utf8), file: packID, calendars: calendars)
        kept.withLock { kept in
            if kept.count == keptMax { kept.removeFirst() }
            kept.append(Known(text: text, packID: packID, calendars: calendars, tariff: tariff))
        }
        return tariff
    }
}
