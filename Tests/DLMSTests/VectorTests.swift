// Known answers from the shared vector file (env BUSBAR_DATA, default ../shared beside the package), read where it is.
import DLMS
import Foundation
import Testing

struct Vector: Decodable {
    var id: String
    var group: String
    var kind: String
    var inputs: JSON
    var bytes: JSON
    var expect: JSON

    var isNegative: Bool { kind == "negative" }
    func bytes(_ key: String) -> [UInt8]? { bytes[key]?.bytes }
    func input(_ key: String) -> [UInt8]? { inputs[key]?.bytes }
    func need(_ key: String) throws -> [UInt8] {
        guard let value = bytes(key) ?? input(key) else { throw Mismatch(description: "vector has no \(key)") }
        return value
    }
    var keys: SecurityKeys? {
        guard let key = input("block_cipher_key") ?? input("broadcast_key"), let own = input("authentication_key")
        else { return nil }
        return SecurityKeys(encryption: key, authentication: own, broadcast: input("broadcast_key"))
    }
}

/// What is not spoken here, by id or group, and why.
private let notCovered: [String: String] = [
    "hdlc": "HDLC frames meters on serial lines; the meters here are reached over TCP by WRAPPER",
    "a-access": "the ACCESS service is not offered in the conformance block, so no meter uses it with us",
    "a-hls3": "mechanism 3 (MD5) is not used by IS 15959 meters and is refused by configuration",
    "a-hls4": "mechanism 4 (SHA-1) is not used by IS 15959 meters and is refused by configuration",
    "a-hls6": "mechanism 6 (SHA-256) is not used by IS 15959 meters and is refused by configuration",
]

private func vectorFile() -> URL? {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let base =
        ProcessInfo.processInfo.environment["BUSBAR_DATA"].map { URL(fileURLWithPath: $0) }
        ?? package.deletingLastPathComponent().appendingPathComponent("shared")
    let file = base.appendingPathComponent("domain/codes/dlms_vectors.json")
    return FileManager.default.isReadableFile(atPath: file.path) ? file : nil
}

@Suite struct VectorTests {
    @Test func everyVectorPassesOrIsListed() throws {
        guard let file = vectorFile() else {
            print("DLMS vectors skipped: no domain/codes/dlms_vectors.json under BUSBAR_DATA")
            return
        }
        struct File: Decodable { var vectors: [Vector] }
        let vectors = try JSONDecoder().decode(File.self, from: Data(contentsOf: file)).vectors
        #expect(vectors.count >= 292)
        var passed = 0
        var skipped: [String: [String]] = [:]
        var usedReasons: Set<String> = []
        for vector in vectors {
            if let key = notCovered[vector.id] != nil
                ? vector.id : notCovered[vector.group] != nil ? vector.group : nil
            {
                skipped[notCovered[key] ?? "", default: []].append(vector.id)
                usedReasons.insert(key)
                continue
            }
            do {
                try VectorCheck(vector).run()
                passed += 1
            } catch {
                Issue.record("\(vector.id): \(error)")
            }
        }
        for (reason, ids) in skipped.sorted(by: { $0.key < $1.key }) {
            print("DLMS vectors not covered, \(reason): \(ids.joined(separator: " "))")
        }
        let listed = skipped.values.reduce(0) { $0 + $1.count }
        print("DLMS vectors: \(passed) passed, \(listed) listed, of \(vectors.count)")
        #expect(passed + listed == vectors.count)
        #expect(usedReasons == Set(notCovered.keys), "a listed reason matches no vector any more")
    }
}
