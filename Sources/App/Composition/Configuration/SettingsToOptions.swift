// From settings to what opens an installation and what serves it. Reads the files that hold secrets.
import API
import Foundation
import MeterListener

/// Where the master key is.
public enum MasterKeySource: Sendable, Equatable {
    /// `master.key` in the data folder.
    case folder
    /// 64 hexadecimal digits, and where they came from.
    case given(String, from: String)
    case file(String)
}

extension ProcessSettings {
    /// - Throws: ``Complaint`` `usage` when two settings contradict each other or a file of a secret cannot be read.
    public func site() throws -> SiteOptions {
        var options = SiteOptions(folder: text(.dataFolder) ?? "./data", databaseURL: try databaseURL())
        try refuseBoth(.masterKey, .masterKeyFile)
        if let path = text(.masterKeyFile) {
            options.masterKey = .file(path)
        } else if let digits = text(.masterKey) {
            options.masterKey = .given(digits, from: "\(self[.masterKey].source)")
        }
        options.passwordsBreached = text(.passwordsBreached)
        options.meterProfiles = text(.meterProfiles)
        return options
    }

    private func databaseURL() throws -> String? {
        try refuseBoth(.database, .databaseFile)
        let url = try text(.database) ?? firstLine(.databaseFile)
        guard let password = try firstLine(.databasePasswordFile) else { return url }
        guard let url else {
            throw Complaint(
                "database_password_file (\(self[.databasePasswordFile].source)) is set and database is not",
                hint: "Set database to postgres://user@host/name.", .usage)
        }
        guard !hidesPassword(url) else {
            throw Complaint(
                "the database URL holds a password, and database_password_file "
                    + "(\(self[.databasePasswordFile].source)) another", hint: "Leave one of them out.", .usage)
        }
        return try withPassword(url, password)
    }

    /// `postgres://user@host/name` with the password behind the user.
    private func withPassword(_ url: String, _ password: String) throws -> String {
        let authority = url.range(of: "://").map { url[$0.upperBound...].prefix { $0 != "/" && $0 != "?" } }
        guard let authority, let at = authority.firstIndex(of: "@"), at > authority.startIndex else {
            throw Complaint(
                "the database URL names no user, so database_password_file has nobody to belong to",
                hint: "Write it as postgres://user@host/name.", .usage)
        }
        let kept = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        let encoded = password.addingPercentEncoding(withAllowedCharacters: kept) ?? ""
        return "\(url[..<at]):\(encoded)\(url[at...])"
    }

    private func refuseBoth(_ a: SettingKey, _ b: SettingKey) throws {
        guard text(a) != nil, text(b) != nil else { return }
        throw Complaint(
            "\(a.name) (\(self[a].source)) and \(b.name) (\(self[b].source)) exclude each other",
            hint: "Keep one of them.", .usage)
    }

    private func firstLine(_ key: SettingKey) throws -> String? {
        guard let path = text(key) else { return nil }
        do {
            return try password(fromFile: path)
        } catch let complaint as Complaint {
            throw Complaint("\(key.name) (\(self[key].source)): \(complaint.what)", hint: complaint.hint, .usage)
        }
    }

    /// - Throws: ``Complaint`` `usage` when only one of certificate and key is given.
    public func serving() throws -> ServeOptions {
        var options = ServeOptions(
            host: text(.host) ?? "127.0.0.1", port: Int(number(.port)), isHTTPS: isOn(.https))
        options.trustsForwarded = isOn(.forwarded)
        options.watchPort = text(.watchPort).flatMap { Int($0) }
        options.stopWithinS = Int(number(.stopSeconds))
        options.limits.connectionsMax = Int(number(.connectionsMax))
        options.limits.idleSeconds = number(.idleSeconds)
        options.limits.bodyReadLimitMs = number(.bodyReadMs)
        options.limits.handlerLimitMs = number(.handlerMs)
        options.limits.perMinute = [
            .reading: Int(number(.readsPerMinute)), .writing: Int(number(.writesPerMinute)),
            .heavy: Int(number(.heavyPerMinute)), .signIn: Int(number(.signInsPerMinute)),
        ]
        options.tls = try tlsFiles()
        options.push = pushListener()
        return options
    }

    /// Nil: nothing is listened for.
    private func pushListener() -> MeterListenerOptions? {
        guard let port = text(.pushPort).flatMap({ Int($0) }) else { return nil }
        var options = MeterListenerOptions(host: text(.pushHost) ?? "127.0.0.1", port: port)
        options.connectionsMax = Int(number(.pushConnectionsMax))
        options.connectionsPerAddress = Int(number(.pushConnectionsPerAddress))
        options.framesPerMinute = Int(number(.pushPerMinute))
        options.frameBytesMax = Int(number(.pushBytesMax))
        options.queueMax = Int(number(.pushQueueMax))
        return options
    }

    func tlsFiles() throws -> TLSFiles? {
        switch (text(.tlsCertificate), text(.tlsKey)) {
        case (let certificate?, let key?): return TLSFiles(certificate: certificate, key: key)
        case (nil, nil): return nil
        case (let certificate, _):
            let (given, missing): (SettingKey, SettingKey) =
                certificate == nil ? (.tlsKey, .tlsCertificate) : (.tlsCertificate, .tlsKey)
            throw Complaint(
                "\(given.name) (\(self[given].source)) is set and \(missing.name) is not",
                hint: "Set both, or neither.", .usage)
        }
    }
}
