// The doctor's look at files: folder, keys, secrets, certificate. One function a check; no secret is ever shown.
import API
import Access
import Clocks
import Foundation

func folderFindings(_ patient: Patient) -> [DoctorFinding] {
    let folder = patient.site.folder
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
        return [.wrong("data folder", "\(folder) is not there", "`busbar db migrate --data \(folder)` makes it")]
    }
    guard FileManager.default.isWritableFile(atPath: folder) else {
        return [
            .wrong(
                "data folder", "\(folder) cannot be written by this user",
                "`sudo -u busbar busbar doctor`, or `chown -R busbar: \(folder)`")
        ]
    }
    guard let mode = fileMode(folder), mode & 0o077 == 0 else {
        return [.wrong("data folder", "\(folder) can be read by other users", "`chmod 700 \(folder)`")]
            + ownerFindings(folder)
    }
    return [.ok("data folder", "\(folder), closed to others")] + ownerFindings(folder)
}

/// A command run as root leaves files the server cannot open.
private func ownerFindings(_ folder: String) -> [DoctorFinding] {
    func owner(_ path: String) -> String? {
        (try? FileManager.default.attributesOfItem(atPath: path)[.ownerAccountName] as? String) ?? nil
    }
    guard let wanted = owner(folder) else { return [] }
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    let foreign = names.filter { owner("\(folder)/\($0)").map { $0 != wanted } ?? false }
    let open = names.filter { (fileMode("\(folder)/\($0)") ?? 0) & 0o077 != 0 && $0.hasSuffix(".db") }
    var findings: [DoctorFinding] = []
    if !foreign.isEmpty {
        findings.append(
            .wrong(
                "files", "\(foreign.prefix(3).joined(separator: ", ")) do not belong to \(wanted)",
                "`chown -R \(wanted): \(folder)`"))
    }
    if !open.isEmpty {
        findings.append(
            .warning(
                "files", "\(open.prefix(3).joined(separator: ", ")) can be read by others once they are moved",
                "`chmod 600 \(folder)/*.db`"))
    }
    return findings.isEmpty ? [.ok("files", "\(names.count), all of \(wanted)")] : findings
}

func keyFindings(_ patient: Patient) -> [DoctorFinding] {
    let place = MasterKey.place(patient.site)
    do {
        if let path = MasterKey.files(patient.site)?.current {
            guard FileManager.default.fileExists(atPath: path) else {
                return [
                    .wrong(
                        "master key", "\(path) is not there",
                        "Restore it from its backup; for a new installation `busbar db migrate` makes one")
                ]
            }
            // A key outside the folder may be root's, read by the group of the service.
            let others = patient.site.masterKey == .folder ? 0o077 : 0o037
            guard let mode = fileMode(path), mode & others == 0 else {
                let wanted = patient.site.masterKey == .folder ? "600" : "640"
                return [.wrong("master key", "\(path) can be read by other users", "`chmod \(wanted) \(path)`")]
            }
        }
        _ = try MasterKey.ring(patient.site)
    } catch {
        return [.wrong("master key", error)]
    }
    return [.ok("master key", "from \(place), closed to others")] + changeFindings(patient.site)
}

private func changeFindings(_ site: SiteOptions) -> [DoctorFinding] {
    guard let files = MasterKey.files(site), let current = files.current else { return [] }
    var findings: [DoctorFinding] = []
    if FileManager.default.fileExists(atPath: files.next) {
        findings.append(
            .warning(
                "master key", "a change was begun and has not ended; both keys are in use",
                "Stop the server, then `busbar key rotate-master`"))
    }
    let folder = (current as NSString).deletingLastPathComponent
    let begin = (current as NSString).lastPathComponent + ".retired-"
    let retired = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasPrefix(begin) }
    if let first = retired.sorted().first {
        findings.append(
            .warning(
                "master key", "\(retired.count) retired key(s) lie beside the current one",
                "Move \(folder)/\(first) to where the backups' key is kept; delete it with the last backup it opens"))
    }
    return findings
}

/// Files that hold a secret and are named by a setting.
func secretFileFindings(_ patient: Patient) -> [DoctorFinding] {
    ([.databaseFile, .databasePasswordFile, .tlsKey] as [SettingKey]).compactMap { key in
        guard let path = patient.settings.text(key), let mode = fileMode(path) else { return nil }
        guard mode & 0o007 == 0 else {
            return .wrong(key.name, "\(path) can be read by everybody", "`chmod 640 \(path)`")
        }
        return .ok(key.name, "\(path), closed to others")
    }
}

private let warnDays: Int64 = 30

func certificateFindings(_ patient: Patient) -> [DoctorFinding] {
    do {
        guard let files = try patient.settings.tlsFiles() else { return [] }
        let dates = try ServerTLS(files).dates
        let nowS = patient.clocks.systemNowMs() / 1_000
        let renew = "Renew \(files.certificate), then `systemctl reload busbar`"
        if nowS < dates.fromS {
            return [.wrong("certificate", "it is not valid yet; is the clock right?", "`date`, and the certificate")]
        }
        guard nowS < dates.untilS else { return [.wrong("certificate", "it has expired", renew)] }
        let days = (dates.untilS - nowS) / 86_400
        guard days >= warnDays else { return [.warning("certificate", "it expires in \(days) days", renew)] }
        return [.ok("certificate", "valid for \(days) more days, and the key belongs to it")]
    } catch {
        return [.wrong("certificate", error)]
    }
}
