// Turns any error of a command into what the person at the terminal needs: what, how to go on, and an exit code.
// Never a stack trace, never a bound value or a password.
import Access
import Compression
import LoadFiles
import Quantities
import SQL
import Tariffs

/// How a command ends, for scripts.
public enum CommandStatus: Int32, Sendable {
    case done = 0
    /// It ran and found something wrong, or was refused.
    case problems = 1
    /// The call itself was wrong.
    case usage = 2
    /// Only a part was done, or somebody could not be reached.
    case partly = 3
}

/// An error in words.
public struct Complaint: Sendable, Equatable, CustomStringConvertible {
    /// One line.
    public var what: String
    /// What to do or to type next.
    public var hint: String
    public var status: CommandStatus

    public init(_ what: String, hint: String, _ status: CommandStatus) {
        self.what = what
        self.hint = hint
        self.status = status
    }

    public var description: String { hint.isEmpty ? what : "\(what)\n  \(hint)" }

    public init(_ error: any Error) {
        switch error {
        case let complaint as Complaint: self = complaint
        case let refusal as Refusal:
            self.init(
                refusal.at.map { "\($0): \(refusal.message)" } ?? refusal.message, hint: refusal.hint,
                refusal.code == .invalid ? .usage : refusal.code == .unavailable ? .partly : .problems)
        case let usage as UsageError: self.init(usage.description, hint: "See busbar help.", .usage)
        case let error as LoadFileError:
            self.init("\(error.place): \(error.what)", hint: Self.sentence(error.hint), .problems)
        case let error as TariffError:
            self.init("\(error.place): \(error.what)", hint: Self.sentence(error.remedy), .problems)
        case let error as CompressionError: self.init(error.description, hint: "", .problems)
        case let error as SQLError: self.init(error)
        default: self.init("\(error)", hint: "Try `busbar doctor`.", .problems)
        }
    }

    private init(_ error: SQLError) {
        switch error.code {
        case .busy:
            self.init(
                error.message,
                hint: "One process at a time uses a folder. While the server runs, use its pages or its API; "
                    + "or stop the server, run this again and start it.", .partly)
        case .connection:
            self.init(
                error.message, hint: "Check --data and --database (or BUSBAR_DATABASE); `busbar doctor` looks closer.",
                .partly)
        case .corrupt:
            self.init(
                error.message,
                hint: "Nothing was changed. `busbar db check` looks at every file; operations.md, Backup, tells how to "
                    + "restore.", .problems)
        case .full: self.init(error.message, hint: "Make room on the disk and run this again.", .partly)
        case .readOnly:
            self.init(error.message, hint: "Check who owns the folder; run this as that user.", .problems)
        default: self.init(error.description, hint: "Try `busbar db check`.", .problems)
        }
    }

    private static func sentence(_ text: String) -> String {
        text.isEmpty ? "" : text.prefix(1).uppercased() + text.dropFirst() + "."
    }
}

extension Complaint: Error {}

/// The known word that was probably meant, for the executable.
public func nearestWord(to word: String, among known: [String]) -> String? {
    Resemblance.nearest(to: word, among: known)
}
