// Profile files: a kind of meter, or a maker's deviation from one, as JSON. Strict: an unknown key, a name that
// stands for no object or a base that is not there is an error that says where. Text in, profile out; reading files
// is the caller's.
import DLMS
import Foundation

extension MeterProfile {
    /// A profile file is a few pages.
    public static let maximumFileBytes = 200_000

    /// Reads a profile file. One with a `base` changes only what it names: profiles of the same name are replaced key
    /// by key, `without` takes profiles away, `objects`, `events` and `statusBits` come on top.
    /// - Parameter base: finds the profile a deviation stands on.
    /// - Throws: `ProfileError` that says what, where and how to mend it.
    public init(json: String, base: (String) -> MeterProfile? = MeterProfile.named) throws(ProfileError) {
        try self.init(Self.file(json), base: base)
    }

    /// The name of a profile file and of what it stands on. The rest of it is not judged.
    static func head(json: String) throws(ProfileError) -> (name: String, base: String?) {
        let file = try file(json)
        return (file.name, file.base)
    }

    private static func file(_ json: String) throws(ProfileError) -> ProfileFile {
        guard json.utf8.count <= maximumFileBytes else {
            throw ProfileError("profile file: more than \(maximumFileBytes) bytes")
        }
        do {
            return try JSONDecoder().decode(ProfileFile.self, from: Data(json.utf8))
        } catch let error as DecodingError {
            throw ProfileError("profile file: \(words(error))")
        } catch {
            throw ProfileError("profile file: not readable as JSON in UTF-8")
        }
    }

    private init(_ file: ProfileFile, base find: (String) -> MeterProfile?) throws(ProfileError) {
        guard file.format == 1 else { throw ProfileError("profile file: format \(file.format), 1 is known") }
        guard Self.isName(file.name) else {
            throw ProfileError("profile file: the name '\(file.name)' needs small letters, digits and hyphens")
        }
        if let name = file.base {
            guard let base = find(name) else {
                throw ProfileError("profile file \(file.name): there is no base '\(name)'")
            }
            self = base
            self.name = file.name
        } else {
            self.init(name: file.name, profiles: [])
            guard !(file.profiles ?? []).isEmpty else {
                throw ProfileError("profile file \(file.name): profiles or a base are missing")
            }
        }
        title = file.title ?? title
        maker = file.maker ?? maker
        categories = file.categories ?? categories
        others = file.others ?? others
        isPrimary = file.isPrimary ?? isPrimary
        if let signs = file.signs { self.signs = (signs.has, signs.lacks ?? []) }
        try addObjects(file.objects ?? [])
        for name in file.without ?? [] {
            guard profile(name) != nil else { throw wrong("without", "there is no profile '\(name)'") }
            profiles.removeAll { $0.name == name }
        }
        for entry in file.profiles ?? [] { try add(entry) }
        for entry in file.events ?? [] {
            guard entry.id > 0, entry.id < 1000 else { throw wrong("events", "id \(entry.id) is not in 1...999") }
            events[entry.id] = entry.name
            guard let text = entry.log else { continue }
            guard let log = EventLog(rawValue: text) else {
                let known = EventLog.allCases.map(\.rawValue).joined(separator: ", ")
                throw wrong("event \(entry.id)", "no log '\(text)'; there are \(known)")
            }
            eventLogs[entry.id] = log
        }
        for entry in file.statusBits ?? [] {
            guard (0..<128).contains(entry.bit) else { throw wrong("statusBits", "bit \(entry.bit) is not in 0...127") }
            statusBits[entry.bit] = StatusBit(
                bit: entry.bit, name: entry.name, occurrence: entry.occurrence, restoration: entry.restoration)
        }
        try checkNames()
    }

