// The doctor's look at the machine: user, room, clock, limits, libraries, port, confinement. One function a check.
import Access
import CivilTime
import Clocks
import Compression
import Foundation

func settingsFindings(_ patient: Patient) -> [DoctorFinding] {
    let known = Set(SettingKey.all.map(\.variable) + SettingKey.otherVariables)
    let strangers = patient.surroundings.environment.keys.filter { $0.hasPrefix("BUSBAR_") && !known.contains($0) }
    var findings = strangers.sorted().map { name in
        DoctorFinding.warning("settings", "the variable \(name) is no setting", "`unset \(name)`, or correct its name")
    }
    if let file = patient.settings.file, let mode = fileMode(file), mode & 0o022 != 0 {
        findings.append(.wrong("settings", "\(file) can be changed by other users", "`chmod 640 \(file)`"))
    }
    findings += patient.settings.warnings.map { .warning("settings", $0, "Put it into the environment or a file.") }
    return findings.isEmpty ? [.ok("settings", "known and of the right form")] : findings
}

func userFinding(_ patient: Patient) -> DoctorFinding {
    guard patient.surroundings.userID == 0 else { return .ok("user", "not root") }
    return .warning(
        "user", "this runs as root; files it makes may be closed to the server",
        "`sudo -u busbar busbar doctor`, and serve as a user of its own")
}

func spaceFinding(_ patient: Patient) -> DoctorFinding? {
    guard let space = patient.surroundings.space(patient.site.folder) else { return nil }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: patient.site.folder)) ?? []
    let used = names.filter { $0.hasSuffix(".db") }.reduce(Int64(0)) { $0 + fileSize("\(patient.site.folder)/\($1)") }
    let text = "\(space.freeBytes / 1_000_000) MB free, the databases of the folder take \(used / 1_000_000) MB"
    guard space.freeBytes >= 1_000_000_000 else {
        return .wrong("disk", text, "Make room, at least 1000 MB: `df -h \(patient.site.folder)`")
    }
    guard space.freeBytes >= 2 * used, space.freeBytes >= space.totalBytes / 20 else {
        return .warning(
            "disk", text,
            "Make room: twice the databases, and a twentieth of the disk: `df -h \(patient.site.folder)`")
    }
    return .ok("disk", text)
}

func fileSystemFinding(_ patient: Patient) -> DoctorFinding? {
    guard patient.site.databaseURL == nil else { return nil }
    guard let kind = patient.surroundings.networkFileSystem(patient.site.folder) else {
        return .ok("file system", "of this machine, or one that does not say so")
    }
    return .wrong(
        "file system", "\(patient.site.folder) is on \(kind), where locks cannot be relied on",
        "Move the folder to a disk of this machine, or use PostgreSQL")
}

/// 2026-01-01, when this program did not exist yet, and 2100-01-01.
private let plausibleMs: Range<Int64> = 1_767_225_600_000..<4_102_444_800_000

func clockFinding(_ patient: Patient) -> DoctorFinding {
    guard plausibleMs.contains(patient.clocks.systemNowMs()) else {
        return .wrong(
            "clock", "the time of this machine cannot be right", "`timedatectl set-ntp true`, then `timedatectl`")
    }
    switch patient.surroundings.isClockSynchronised {
    case true: return .ok("clock", "kept by the network")
    case false: return .warning("clock", "nobody keeps it right", "`timedatectl set-ntp true`, or install chrony")
    default: return .ok("clock", "plausible; the kernel does not say who keeps it")
    }
}

func zoneFinding() -> DoctorFinding {
    guard Zone("Asia/Kolkata") != nil, Zone("Europe/London") != nil else {
        return .wrong("zone data", "the data of time zones is missing", "`apt-get install tzdata`")
    }
    return .ok("zone data", "there")
}

/// Seals and opens, packs and unpacks, so that a broken library shows here and not at midnight.
func libraryFinding() -> DoctorFinding {
    let text = Array("every charge says why".utf8)
    do {
        let ring = try KeyRing(current: Secret.bytes(32))
        let isSealed = ring.open(try ring.seal(text, binding: "doctor"), binding: "doctor") == text
        let isPacked = try Gzip.decompress(try Gzip.compress(text), limit: 1_000) == text
        if isSealed, isPacked { return .ok("libraries", "libcrypto and zlib do what they should") }
    } catch {
        return .wrong("libraries", error)
    }
    return .wrong(
        "libraries", "libcrypto or zlib gives wrong results", "`apt-get install --reinstall libssl3 zlib1g`")
}

func openFilesFinding(_ patient: Patient) -> DoctorFinding {
    let limit = patient.server?.openFilesMax ?? patient.surroundings.openFilesMax
    // Connections, months of readings with their logs, and what the process itself holds.
    let needed = UInt64(patient.settings.number(.connectionsMax)) + 500
    let who = patient.server == nil ? "a process of this user" : "the serving process"
    guard limit >= needed else {
        return .warning(
            "open files", "\(who) may hold \(limit), and \(needed) may be wanted",
            "LimitNOFILE=65536 in the systemd unit, or `ulimit -n 65536`")
    }
    return .ok("open files", "\(who) may hold \(limit)")
}

func confinementFinding(_ patient: Patient) -> DoctorFinding {
    guard let server = patient.server, let missing = server.missingConfinement else {
        return .ok("confinement", "no serving process of this folder to look at")
    }
    guard missing.isEmpty else {
        return .warning(
            "confinement", "process \(server.processID): \(missing.joined(separator: ", "))",
            "Run it by ops/systemd/busbar.service: `systemctl enable --now busbar`")
    }
    return .ok("confinement", "process \(server.processID) has no privileges and a filter of system calls")
}

func portFinding(_ patient: Patient) -> DoctorFinding {
    let (host, port) = (patient.settings.text(.host) ?? "", Int(patient.settings.number(.port)))
    guard port > 0 else { return .ok("port", "a free one is taken at the start") }
    switch ListeningPlace.tryOut(host: host, port: port) {
    case .free: return .ok("port", "\(port) on \(host) is free")
    case .taken:
        if let server = patient.server {
            return .ok("port", "\(port) on \(host) is in use, as it should be while process \(server.processID) serves")
        }
        return .warning(
            "port", "\(port) on \(host) is in use by a process that does not hold this folder",
            "`ss -ltnp 'sport = :\(port)'` names it; choose another with port")
    case .forbidden:
        return .wrong(
            "port", "this user may not listen on \(port)",
            "Choose a port from 1024 on, or AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit")
    case .unknownHost(let why):
        return .wrong("port", "\(host) is no address of this machine: \(why)", "Correct host; `ip address` lists them")
    }
}

func fileMode(_ path: String) -> Int? {
    (try? FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int) ?? nil
}

func fileSize(_ path: String) -> Int64 {
    ((try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int64) ?? nil) ?? 0
}
