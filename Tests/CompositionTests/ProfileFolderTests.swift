// The folder of makers' meter profiles: when it is read, and what a bad one says.
import Foundation
import IS15959
import TestSupport
import Testing

@testable import Composition

@Suite struct ProfileFolderTests {
    static let good = "{\"format\":1,\"name\":\"acme-one\",\"base\":\"single-phase\",\"maker\":\"Acme\"}"

    private func with(_ files: [String: String], _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("busbar-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder + "/profiles", withIntermediateDirectories: true)
        for (name, text) in files { try Bench.write(text, to: folder + "/profiles/" + name) }
        try body(folder)
    }

    private func complaint(named: String?, dataFolder: String?) -> Complaint? {
        do {
            _ = try MeterProfileFolder.read(named: named, dataFolder: dataFolder)
            return nil
        } catch {
            return error as? Complaint
        }
    }

    @Test("the folder of the data folder is read when it is there; a named one must be")
    func folders() throws {
        try with(["acme.json": Self.good, "notes.txt": "no profile", ".hidden.json": "{"]) { folder in
            let book = try MeterProfileFolder.read(named: nil, dataFolder: folder)
            #expect(book.named("acme-one")?.maker == "Acme")
            #expect(book.origin(of: "acme-one")?.file == folder + "/profiles/acme.json")
            let named = try MeterProfileFolder.read(named: folder + "/profiles", dataFolder: "/nowhere")
            #expect(named.names == book.names)
            #expect(
                try MeterProfileFolder.read(named: nil, dataFolder: folder + "/none").names
                    == ProfileBook.standard.names)
            #expect(complaint(named: folder + "/none", dataFolder: folder)?.status == .usage)
            #expect(
                complaint(named: folder + "/profiles/acme.json", dataFolder: nil)?.what.contains("no folder") == true)
        }
    }

    @Test("a bad file stops the start with file, place and what to do")
    func bad() throws {
        let stray = Self.good.replacingOccurrences(of: "\"maker\"", with: "\"makr\"")
        try with(["acme.json": stray]) { folder in
            let told = try #require(complaint(named: nil, dataFolder: folder))
            #expect(told.what.contains("/profiles/acme.json") && told.what.contains("unknown key makr"))
            #expect(!told.hint.isEmpty && told.status == .problems)
        }
        try with(["big.json": String(repeating: " ", count: MeterProfile.maximumFileBytes + 1)]) { folder in
            #expect(complaint(named: nil, dataFolder: folder)?.what.contains("big.json") == true)
        }
    }

    @Test("the setting is read, and meters take only names that there are")
    func setting() throws {
        let settings = try ProcessSettings(
            arguments: [:], environment: ["BUSBAR_METER_PROFILES": "/etc/busbar/profiles"], usualFile: "")
        #expect(try settings.site().meterProfiles == "/etc/busbar/profiles")
        #expect(throws: Complaint.self) { try knownProfile("singel-phase", in: .standard) }
        for name in ProfileBook.standard.names { try knownProfile(name, in: .standard) }
    }
}
