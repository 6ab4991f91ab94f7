// What a command line function gives back: text for the two outputs and a code to leave with. Prints nothing itself.
import Foundation

/// 0 done, 1 the meter or the data said no, 2 the call was wrong, 3 nobody answered.
public struct CommandResult: Sendable, Equatable {
    public var output: String
    public var complaint: String
    public var exitCode: Int32

    public init(output: String = "", complaint: String = "", exitCode: Int32 = 0) {
        self.output = output
        self.complaint = complaint
        self.exitCode = exitCode
    }
}

/// A wrong call; the text says what and how to mend it.
public struct UsageError: Error, Sendable, Equatable, CustomStringConvertible {
    public var description: String
    public init(_ description: String) { self.description = description }
}

/// Where a secret of the command line comes from: never from the arguments themselves, which others can see.
public struct SecretSource: Sendable {
    public var file: String?
    public var environment: String?
    public init(file: String? = nil, environment: String? = nil) {
        self.file = file
        self.environment = environment
    }

    /// The octets: text as it stands without a line end, or `hex:` and hexadecimal digits. Nil when neither is given.
    public func octets(_ what: String) throws -> [UInt8]? {
        let text: String
        if let file {
            guard let data = FileManager.default.contents(atPath: file) else {
                throw UsageError("\(what): cannot read the file \(file)")
            }
            guard data.count <= 4096 else { throw UsageError("\(what): \(file) is larger than 4096 octets") }
            text = String(decoding: data, as: UTF8.self)
        } else if let environment {
            guard let value = ProcessInfo.processInfo.environment[environment] else {
                throw UsageError("\(what): the environment has no \(environment)")
            }
            text = value
        } else {
            return nil
        }
        let line = text.trimmingCharacters(in: .newlines)
        guard line.hasPrefix("hex:") else { return Array(line.utf8) }
        let digits = Array(line.dropFirst(4).utf8)
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
        }
        guard digits.count % 2 == 0, bytes.count * 2 == digits.count else {
            throw UsageError("\(what): after hex: an even number of hexadecimal digits")
        }
        return bytes
    }

    /// As ``octets(_:)``, 16 of them: text of 16 or 32 hexadecimal digits, with or without `hex:`.
    public func key(_ what: String) throws -> [UInt8]? {
        guard let octets = try octets(what) else { return nil }
        if octets.count == 16 { return octets }
        let digits = String(decoding: octets, as: UTF8.self)
        if octets.count == 32, digits.allSatisfy(\.isHexDigit) {
            return stride(from: 0, to: 32, by: 2).compactMap {
                UInt8(String(decoding: octets[$0...$0 + 1], as: UTF8.self), radix: 16)
            }
        }
        throw UsageError("\(what): 16 octets or 32 hexadecimal digits, not \(octets.count) octets")
    }
}
