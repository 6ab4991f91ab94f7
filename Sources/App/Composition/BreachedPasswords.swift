// The list of breached passwords of an installation: SHA-1 sums or plain passwords, a line each.
// A sorted list of sums is searched in the file; nothing else is larger than 10 MB, and is held in memory.
import Access
import Cryptography
import Foundation

/// Searches a list. The file is named by the setting `passwords_breached`.
struct BreachedPasswords: Sendable {
    /// A list that is not sorted, or holds plain passwords, is read whole up to this size.
    static let inMemoryBytesMax = 10_000_000
    /// No line of a list is longer.
    private static let lineBytesMax = 1_024

    private enum List: Sendable {
        /// Sums in order, `SHA1` or `SHA1:count` a line, as breach lists are given out.
        case sorted(path: String, byteCount: UInt64)
        case sums(Set<[UInt8]>)
    }
    private let list: List

    /// - Throws: ``Refusal`` when the file cannot be read or is too large for what it is.
    init(path: String) throws {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw Refusal(
                .invalid, "\(path) cannot be read.", hint: "Name a file of breached passwords, or none.",
                at: "passwords_breached")
        }
        defer { try? file.close() }
        let byteCount = try file.seekToEnd()
        if Self.looksSorted(file, byteCount) {
            list = .sorted(path: path, byteCount: byteCount)
            return
        }
        guard byteCount <= UInt64(Self.inMemoryBytesMax) else {
            throw Refusal(
                .invalid, "\(path) has more than 10 MB and is no sorted list of SHA-1 sums.",
                hint: "Sort it: LC_ALL=C sort -o FILE FILE", at: "passwords_breached")
        }
        try file.seek(toOffset: 0)
        let text = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
        list = .sums(
            Set(
                text.split(whereSeparator: \.isNewline).map { line in
                    Self.sum(line: line) ?? Hash.sha1(Array(line.utf8))
                }))
    }

    func contains(_ password: String) throws -> Bool {
        let wanted = Hash.sha1(Array(password.utf8))
        switch list {
        case .sums(let sums): return sums.contains(wanted)
        case .sorted(let path, let byteCount):
            guard let file = FileHandle(forReadingAtPath: path) else {
                throw Refusal(
                    .unavailable, "The list of breached passwords cannot be read.", hint: "Tell the administrator.")
            }
            defer { try? file.close() }
            // Lines that begin in [low, high) are still to be searched.
            var (low, high): (UInt64, UInt64) = (0, byteCount)
            while low < high {
                let middle = low + (high - low) / 2
                guard let (start, line, end) = try Self.line(atOrAfter: middle, file), start < high else {
                    high = middle
                    continue
                }
                guard let sum = Self.sum(line: line) else { return false }
                if sum == wanted { return true }
                if sum.lexicographicallyPrecedes(wanted) { low = end } else { high = middle }
            }
            return false
        }
    }

    /// The sum of `5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8` or `5BAA…:123`.
    private static func sum(line: some StringProtocol) -> [UInt8]? {
        let first = line.prefix { $0 != ":" && $0 != "\r" && $0 != " " }
        guard first.utf8.count == 40 else { return nil }
        return Hash.bytes(hex: String(first))
    }

    /// The first line that begins at or after an offset: where it begins, what it says, where the next one begins.
    private static func line(
        atOrAfter offset: UInt64, _ file: FileHandle
    ) throws -> (start: UInt64, line: String, end: UInt64)? {
        // A line begins after a line break: look from the byte before.
        let from = offset == 0 ? 0 : offset - 1
        try file.seek(toOffset: from)
        let bytes = Array(try file.read(upToCount: lineBytesMax * 2) ?? Data())
        var begin = 0
        if offset > 0 {
            guard let lineBreak = bytes.firstIndex(of: 10) else { return nil }
            begin = lineBreak + 1
        }
        guard begin < bytes.count else { return nil }
        let end = bytes[begin...].firstIndex(of: 10) ?? bytes.count
        return (
            from + UInt64(begin), String(decoding: bytes[begin..<end], as: UTF8.self),
            from + UInt64(min(end + 1, bytes.count))
        )
    }

    /// Looks at 64 places: each holds a sum, in order.
    private static func looksSorted(_ file: FileHandle, _ byteCount: UInt64) -> Bool {
        guard byteCount > 0 else { return false }
        var last: [UInt8] = []
        for step in UInt64(0)..<64 {
            guard let found = try? line(atOrAfter: byteCount / 64 * step, file) else { continue }
            guard let sum = sum(line: found.line), !sum.lexicographicallyPrecedes(last) else { return false }
            last = sum
        }
        return !last.isEmpty
    }
}

extension OpenSite {
    /// What hashes passwords here, and refuses those of the list that the settings name.
    /// - Throws: ``Refusal`` when the list cannot be read.
    func passwordHasher(companyNames: [String]) throws -> PasswordHasher {
        guard let path = passwordsBreached else { return PasswordHasher(companyNames: companyNames) }
        let list = try BreachedPasswords(path: path)
        return PasswordHasher(companyNames: companyNames) { try list.contains($0) }
    }
}
