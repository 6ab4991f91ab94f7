// The kinds of meter that are known: those of the standard and those of makers' files, by name. A value that is read
// once and passed along; reading folders is the caller's.

/// All profiles of one run of the program.
public struct ProfileBook: Sendable {
    /// A meter of this profile is asked what it has: attribute 2 of its association.
    public static let auto = "auto"
    /// Files taken at most.
    public static let maximumFiles = 200

    /// Those of the program first, then those of files by name.
    public let profiles: [MeterProfile]
    private let byName: [String: Int]
    private let facts: [String: (file: String, base: String?)]

    /// Those that come with the program.
    public static let standard = ProfileBook(profiles: MeterProfile.all, facts: [:])

    private init(profiles: [MeterProfile], facts: [String: (file: String, base: String?)]) {
        (self.profiles, self.facts) = (profiles, facts)
        byName = Dictionary(profiles.enumerated().map { ($1.name, $0) }) { first, _ in first }
    }

    /// The standard's and those of files, whose order does not matter: a deviation may stand on another file.
    /// - Throws: ``ProfileError`` with the file: as ``MeterProfile/init(json:base:)``, and for a name that is there
    ///   already, a base nobody has, files that stand on each other in a ring, or too many.
    public init(files: [(file: String, text: String)]) throws(ProfileError) {
        guard files.count <= Self.maximumFiles else {
            throw ProfileError("\(files.count) profile files: at most \(Self.maximumFiles) are read")
        }
        var heads: [String: Head] = [:]
        for (file, text) in files {
            let (name, base) = try Self.within(file) { () throws(ProfileError) in try MeterProfile.head(json: text) }
            guard MeterProfile.named(name) == nil, name != Self.auto else {
                throw ProfileError("\(file): the name '\(name)' is taken by the program; choose another")
            }
            if let other = heads[name] {
                throw ProfileError("\(file): the name '\(name)' stands in \(other.file) too; choose another")
            }
            heads[name] = Head(file: file, text: text, base: base)
        }
        var made: [String: MeterProfile] = [:]
        for name in heads.keys.sorted() { try Self.make(name, heads, &made, []) }
        self.init(
            profiles: MeterProfile.all + made.values.sorted { $0.name < $1.name },
            facts: heads.mapValues { ($0.file, $0.base) })
    }

    private struct Head {
        var file: String
        var text: String
        var base: String?
    }

    private static func within<Value>(
        _ file: String, _ body: () throws(ProfileError) -> Value
    ) throws(ProfileError) -> Value {
        do { return try body() } catch { throw ProfileError("\(file): \(error)") }
    }

    private static func make(
        _ name: String, _ heads: [String: Head], _ made: inout [String: MeterProfile], _ above: [String]
    ) throws(ProfileError) {
        guard made[name] == nil, let head = heads[name] else { return }
        guard !above.contains(name) else {
            let ring = (above.drop { $0 != name } + [name]).joined(separator: " on ")
            throw ProfileError("\(head.file): the bases stand in a ring: \(ring); let one stand on another base")
        }
        if let base = head.base, MeterProfile.named(base) == nil {
            guard heads[base] != nil else {
                let known = (MeterProfile.all.map(\.name) + heads.keys.filter { $0 != name }.sorted())
                    .joined(separator: ", ")
                throw ProfileError("\(head.file): there is no base '\(base)'; there are \(known)")
            }
            try make(base, heads, &made, above + [name])
        }
        let known = made
        made[name] = try within(head.file) { () throws(ProfileError) in
            try MeterProfile(json: head.text) { MeterProfile.named($0) ?? known[$0] }
        }
    }

    public func named(_ name: String) -> MeterProfile? { byName[name].map { profiles[$0] } }

    /// What a meter's profile may be called, ``auto`` last.
    public var names: [String] { profiles.map(\.name) + [Self.auto] }

    /// The file a profile came from and the profile it stands on; nil for those of the program.
    public func origin(of name: String) -> (file: String, base: String?)? { facts[name] }
}
