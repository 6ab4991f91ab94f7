// Who may import whom. The tables are the law; Package.swift and every import line are held against them.
// SwiftPM does not stop an import of an undeclared transitive dependency, so this does.
import Foundation

/// Layers from the ground up. An import points down, or sideways where a table below says so.
let layersFromBelow = ["CShims", "Core", "Ports", "Adapters", "Domains", "App", "Executable"]

/// Imports within a layer: the graph of docs/architecture.md. A target that is not listed imports no neighbour. A
/// domain
/// may also import what its neighbours may: their values come with theirs.
let neighbours: [String: Set<String>] = [
    // Core
    "IntervalData": ["CivilTime", "Quantities"],
    "LoadFiles": ["IntervalData", "CivilTime", "Quantities", "Compression", "IEC61968"],
    "VEE": ["IntervalData", "CivilTime"],
    "Tariffs": ["Quantities", "CivilTime"],
    "Subscriptions": ["Tariffs", "Quantities", "CivilTime"],
    "DLMS": ["Cryptography", "CivilTime"],
    "IS15959": ["DLMS", "CivilTime"],
    "IEC61968": ["CivilTime"],
    "Reliability": ["CivilTime"],
    "Charts": ["Quantities", "CivilTime", "IntervalData"],
    // Ports
    "Outbox": ["SQL"],
    // Domains
    "Access": [],
    "Grid": ["Access"],
    "Accounts": ["Access", "Grid"],
    "Meters": ["Access", "Accounts"],
    "HeadEnd": ["Access", "Meters"],
    "MeterData": ["Access", "Meters"],
    "Packs": ["Access", "Accounts"],
    "Aggregation": ["Access", "Accounts", "Meters", "MeterData", "Packs"],
    "Journal": ["Access"],
    "Messaging": ["Access"],
    "Rating": ["Access", "Accounts", "Meters", "MeterData", "Packs", "Journal"],
    "Payments": ["Access", "Accounts", "Journal"],
    "Supply": ["Access", "Accounts", "Journal", "Meters", "Messaging"],
    // App
    "Jobs": ["Watch"],
    "Exchange": [],
    "API": ["Watch", "Jobs", "Exchange"],
    "Web": ["Jobs", "API"],
    "Composition": ["Watch", "Jobs", "API", "Web", "Exchange"],
]

/// Modules from outside, and the C shims: who may import them. `NIO` stands for every module of swift-nio.
let outsiders: [String: Set<String>] = [
    "CSQLite": ["SQLiteAdapter"],
    "CPQ": ["PostgresAdapter"],
    "CArgon2": ["Cryptography"],
    "CCrypto": ["Cryptography"],
    "CZlib": ["Compression"],
    "NIO": ["MeterLink", "MeterListener", "MeterFleet", "API", "Composition"],
    "Hummingbird": ["API", "Web", "Composition"],
    "HTTPTypes": ["API", "Web", "Composition"],
    "Mustache": ["Web"],
    "Logging": ["Watch", "Jobs", "API", "Web", "Composition", "busbar"],
    "CoreMetrics": ["Watch", "Composition"],
    "Instrumentation": ["Watch"],
    "Tracing": ["Watch"],
    "ServiceLifecycle": ["Jobs", "Composition"],
    "UnixSignals": ["Composition"],
    "ArgumentParser": ["busbar"],
    "Yams": ["Tariffs"],
]

/// What the executable may import beside Composition, each with its reason.
let executableExtras: [String: String] = [
    "CivilTime": "days and zones as options", "MeterFleet": "keys and counts of simulated meters as options",
]

/// Parts of the toolchain. Core does without those that reach outside the process.
let toolchain: Set<String> = ["Swift", "Foundation", "FoundationEssentials", "Synchronization", "Glibc", "Dispatch"]
let notInCore: Set<String> = ["Glibc", "Dispatch"]

/// One `target("Layer", "Name", …)` of the manifest, with its dependencies by name.
struct ManifestTarget: Equatable {
    let layer: String
    let name: String
    let dependencies: Set<String>
    let line: Int
}