    private static func isName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
    }

    private func wrong(_ place: String, _ what: String) -> ProfileError {
        ProfileError("profile file \(name), \(place): \(what)")
    }

    private mutating func addObjects(_ entries: [ProfileFile.Object]) throws(ProfileError) {
        var seen: Set<String> = []
        for entry in entries {
            let place = "object \(entry.name)"
            guard Self.isName(entry.name), seen.insert(entry.name).inserted else {
                throw wrong(place, "a name of small letters, digits and hyphens, once")
            }
            guard let obis = OBIS(entry.obis) else { throw wrong(place, "'\(entry.obis)' is not an OBIS code") }
            var unit = ObjectNames.find(entry.name)?.unit ?? 255
            if let text = entry.unit {
                guard let code = ScalerUnit.unitCode(text) else { throw wrong(place, "unknown unit '\(text)'") }
                unit = code
            }
            objects.removeAll { $0.name == entry.name }
            objects.append(
                NamedObject(
                    entry.name, entry.class, obis, entry.title ?? ObjectNames.find(entry.name)?.title ?? entry.name,
                    unit: unit, attribute: entry.attribute ?? 2))
        }
    }

    private mutating func add(_ entry: ProfileFile.Profile) throws(ProfileError) {
        let place = "profile \(entry.name)"
        let index = profiles.firstIndex { $0.name == entry.name }
        var target: NamedProfile
        if let index {
            target = profiles[index]
        } else if let standard = Self.standard(entry.name) {
            target = standard
        } else {
            guard let text = entry.obis, let obis = OBIS(text) else {
                throw wrong(place, "not a profile of the standard: it needs an obis such as 1.0.99.1.0")
            }
            target = NamedProfile(entry.name, obis, entry.name, columns: [])
        }
        if let text = entry.obis {
            guard let obis = OBIS(text) else { throw wrong(place, "'\(text)' is not an OBIS code") }
            target.obis = obis
        }
        if let text = entry.scalers {
            guard text.isEmpty || OBIS(text) != nil else { throw wrong(place, "'\(text)' is not an OBIS code") }
            target.scalerProfile = OBIS(text)
        }
        target.title = entry.title ?? target.title
        target.columns = entry.columns ?? target.columns
        target.more = entry.more ?? target.more
        guard !target.columns.isEmpty else { throw wrong(place, "columns are missing") }
        if let index { profiles[index] = target } else { profiles.append(target) }
    }

    private func checkNames() throws(ProfileError) {
        for profile in profiles {
            for column in profile.columns + profile.more where object(column) == nil {
                throw wrong("profile \(profile.name)", "no object '\(column)'; define it under objects")
            }
            guard Set(profile.columns + profile.more).count == profile.columns.count + profile.more.count else {
                throw wrong("profile \(profile.name)", "a column stands there twice")
            }
        }
        for name in others + signs.has + signs.lacks where object(name) == nil {
            throw wrong("others and signs", "no object '\(name)'; define it under objects")
        }
        guard Set(profiles.map(\.obis)).count == profiles.count else {
            throw wrong("profiles", "two have the same OBIS code")
        }
    }

    /// Code, title and scaler profile of the profiles that IS 15959 names.
    private static func standard(_ name: String) -> NamedProfile? {
        func scaled(_ obis: OBIS, _ title: String, _ scalers: UInt8) -> NamedProfile {
            NamedProfile(name, obis, title, scalerProfile: OBIS(1, 0, 94, 91, scalers), columns: [])
        }
        switch name {
        case "instantaneous": return scaled(OBIS(1, 0, 94, 91, 0), "instantaneous values", 3)
        case "block-load": return scaled(OBIS(1, 0, 99, 1, 0), "load by capture period, stamped at its end", 4)
        case "daily": return scaled(OBIS(1, 0, 99, 2, 0), "registers at midnight", 5)
        case "billing": return scaled(OBIS(1, 0, 98, 1, 0), "registers at the end of each billing period", 6)
        case "name-plate": return NamedProfile(name, OBIS(0, 0, 94, 91, 10), "name plate", columns: [])
        default:
            guard let log = EventLog.allCases.first(where: { $0.profileName == name }) else { return nil }
            return NamedProfile(name, log.obis, "event log: \(log.rawValue)", columns: [])
        }
    }
}

