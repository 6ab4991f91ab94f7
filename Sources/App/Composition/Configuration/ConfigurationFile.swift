// The configuration file: one `key = value` a line, `#` begins a comment line. Reads it and says where a line is wrong;
// what the values mean is ProcessSettings' business.
import Foundation
import Quantities

struct ConfigurationFile {
    struct Entry {
        var key: String
        var value: String
        /// From 1.
        var line: Int
    }
    static let bytesMax = 65_536

    let path: String
    let entries: [Entry]

    /// - Throws: ``Complaint`` `usage` with file and line.
    init(path: String) throws { self = try Self(path: path, bytes: try readFile(path, limit: Self.bytesMax)) }

    init(path: String, bytes: [UInt8]) throws {
        func wrong(_ line: Int, _ what: String, _ hint: String) -> Complaint {
            Complaint("\(path):\(line): \(what)", hint: hint, .usage)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw wrong(1, "the file is not UTF-8", "Save it as UTF-8.")
        }
        var entries: [Entry] = []
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, raw) in lines.enumerated() {
            let line = raw.trimmingCharacters(in: .whitespaces)
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            guard let sign = line.firstIndex(of: "=") else {
                throw wrong(index + 1, "there is no = in this line", "Write `key = value`; # begins a comment line.")
            }
            let key = line[..<sign].trimmingCharacters(in: .whitespaces)
            let value = line[line.index(after: sign)...].trimmingCharacters(in: .whitespaces)
            let known = SettingKey.all.map(\.name)
            guard known.contains(key) else {
                let near = Resemblance.nearest(to: key, among: known).map { "Did you mean \($0)?" }
                throw wrong(
                    index + 1, "\(key.prefix(64)) is no setting", near ?? "Known: \(known.joined(separator: ", ")).")
            }
            if let first = entries.first(where: { $0.key == key }) {
                throw wrong(index + 1, "\(key) stands in line \(first.line) already", "Keep one of them.")
            }
            guard !value.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
                throw wrong(index + 1, "\(key) holds a control character", "Remove it.")
            }
            entries.append(Entry(key: key, value: value, line: index + 1))
        }
        self.path = path
        self.entries = entries
    }
}
