// The header line of a load file: separator, layout and which column is which.

struct Header {
    var layout: LoadFileLayout
    var separator: UInt8
    var names: [String]
    var stampColumn: Int
    /// Nil in a wide file.
    var idColumn: Int?
    var valueColumn: Int?
    var saysEnd: Bool

    var valueName: String { valueColumn.map { names[$0] } ?? "" }

    /// Long when a column is named for an id, one for a stamp and one for energy; else wide, the stamp in front.
    static func read(_ line: [UInt8], place: String, limits: LoadFileLimits) throws(LoadFileError) -> Header {
        var line = line
        if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        let separator = [0x2C, 0x3B, 0x09].first { line.contains($0) } ?? 0x2C
        var cells: [Range<Int>] = []
        Fields.split(line, separator: separator, into: &cells)
        guard (2...limits.columns).contains(cells.count) else {
            throw LoadFileError(
                place: place, what: "\(cells.count) columns", hint: "give 2 to \(limits.columns) columns with a header line")
        }
        let names = cells.map { Fields.text(line, $0) }
        if Fields.stamp(line, cells[0]) != nil {
            throw LoadFileError(
                place: place, what: "the first line is a row", hint: "put a header line with the meters' names before it")
        }
        let words = names.map(Header.words)
        let stamp = words.firstIndex { !stampWords.isDisjoint(with: $0) }
        let id = words.firstIndex { !idWords.isDisjoint(with: $0) && $0.isDisjoint(with: stampWords) }
        let value = words.firstIndex { !valueWords.isDisjoint(with: $0) && $0.isDisjoint(with: idWords) }
        if let stamp, let id, let value, Set([stamp, id, value]).count == 3 {
            return Header(
                layout: .long, separator: separator, names: names, stampColumn: stamp, idColumn: id, valueColumn: value,
                saysEnd: words[stamp].contains("end"))
        }
        try checkMeterNames(names, place: place)
        return Header(
            layout: .wide, separator: separator, names: names, stampColumn: 0, idColumn: nil, valueColumn: nil,
            saysEnd: words[0].contains("end"))
    }

    private static func checkMeterNames(_ names: [String], place: String) throws(LoadFileError) {
        var seen: Set<String> = []
        for (column, name) in names.enumerated().dropFirst() {
            guard !name.isEmpty, name.utf8.count <= 100 else {
                throw LoadFileError(
                    place: place, what: "column \(column + 1) has no name or a long one", hint: "give 1 to 100 characters")
            }
            guard seen.insert(name).inserted else {
                throw LoadFileError(
                    place: place, what: "column \(name.prefix(40)) stands twice", hint: "give each meter one column")
            }
        }
    }

    private static let idWords: Set<String> = [
        "id", "meter", "customer", "consumer", "household", "account", "device", "serial", "lclid", "mpan", "nmi",
    ]
    private static let stampWords: Set<String> = [
        "time", "date", "datetime", "timestamp", "stamp", "start", "end", "interval", "tstp",
    ]
    private static let valueWords: Set<String> = ["kwh", "energy", "value", "usage", "consumption", "import", "load"]

    /// Lower-case words of a column's name: `general_supply_kwh (kWh)` has general, supply, kwh.
    private static func words(_ name: String) -> Set<String> {
        Set(name.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init))
    }
}