/// The shape of the file.
private struct ProfileFile: Decodable {
    struct Object: Decodable {
        var name: String
        var `class`: UInt16
        var obis: String
        var title: String?
        var unit: String?
        var attribute: Int8?
        enum Key: String, CodingKey, CaseIterable { case name, `class`, obis, title, unit, attribute }
        init(from decoder: any Decoder) throws {
            let values = try decoder.strict(Key.self)
            name = try values.decode(String.self, forKey: .name)
            `class` = try values.decode(UInt16.self, forKey: .class)
            obis = try values.decode(String.self, forKey: .obis)
            title = try values.decodeIfPresent(String.self, forKey: .title)
            unit = try values.decodeIfPresent(String.self, forKey: .unit)
            attribute = try values.decodeIfPresent(Int8.self, forKey: .attribute)
        }
    }
    struct Profile: Decodable {
        var name: String
        var obis: String?
        var title: String?
        var scalers: String?
        var columns: [String]?
        var more: [String]?
        enum Key: String, CodingKey, CaseIterable { case name, obis, title, scalers, columns, more }
        init(from decoder: any Decoder) throws {
            let values = try decoder.strict(Key.self)
            name = try values.decode(String.self, forKey: .name)
            obis = try values.decodeIfPresent(String.self, forKey: .obis)
            title = try values.decodeIfPresent(String.self, forKey: .title)
            scalers = try values.decodeIfPresent(String.self, forKey: .scalers)
            columns = try values.decodeIfPresent([String].self, forKey: .columns)
            more = try values.decodeIfPresent([String].self, forKey: .more)
        }
    }
    struct Event: Decodable {
        var id: Int
        var name: String
        var log: String?
        enum Key: String, CodingKey, CaseIterable { case id, name, log }
        init(from decoder: any Decoder) throws {
            let values = try decoder.strict(Key.self)
            id = try values.decode(Int.self, forKey: .id)
            name = try values.decode(String.self, forKey: .name)
            log = try values.decodeIfPresent(String.self, forKey: .log)
        }
    }
    struct Bit: Decodable {
        var bit: Int
        var name: String
        var occurrence: Int?
        var restoration: Int?
        enum Key: String, CodingKey, CaseIterable { case bit, name, occurrence, restoration }
        init(from decoder: any Decoder) throws {
            let values = try decoder.strict(Key.self)
            bit = try values.decode(Int.self, forKey: .bit)
            name = try values.decode(String.self, forKey: .name)
            occurrence = try values.decodeIfPresent(Int.self, forKey: .occurrence)
            restoration = try values.decodeIfPresent(Int.self, forKey: .restoration)
        }
    }
    struct Signs: Decodable {
        var has: [String]
        var lacks: [String]?
        enum Key: String, CodingKey, CaseIterable { case has, lacks }
        init(from decoder: any Decoder) throws {
            let values = try decoder.strict(Key.self)
            has = try values.decode([String].self, forKey: .has)
            lacks = try values.decodeIfPresent([String].self, forKey: .lacks)
        }
    }

    var format: Int
    var name: String
    var base: String?
    var maker: String?
    var title: String?
    var categories: [String]?
    var signs: Signs?
    var profiles: [Profile]?
    var without: [String]?
    var others: [String]?
    var objects: [Object]?
    var events: [Event]?
    var statusBits: [Bit]?
    var isPrimary: Bool?

    enum Key: String, CodingKey, CaseIterable {
        case format, name, base, maker, title, categories, signs, profiles, without, others, objects, events
        case statusBits, isPrimary
    }
    init(from decoder: any Decoder) throws {
        let values = try decoder.strict(Key.self)
        format = try values.decode(Int.self, forKey: .format)
        name = try values.decode(String.self, forKey: .name)
        base = try values.decodeIfPresent(String.self, forKey: .base)
        maker = try values.decodeIfPresent(String.self, forKey: .maker)
        title = try values.decodeIfPresent(String.self, forKey: .title)
        categories = try values.decodeIfPresent([String].self, forKey: .categories)
        signs = try values.decodeIfPresent(Signs.self, forKey: .signs)
        profiles = try values.decodeIfPresent([Profile].self, forKey: .profiles)
        without = try values.decodeIfPresent([String].self, forKey: .without)
        others = try values.decodeIfPresent([String].self, forKey: .others)
        objects = try values.decodeIfPresent([Object].self, forKey: .objects)
        events = try values.decodeIfPresent([Event].self, forKey: .events)
        statusBits = try values.decodeIfPresent([Bit].self, forKey: .statusBits)
        isPrimary = try values.decodeIfPresent(Bool.self, forKey: .isPrimary)
    }
}

/// Any key, to see those nobody asked for.
private struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension Decoder {
    /// A container of which every key is known.
    fileprivate func strict<Key: CodingKey & CaseIterable>(_ type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        let known = Set(Key.allCases.map(\.stringValue))
        let found = try container(keyedBy: AnyKey.self).allKeys.map(\.stringValue).sorted()
        if let stray = found.first(where: { !known.contains($0) }) {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: codingPath,
                    debugDescription: "unknown key \(stray); known are \(known.sorted().joined(separator: ", "))"))
        }
        return try container(keyedBy: type)
    }
}

private func words(_ error: DecodingError) -> String {
    func place(_ path: [any CodingKey]) -> String {
        let text = path.map { key in key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)" }.joined()
        return text.isEmpty ? "" : "at \(text): "
    }
    switch error {
    case .keyNotFound(let key, let context): return "\(place(context.codingPath))\(key.stringValue) is missing"
    case .valueNotFound(_, let context), .typeMismatch(_, let context):
        return "\(place(context.codingPath))the value has another type"
    case .dataCorrupted(let context): return "\(place(context.codingPath))\(context.debugDescription)"
    @unknown default: return "not readable"
    }
}
