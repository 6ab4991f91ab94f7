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

private func vectorFile() -> URL? {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let base =
        ProcessInfo.processInfo.environment["BUSBAR_DATA"].map { URL(fileURLWithPath: $0) }
        ?? package.deletingLastPathComponent().appendingPathComponent("shared")
    let file = base.appendingPathComponent("domain/codes/dlms_vectors.json")
    return FileManager.default.isReadableFile(atPath: file.path) ? file : nil
}

private func readVectors(_ file: URL) throws -> [Vector] {
    struct File: Decodable { var vectors: [Vector] }
    return try JSONDecoder().decode(File.self, from: Data(contentsOf: file)).vectors
}

/// The vectors; none when there is no file.
func vectorsAtHand() throws -> [Vector] { try vectorFile().map { try readVectors($0) } ?? [] }

@Suite struct VectorTests {
    @Test func everyVectorPasses() throws {
        guard let file = vectorFile() else {
            print("DLMS vectors skipped: no domain/codes/dlms_vectors.json under BUSBAR_DATA")
            return
        }
        let vectors = try readVectors(file)
        #expect(vectors.count >= 292)
        var passed = 0
        for vector in vectors {
            do {
                try VectorCheck(vector).run()
                passed += 1
            } catch {
                Issue.record("\(vector.id): \(error)")
            }
        }
        print("DLMS vectors: \(passed) passed of \(vectors.count)")
        #expect(passed == vectors.count)
    }
}