/// Reads the targets out of the text of Package.swift: calls of `target(…)`, `library(…)`, `.executableTarget(…)` and
/// of
/// `.target(…)` with a path under Sources, in which a bare name stands for the list or product it was given with `let`.
func manifestTargets(_ manifest: String) -> [ManifestTarget] {
    let text = manifest.split(separator: "\n", omittingEmptySubsequences: false)
        .map { line in line.contains("//") && !line.contains("://") ? line.split(separator: "//")[0] : line }
        .joined(separator: "\n")
    let lists = manifestLists(text)
    var targets: [ManifestTarget] = []
    for (call, layer) in [
        ("target(", nil), (".target(", nil), ("library(", "CShims"), (".executableTarget(", "Executable"),
    ] as [(String, String?)] {
        for at in occurrences(of: call, in: Array(text.utf8)) {
            let start = text.utf8.index(text.startIndex, offsetBy: at + call.utf8.count)
            if text[..<start].hasSuffix("func \(call)") || (call == "target(" && text[..<start].hasSuffix(".target(")) {
                continue
            }
            let arguments = balanced(text[start...])
            // What measures the house stands outside it.
            if arguments.contains("path: \"benchmarks/") { continue }
            // The folders of resources are no targets.
            var words = quotedAndBare(arguments.components(separatedBy: "resources:")[0])
            if call == ".target(" {
                // What stands behind the path is no dependency; the path names the layer.
                guard let path = words.firstIndex(where: { $0.quoted && $0.word.hasPrefix("Sources/") }),
                    !words[path].word.contains("\\(")
                else { continue }
                let named = words[path].word.split(separator: "/").dropFirst().first.map(String.init) ?? ""
                words = [(named, true)] + words[..<path]
            }
            let line = text[..<start].count { $0 == "\n" } + 1
            guard let first = words.first?.word else { continue }
            if layer == nil { words.removeFirst() }
            guard let name = words.first?.word else { continue }
            words.removeFirst()
            // A shim's remaining arguments are its Debian package and its pkg-config name, no dependencies.
            let dependencies: [String] =
                layer == "CShims" ? [] : words.flatMap { $0.quoted ? [$0.word] : lists[$0.word] ?? [] }
            let paths = dependencies.filter { $0.contains("/") || $0.contains("-") }
            targets.append(
                ManifestTarget(
                    layer: layer ?? first, name: name, dependencies: Set(dependencies).subtracting(paths), line: line))
        }
    }
    return targets
}

/// `let name: … = […]` and `let name: … = .product(…)` of the manifest: the module names they stand for.
private func manifestLists(_ text: String) -> [String: [String]] {
    var lists: [String: [String]] = [:]
    for piece in ("\n" + text).components(separatedBy: "\nlet ").dropFirst() {
        guard let equals = piece.firstIndex(of: "="), let colon = piece.firstIndex(of: ":"), colon < equals,
            piece[colon..<equals].contains("Target.Dependency")
        else { continue }
        let value = piece[piece.index(after: equals)...].drop { $0 == " " }
        guard value.hasPrefix("[") || value.hasPrefix(".product") else { continue }
        let body = balanced(value.drop { $0 != "[" && $0 != "(" }.dropFirst())
        let names = quotedAndBare(body).filter(\.quoted).map(\.word).filter {
            !$0.contains("-") && !isPackageName($0, in: body)
        }
        lists[String(piece[..<colon])] = names
    }
    return lists
}

/// `package: "hummingbird"` names a package, not a module.
private func isPackageName(_ word: String, in body: String) -> Bool {
    body.contains("package: \"\(word)\"") && !body.contains("name: \"\(word)\"")
}

private func balanced(_ text: Substring) -> String {
    var open = 1
    var body = ""
    for character in text {
        if character == "(" || character == "[" { open += 1 }
        if character == ")" || character == "]" { open -= 1 }
        if open == 0 { break }
        body.append(character)
    }
    return body
}

private func quotedAndBare(_ text: String) -> [(word: String, quoted: Bool)] {
    var words: [(String, Bool)] = []
    for (number, piece) in text.split(separator: "\"", omittingEmptySubsequences: false).enumerated() {
        if number % 2 == 1 {
            words.append((String(piece), true))
        } else {
            words += piece.split { !($0.isLetter || $0.isNumber) }.map { (String($0), false) }
                .filter { $0.0.first?.isLowercase == true && $0.0 != "name" && $0.0 != "package" && $0.0 != "path" }
        }
    }
    return words
}

/// The modules a Swift file imports, with their lines.
func imports(of file: HouseFile) -> [(line: Int, module: String)] {
    file.lines.compactMap { line in
        guard !occurrences(of: "import", in: line.code).isEmpty else { return nil }
        let words = line.codeText.split { $0 == " " || $0 == "\t" }.drop {
            $0.hasPrefix("@") || ["public", "package", "internal", "fileprivate", "private"].contains($0)
        }
        guard words.first == "import", let named = words.dropFirst().first else { return nil }
        let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "let", "var", "typealias", "actor"]
        let path = kinds.contains(named) ? words.dropFirst(2).first ?? named : named
        return (line.number, String(path.prefix { $0 != "." && $0 != ";" }))
    }
}

/// Holds the manifest against the tables.
func manifestFindings(_ manifest: String) -> [Finding] {
    let targets = manifestTargets(manifest)
    let layerOf = Dictionary(targets.map { ($0.name, $0.layer) }, uniquingKeysWith: { first, _ in first })
    return targets.flatMap { target in
        target.dependencies.sorted().compactMap { dependency in
            refusal(of: dependency, in: target.name, layer: target.layer, layerOf: layerOf).map {
                Finding(path: "Package.swift", line: target.line, rule: "borders", message: $0)
            }
        }
    }
}

