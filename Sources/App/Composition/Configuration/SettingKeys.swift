// Everything the process can be told, in one table: documents, doctor, the man page and the resolver read it.
// To add a setting, add a line here and read it from ``ProcessSettings``; nothing else lists settings.

/// What a value must look like.
public enum SettingForm: Sendable, Hashable {
    case text
    /// A file or folder.
    case path
    case flag
    case choice([String])
    case integer(ClosedRange<Int64>)
}

/// One setting of the process.
public struct SettingKey: Sendable, Hashable {
    /// As the file writes it: `tls_certificate`.
    public var name: String
    public var kind: SettingForm
    /// The value when nobody gives one; nil: none.
    public var standard: String?
    /// The option of the command line, with its dashes; nil: file and environment only.
    public var argument: String?
    /// Never shown, and never read from the configuration file: it has a file of its own or comes by the environment.
    public var isSecret: Bool
    public var summary: String

    init(
        _ name: String, _ kind: SettingForm, or standard: String? = nil, argument: String? = nil, secret: Bool = false,
        _ summary: String
    ) {
        self.name = name
        self.kind = kind
        self.standard = standard
        self.argument = argument
        isSecret = secret
        self.summary = summary
    }

    /// `BUSBAR_TLS_CERTIFICATE`
    public var variable: String { "BUSBAR_" + name.uppercased() }

    /// What a value may be, in words.
    public var form: String {
        switch kind {
        case .text: "text"
        case .path: "path"
        case .flag: "yes or no"
        case .choice(let names): names.joined(separator: ", ")
        case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
        }
    }
}

