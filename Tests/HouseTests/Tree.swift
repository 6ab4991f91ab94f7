// The real tree: every file of the repository that is not made by a build or a run.
import Foundation

enum Tree {
    /// The root of the repository.
    static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static let skippedFolders: Set<String> = [
        ".build", ".git", ".venv", ".swiftpm", "__pycache__", "node_modules",
    ]
    private static let skippedPaths: Set<String> = ["data", "e2e/out", "Package.resolved", ".git"]

    static func files() throws -> [HouseFile] {
        var found: [HouseFile] = []
        try collect("", into: &found)
        return found.sorted { $0.path < $1.path }
    }

    private static func collect(_ folder: String, into found: inout [HouseFile]) throws {
        let base = folder.isEmpty ? root : root.appendingPathComponent(folder)
        for name in try FileManager.default.contentsOfDirectory(atPath: base.path) {
            let path = folder.isEmpty ? name : "\(folder)/\(name)"
            guard !skippedFolders.contains(name), !skippedPaths.contains(path) else { continue }
            let url = root.appendingPathComponent(path)
            let values = try url.resourceValues(forKeys: [.isDirectoryKey, .isSymbolicLinkKey])
            if values.isSymbolicLink == true { continue }
            if values.isDirectory == true {
                try collect(path, into: &found)
            } else {
                let data = try Data(contentsOf: url)
                // A picture or another binary file has a size and no text.
                let isText = !data.prefix(8192).contains(0)
                found.append(
                    HouseFile(path, isText ? String(decoding: data, as: UTF8.self) : "", byteCount: data.count))
            }
        }
    }

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }
}
