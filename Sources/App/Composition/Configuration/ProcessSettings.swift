// What the process was told: each setting with its value and where it came from. Arguments go before the environment,
// that before the file, that before the defaults. A wrong value is refused with the place it came from; a secret is
// never shown.
import Foundation
import Quantities

/// Where a value came from.
public enum SettingSource: Sendable, Equatable, CustomStringConvertible {
    /// The option, with its dashes.
    case argument(String)
    /// The variable.
    case environment(String)
    case file(String, line: Int)
    case standard

    public var description: String {
        switch self {
        case .argument(let option): "argument \(option)"
        case .environment(let variable): "variable \(variable)"
        case .file(let path, let line): "\(path):\(line)"
        case .standard: "default"
        }
    }
}

/// A setting as it holds.
public struct ResolvedSetting: Sendable {
    public var key: SettingKey
    /// Nil: not set.
    var value: String?
    public var source: SettingSource

    /// For people: never a secret.
    public var shown: String {
        guard let value else { return "not set" }
        return key.isSecret ? "set" : value
    }
}

public struct ProcessSettings: Sendable {
    /// Read when nobody names a file and it is there.
    public static let usualFile = "/etc/busbar/busbar.conf"

    /// The file that was read, if any.
    public let file: String?
    /// Each known setting once, in the order of ``SettingKey/all``.
    public let all: [ResolvedSetting]
    /// What should be done otherwise, a line each.
    public let warnings: [String]

    /// - Parameters:
    ///   - arguments: values by name of the setting, as the command line gave them.
    ///   - configFile: the file the command line named.
    /// - Throws: ``Complaint`` `usage`: what, where, how to mend.
    public init(
        arguments: [String: String] = [:], configFile: String? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        usualFile: String = ProcessSettings.usualFile
    ) throws {
        try Self.refuseMisspelt(environment)
        let named = configFile ?? environment["BUSBAR_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        let path = named ?? (FileManager.default.fileExists(atPath: usualFile) ? usualFile : nil)
        let entries = try path.map { try ConfigurationFile(path: $0).entries } ?? []
        file = path
        all = try SettingKey.all.map { key in
            let found: ResolvedSetting
            let variable = environment[key.variable].flatMap { $0.isEmpty ? nil : $0 }
            if let value = arguments[key.name] {
                found = ResolvedSetting(key: key, value: value, source: .argument(key.argument ?? key.name))
            } else if let value = variable {
                found = ResolvedSetting(key: key, value: value, source: .environment(key.variable))
            } else if let entry = entries.first(where: { $0.key == key.name }) {
                found = ResolvedSetting(
                    key: key, value: entry.value, source: .file(path ?? "", line: entry.line))
            } else {
                found = ResolvedSetting(key: key, value: key.standard, source: .standard)
            }
            try Self.check(found)
            return found
        }
        var warnings: [String] = []
        if let given = arguments[SettingKey.database.name], hidesPassword(given) {
            warnings.append(
                "The password in --database can be seen by other users of this machine: use BUSBAR_DATABASE, or "
                    + "database_password_file.")
        }
        self.warnings = warnings
    }

    /// A variable that is nearly a known one was meant to be it; others belong to somebody else.
    private static func refuseMisspelt(_ environment: [String: String]) throws {
        let known = SettingKey.all.map(\.variable) + SettingKey.otherVariables
        for variable in environment.keys.sorted() where variable.hasPrefix("BUSBAR_") && !known.contains(variable) {
            guard let near = Resemblance.nearest(to: variable, among: known) else { continue }
            throw Complaint("the variable \(variable) is no setting", hint: "Did you mean \(near)?", .usage)
        }
    }

    private static func check(_ setting: ResolvedSetting) throws {
        guard let value = setting.value, setting.source != .standard else { return }
        let key = setting.key
        func wrong(_ what: String, _ hint: String) -> Complaint {
            Complaint("\(key.name) (\(setting.source)): \(what)", hint: hint, .usage)
        }
        guard !value.isEmpty else { throw wrong("it is empty", "Give \(key.form), or leave it out.") }
        if case .file = setting.source, key.isSecret, key != .database || hidesPassword(value) {
            throw wrong(
                "a secret does not stand in this file",
                key == .database
                    ? "Leave the password out and name a file that holds it: database_password_file."
                    : "Name a file that holds it: \(key.name)_file.")
        }
        switch key.kind {
        case .text, .path: return
        case .flag:
            guard Self.flags[value] != nil else { throw wrong("\(value.prefix(64)) is no answer", "Give yes or no.") }
        case .choice(let names):
            guard names.contains(value) else {
                let near = Resemblance.nearest(to: value, among: names).map { "Did you mean \($0)? " } ?? ""
                throw wrong("\(value.prefix(64)) is not known", "\(near)Give one of \(key.form).")
            }
        case .integer(let range):
            guard let number = Int64(value) else {
                throw wrong("\(value.prefix(64)) is no whole number", "Give \(key.form).")
            }
            guard range.contains(number) else { throw wrong("\(number) is out of range", "Give \(key.form).") }
        }
    }

    private static let flags = ["yes": true, "true": true, "1": true, "no": false, "false": false, "0": false]

    public subscript(_ key: SettingKey) -> ResolvedSetting {
        all.first { $0.key == key } ?? ResolvedSetting(key: key, value: key.standard, source: .standard)
    }

    public func text(_ key: SettingKey) -> String? { self[key].value }
    public func isOn(_ key: SettingKey) -> Bool { text(key).flatMap { Self.flags[$0] } ?? false }
    /// Checked when the settings were read; 0 for a setting without a value.
    public func number(_ key: SettingKey) -> Int64 { text(key).flatMap { Int64($0) } ?? 0 }
}

/// True when a database URL holds a password.
func hidesPassword(_ url: String) -> Bool {
    guard let start = url.range(of: "://") else { return url.contains("password=") }
    let rest = url[start.upperBound...]
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    if let at = authority.lastIndex(of: "@"), authority[..<at].contains(":") { return true }
    return rest.contains("password=")
}