/// Holds the import lines of one file under Sources against the tables and its declared dependencies.
func importFindings(_ file: HouseFile, targets: [ManifestTarget]) -> [Finding] {
    guard let (layer, name) = file.place, file.path.hasSuffix(".swift") else { return [] }
    func finding(_ line: Int, _ message: String) -> Finding {
        Finding(path: file.path, line: line, rule: "borders", message: message)
    }
    guard let target = targets.first(where: { $0.name == name }) else {
        return [finding(1, "Package.swift declares no target \(name)")]
    }
    guard target.layer == layer else {
        return [finding(1, "\(name) is declared in layer \(target.layer) and lies in \(layer)")]
    }
    let layerOf = Dictionary(targets.map { ($0.name, $0.layer) }, uniquingKeysWith: { first, _ in first })
    return imports(of: file).compactMap { line, module in
        if let message = refusal(of: module, in: name, layer: layer, layerOf: layerOf) { return finding(line, message) }
        if layerOf[module] != nil, !target.dependencies.contains(module) {
            return finding(line, "\(name) imports \(module) without declaring it in Package.swift")
        }
        return nil
    }
}

/// Why `target` may not import `module`, or nil when it may.
private func refusal(of module: String, in target: String, layer: String, layerOf: [String: String]) -> String? {
    let outside = module.hasPrefix("NIO") ? "NIO" : module.hasPrefix("Hummingbird") ? "Hummingbird" : module
    if let allowed = outsiders[outside] {
        return allowed.contains(target)
            ? nil : "\(target) may not import \(module); only \(allowed.sorted().joined(separator: ", ")) may"
    }
    if toolchain.contains(module) {
        return layer == "Core" && notInCore.contains(module) ? "Core is pure: \(target) may not import \(module)" : nil
    }
    guard let moduleLayer = layerOf[module] else {
        return "\(module) is not known here: enter it into the tables of HouseTests, with a decision record"
    }
    guard let mine = layersFromBelow.firstIndex(of: layer), let its = layersFromBelow.firstIndex(of: moduleLayer) else {
        return "\(layer) or \(moduleLayer) is no layer of this house"
    }
    if mine == its {
        return mayReach(module, from: target, layer: layer)
            ? nil : "\(target) may not import its neighbour \(module): see the graph in docs/architecture.md"
    }
    if its > mine { return "\(target) (\(layer)) may not import \(module) (\(moduleLayer)): imports point down" }
    if layer == "Executable", executableExtras[module] != nil { return nil }
    if moduleLayer == "Adapters", target != "Composition" {
        return "\(target) may not name the adapter \(module): only Composition does"
    }
    if layer == "Executable", module != "Composition" {
        return "the executable parses arguments and hands over to Composition; it may not import \(module)"
    }
    return nil
}

/// Whether the graph lets a target import a neighbour: directly, and for a domain also by way of its neighbours.
private func mayReach(_ module: String, from target: String, layer: String) -> Bool {
    let near = neighbours[target] ?? []
    if near.contains(module) { return true }
    return layer == "Domains" && near.contains { mayReach(module, from: $0, layer: layer) }
}

/// Every folder Sources/<Layer>/<Target> is declared, and everything declared has a folder.
func folderFindings(_ files: [HouseFile], targets: [ManifestTarget]) -> [Finding] {
    let folders = Set(files.compactMap { $0.place.map { "Sources/\($0.layer)/\($0.target)" } })
    let declared = Set(targets.map { "Sources/\($0.layer)/\($0.name)" })
    return folders.subtracting(declared).sorted().map {
        Finding(path: $0, line: 1, rule: "borders", message: "Package.swift declares no such target")
    }
        + declared.subtracting(folders).sorted().map {
            Finding(path: "Package.swift", line: 1, rule: "borders", message: "\($0) is declared and has no file")
        }
}

/// A table is written only by the target that creates it, and read only by those that may import its owner.
func tableFindings(_ files: [HouseFile], targets: [ManifestTarget]) -> [Finding] {
    var owner: [String: String] = [:]
    let swift = files.filter { $0.path.hasSuffix(".swift") && $0.place != nil }
    for file in swift {
        for line in file.lines {
            for table in names(after: ["CREATE TABLE"], in: line.strings) { owner[table] = file.place?.target }
        }
    }
    return swift.flatMap { file in
        let mine = file.place?.target ?? ""
        let known = targets.first { $0.name == mine }?.dependencies ?? []
        return file.lines.flatMap { line in
            let written = names(after: ["INTO", "UPDATE", "DELETE FROM"], in: line.strings)
            let read = names(after: ["FROM", "JOIN", "REFERENCES"], in: line.strings)
            return Set(written + read).sorted().compactMap { table -> Finding? in
                guard let owning = owner[table], owning != mine else { return nil }
                if known.contains(owning), !written.contains(table) { return nil }
                return Finding(
                    path: file.path, line: line.number, rule: "table-owner",
                    message: "table \(table) belongs to \(owning): call a function of \(owning) instead")
            }
        }
    }
}

private func names(after keywords: [String], in sql: [UInt8]) -> [String] {
    keywords.flatMap { keyword in
        occurrences(of: keyword, in: sql).compactMap { at in
            let rest = sql[(at + keyword.utf8.count)...].drop { $0 == UInt8(ascii: " ") }
            let name = String(decoding: rest.prefix(while: isWordByte), as: UTF8.self)
            return name.isEmpty ? nil : name
        }
    }
}