extension SettingKey {
    public static let dataFolder = SettingKey(
        "data_folder", .path, or: "./data", argument: "--data", "folder of databases and key file")
    public static let database = SettingKey(
        "database", .text, argument: "--database", secret: true,
        "postgres://user@host/name instead of the folder's SQLite files")
    public static let databaseFile = SettingKey("database_file", .path, "file with the database URL on its first line")
    public static let databasePasswordFile = SettingKey(
        "database_password_file", .path, "file with the password of the database URL on its first line")
    public static let masterKey = SettingKey(
        "master_key", .text, secret: true, "64 hexadecimal digits that seal keys at rest")
    public static let masterKeyFile = SettingKey(
        "master_key_file", .path, "file with the master key, instead of master.key in the data folder")
    public static let host = SettingKey("host", .text, or: "127.0.0.1", argument: "--host", "address to listen on")
    public static let port = SettingKey(
        "port", .integer(0...65_535), or: "8080", argument: "--port", "port to listen on; 0 takes a free one")
    public static let https = SettingKey(
        "https", .flag, or: "no", argument: "--https", "a proxy with TLS stands in front; cookies are Secure")
    public static let forwarded = SettingKey(
        "forwarded", .flag, or: "no", argument: "--forwarded", "that proxy writes X-Forwarded-For")
    public static let tlsCertificate = SettingKey(
        "tls_certificate", .path, argument: "--tls-certificate",
        "certificate chain (PEM), to serve https without a proxy"
    )
    public static let tlsKey = SettingKey(
        "tls_key", .path, argument: "--tls-key", "private key of the certificate (PEM)")
    public static let logLevel = SettingKey(
        "log_level", .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]), or: "info",
        argument: "--log-level", "least severe line of the log")
    public static let logFormat = SettingKey(
        "log_format", .choice(["json", "text"]), argument: "--log-format",
        "form of the log lines; when not set json, and text on a terminal")
    public static let watchPort = SettingKey(
        "watch_port", .integer(0...65_535), argument: "--watch-port",
        "port of 127.0.0.1 for /metrics, /health and /ready; none when not set")
    public static let pushHost = SettingKey(
        "push_host", .text, or: "127.0.0.1", argument: "--push-host",
        "address to listen on for what meters push; :: is every address, IPv4 and IPv6")
    public static let pushPort = SettingKey(
        "push_port", .integer(0...65_535), argument: "--push-port",
        "port (TCP and UDP) for what meters push, usually 4059; nothing is listened for when not set")
    public static let pushConnectionsMax = SettingKey(
        "push_connections_max", .integer(1...100_000), or: "4096", "connections of pushing meters at once")
    public static let pushConnectionsPerAddress = SettingKey(
        "push_connections_per_address", .integer(1...100_000), or: "256", "of these from one address")
    public static let pushPerMinute = SettingKey(
        "push_per_minute", .integer(1...10_000_000), or: "12000", "pushes from one address in a minute")
    public static let pushBytesMax = SettingKey(
        "push_bytes_max", .integer(64...65_535), or: "2048", "bytes of one push")
    public static let pushQueueMax = SettingKey(
        "push_queue_max", .integer(16...1_000_000), or: "4096", "pushes that wait to be stored before reading stops")
    public static let connectionsMax = SettingKey(
        "connections_max", .integer(1...100_000), or: "2000", "connections served at once")
    public static let idleSeconds = SettingKey(
        "idle_seconds", .integer(1...3_600), or: "75", "an idle connection is closed after this")
    public static let bodyReadMs = SettingKey(
        "body_read_ms", .integer(100...600_000), or: "20000", "a request must have arrived after this")
    public static let handlerMs = SettingKey(
        "handler_ms", .integer(100...600_000), or: "30000", "a request is answered after this, if only with 503")
    public static let stopSeconds = SettingKey(
        "stop_seconds", .integer(1...3_600), or: "60", argument: "--stop-seconds",
        "a stop that takes longer is ended hard; nothing that was committed is lost")
    public static let readsPerMinute = SettingKey(
        "reads_per_minute", .integer(1...1_000_000), or: "1200", "requests that read, of one caller")
    public static let writesPerMinute = SettingKey(
        "writes_per_minute", .integer(1...1_000_000), or: "240", "requests that write, of one caller")
    public static let heavyPerMinute = SettingKey(
        "heavy_per_minute", .integer(1...1_000_000), or: "60", "searches and exports of one caller")
    public static let signInsPerMinute = SettingKey(
        "sign_ins_per_minute", .integer(1...1_000_000), or: "60", "attempts to sign in from one address")
    public static let passwordsBreached = SettingKey(
        "passwords_breached", .path, "list of breached passwords, which are refused: sorted SHA-1 sums, or plain words")
    public static let meterProfiles = SettingKey(
        "meter_profiles", .path, "folder of makers' meter profiles; when not set profiles in the data folder, if there"
    )
    public static let importBytesMax = SettingKey(
        "import_bytes_max", .integer(1_000...10_000_000_000), or: "2000000000",
        "bytes of a load file that is imported, packed and unpacked")

    /// All of them, in the order of the documents.
    public static let all: [SettingKey] = [
        dataFolder, database, databaseFile, databasePasswordFile, masterKey, masterKeyFile, host, port, https,
        forwarded, tlsCertificate, tlsKey, watchPort, pushHost, pushPort,
        pushConnectionsMax, pushConnectionsPerAddress, pushPerMinute, pushBytesMax, pushQueueMax, logLevel, logFormat,
        connectionsMax, idleSeconds, bodyReadMs,
        handlerMs, stopSeconds, readsPerMinute, writesPerMinute, heavyPerMinute, signInsPerMinute, passwordsBreached,
        meterProfiles, importBytesMax,
    ]

    /// Variables that begin with BUSBAR_ and are no settings: where the file is, and what tests and builds read.
    static let otherVariables = [
        "BUSBAR_CONFIG", "BUSBAR_DATA", "BUSBAR_LONG", "BUSBAR_YEAR_CONSUMERS", "BUSBAR_YEAR_DAYS",
        "BUSBAR_YEAR_FAULTS", "BUSBAR_YEAR_SEED",
    ]
}
