// `busbar doctor`: what commonly goes wrong around an installation, each finding with its remedy. Changes nothing,
// takes no lock, and so works beside a server that runs.
import Access
import Clocks
import Foundation

/// One thing looked at.
public struct DoctorFinding: Sendable, Equatable, Encodable {
    public enum Level: String, Sendable, Encodable { case ok, warning, wrong }
    public var name: String
    public var level: Level
    public var found: String
    /// What to do, mostly a command to type; empty when all is well.
    public var remedy: String

    private init(_ name: String, _ level: Level, _ found: String, _ remedy: String) {
        (self.name, self.level, self.found, self.remedy) = (name, level, found, remedy)
    }
    static func ok(_ name: String, _ found: String) -> Self { Self(name, .ok, found, "") }
    static func warning(_ name: String, _ found: String, _ remedy: String) -> Self {
        Self(name, .warning, found, remedy)
    }
    static func wrong(_ name: String, _ found: String, _ remedy: String) -> Self { Self(name, .wrong, found, remedy) }
    /// What an error says.
    static func wrong(_ name: String, _ error: any Error) -> Self {
        let complaint = Complaint(error)
        return Self(name, .wrong, complaint.what, complaint.hint)
    }
}

/// What the checks look at.
struct Patient: Sendable {
    var site: SiteOptions
    var settings: ProcessSettings
    var clocks: Clocks
    var surroundings: Surroundings
    /// The process that holds the folder, when somebody does.
    var server: ServingProcess?
}

private struct SettingRow: Encodable {
    var setting: String
    var value: String
    var source: String
}

/// `done` when all is well, `problems` when something is wrong, `partly` when there are warnings only.
public func doctor(
    _ site: SiteOptions, settings: ProcessSettings, clocks: Clocks = .live, surroundings: Surroundings = .live,
    json: Bool, _ console: Console
) async throws -> CommandStatus {
    try sayEffective(settings, json: json, console)
    let patient = Patient(
        site: site, settings: settings, clocks: clocks, surroundings: surroundings,
        server: ServingProcess.holding(site.folder))
    let findings = await doctorFindings(patient)
    for finding in findings {
        if json {
            try console.say(json: finding)
        } else {
            let mark = ["ok": "ok     ", "warning": "warning", "wrong": "WRONG  "][finding.level.rawValue] ?? ""
            console.say("\(mark)  \(finding.name): \(finding.found)")
            if finding.level != .ok { console.say("         \(finding.remedy)") }
        }
    }
    let (wrong, warnings) = (findings.count { $0.level == .wrong }, findings.count { $0.level == .warning })
    console.note(
        wrong + warnings == 0
            ? "all well" : "\(findings.count) findings: \(wrong) wrong, \(warnings) warnings")
    return wrong > 0 ? .problems : warnings > 0 ? .partly : .done
}

private func sayEffective(_ settings: ProcessSettings, json: Bool, _ console: Console) throws {
    if json {
        for setting in settings.all {
            try console.say(
                json: SettingRow(
                    setting: setting.key.name, value: setting.shown, source: setting.source.description))
        }
        return
    }
    console.say("settings from \(settings.file ?? "arguments, environment and defaults; no file")")
    let rows = settings.all.map { ["  " + $0.key.name, $0.shown, $0.source.description] }
    for line in table(rows) { console.say(line) }
    console.say("")
}

func doctorFindings(_ patient: Patient) async -> [DoctorFinding] {
    var findings = settingsFindings(patient) + [userFinding(patient)]
    findings += folderFindings(patient) + keyFindings(patient) + secretFileFindings(patient)
    findings += [spaceFinding(patient), fileSystemFinding(patient), clockFinding(patient)].compactMap { $0 }
    findings += [zoneFinding(), libraryFinding(), openFilesFinding(patient), confinementFinding(patient)]
    findings += certificateFindings(patient) + [portFinding(patient)]
    findings += await databaseFindings(patient)
    if let backup = backupFinding(patient.site, patient.clocks) { findings.append(backup) }
    return findings
}
