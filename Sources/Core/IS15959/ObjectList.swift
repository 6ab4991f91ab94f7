// The object list of an association (IEC 62056-6-2, class 15 attribute 2), and the choice of a profile for an
// unknown meter by what is in it. Pure.
import DLMS

/// One object that an association shows.
public struct ListedObject: Hashable, Sendable {
    public var classID: UInt16
    public var version: UInt8
    public var obis: OBIS
    public init(classID: UInt16, version: UInt8 = 0, obis: OBIS) {
        self.classID = classID
        self.version = version
        self.obis = obis
    }
}

public struct ObjectList: Hashable, Sendable {
    public var objects: [ListedObject]
    public init(_ objects: [ListedObject]) { self.objects = objects }

    /// Reads attribute 2. Access rights are passed over: a meter says no when it means no.
    public init(_ data: DLMSData) throws(ProfileError) {
        guard case .array(let list) = data else { throw ProfileError("object list: not an array") }
        var objects: [ListedObject] = []
        objects.reserveCapacity(list.count)
        for (index, item) in list.enumerated() {
            guard let fields = item.elements, fields.count >= 3, let number = fields[0].integer,
                let classID = UInt16(exactly: number), let version = fields[1].integer,
                let octets = fields[2].octets, let obis = OBIS(bytes: octets)
            else { throw ProfileError("object list: entry \(index + 1) is not an object") }
            objects.append(ListedObject(classID: classID, version: UInt8(clamping: version), obis: obis))
        }
        self.objects = objects
    }

    public func contains(_ obis: OBIS) -> Bool { objects.contains { $0.obis == obis } }
}

extension MeterProfile {
    /// The best profile for a meter with these objects, cut to what is there, with what nobody knows added by its code.
    /// Nil when none fits.
    /// - Parameters:
    ///   - candidates: those of the standard, and of makers if there are files. Of several that fit the one with
    ///     most signs wins, those of what it has before those of what it lacks, then the one with most objects there.
    public static func matching(_ list: ObjectList, among candidates: [MeterProfile] = all) -> MeterProfile? {
        let there = Set(list.objects.map(\.obis))
        let fitting = candidates.filter { $0.fits(there) }
        func rank(_ profile: MeterProfile) -> (has: Int, lacks: Int, known: Int) {
            (profile.signs.has.count, profile.signs.lacks.count, profile.knownCount(there))
        }
        guard let best = fitting.max(by: { rank($0) < rank($1) }) else { return nil }
        return best.cut(to: list, there)
    }

    private func fits(_ there: Set<OBIS>) -> Bool {
        func isThere(_ name: String) -> Bool { object(name).map { there.contains($0.obis) } ?? false }
        return !signs.has.isEmpty && signs.has.allSatisfy(isThere) && !signs.lacks.contains(where: isThere)
    }

    private func knownCount(_ there: Set<OBIS>) -> Int {
        let names = Set(profiles.flatMap { $0.columns + $0.more } + others)
        return names.count { object($0).map { there.contains($0.obis) } ?? false }
    }

    private func cut(to list: ObjectList, _ there: Set<OBIS>) -> MeterProfile {
        var result = self
        result.profiles = profiles.filter { there.contains($0.obis) }.map { profile in
            var profile = profile
            if let scalers = profile.scalerProfile, !there.contains(scalers) { profile.scalerProfile = nil }
            return profile
        }
        result.others = others.filter { object($0).map { there.contains($0.obis) } ?? false }
        let known = Set(profiles.flatMap { [$0.obis, $0.scalerProfile].compactMap(\.self) })
        for object in list.objects where object.classID == 7 && !known.contains(object.obis) {
            result.profiles.append(
                NamedProfile(object.obis.shortText, object.obis, "profile unknown to IS 15959", columns: []))
        }
        return result
    }
}
