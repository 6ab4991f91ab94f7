// The profile files of makers in their folder: read once at the start, with limits. A file that is wrong stops the
// start; nobody should find out from a meter.
import Foundation
import IS15959

/// Where the files are.
public enum MeterProfileFolder {
    /// In the data folder, when nobody names another.
    public static let usual = "profiles"

    /// The profiles of the program and those of the folder's files ending in `.json`.
    /// - Parameters:
    ///   - named: by a person: it must be there.
    ///   - dataFolder: whose `profiles` is read when nobody named one and it is there.
    /// - Throws: ``Complaint`` with file, place and how to mend it.
    public static func read(named: String?, dataFolder: String?) throws -> ProfileBook {
        let usualFolder = dataFolder.map { $0 + "/" + usual }
        guard let folder = named ?? usualFolder else { return .standard }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) else {
            guard let named else { return .standard }
            throw Complaint(
                "\(named): there is no such folder of meter profiles",
                hint: "Make it, or leave \(SettingKey.meterProfiles.name) out.", .usage)
        }
        guard isFolder.boolValue else {
            throw Complaint("\(folder) is no folder", hint: "Put meter profiles in a folder.", .usage)
        }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
                .filter { $0.hasSuffix(".json") && !$0.hasPrefix(".") }.sorted()
        } catch {
            throw Complaint("\(folder) cannot be read", hint: "Check who may read it.", .problems)
        }
        guard names.count <= ProfileBook.maximumFiles else {
            throw Complaint(
                "\(folder) has \(names.count) meter profiles; at most \(ProfileBook.maximumFiles) are read",
                hint: "Move away those that no meter has.", .problems)
        }
        let files = try names.map { name in
            let path = "\(folder)/\(name)"
            let bytes = try readFile(path, limit: MeterProfile.maximumFileBytes)
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw Complaint("\(path): not UTF-8", hint: "Save it as UTF-8.", .problems)
            }
            return (file: path, text: text)
        }
        do {
            return try ProfileBook(files: files)
        } catch {
            throw Complaint(
                "\(error)", hint: "docs/dlms.md shows a file; mend this one, or move it out of the folder.", .problems)
        }
    }
}
