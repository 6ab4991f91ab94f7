// Brings files of readings from the disk: size, gzip, pieces with progress, and the SHA-256 they are known by.
import CivilTime
import Compression
import Cryptography
import Dispatch
import Foundation
import LoadFiles

/// The text of a load file, gzip unpacked.
/// - Throws: ``Complaint`` with the name of the file.
func readLoadText(_ path: String) throws -> [UInt8] {
    let limit = LoadFileLimits.standard.bytes
    let bytes = try readFile(path, limit: limit)
    do {
        return Gzip.looksCompressed(bytes) ? try Gzip.decompress(bytes, limit: limit) : bytes
    } catch let error as CompressionError {
        throw Complaint("\(path): \(error.description)", hint: "", .problems)
    }
}

/// A load file all of whose intervals have one length.
/// - Throws: ``Complaint``, `LoadFileError`: always with the name of the file.
func readLoadFile(_ path: String, zone: Zone, progress: ProgressLine) throws -> LoadFile {
    let (text, name) = (try readLoadText(path), shownName(path))
    return try LoadFileParser.parse(
        text, file: name, zone: zone, parts: min(8, ProcessInfo.processInfo.activeProcessorCount),
        sideBySide: { count, read in DispatchQueue.concurrentPerform(iterations: count, execute: read) },
        progress: { progress.at("reading \(name): \($0 / 1_000_000) of \(text.count / 1_000_000) MB") })
}

/// Reads a file of readings of any kind in pieces, so that a file of any size needs the memory of its values.
/// - Returns: what it held, and the SHA-256 of the file as it lies on the disk.
/// - Throws: ``Complaint``, `LoadFileError`.
func readReadings(
    _ path: String, zone: Zone, mapping: ColumnMapping?, options: ReadingOptions, limits: LoadFileLimits,
    progress: ProgressLine
) throws -> (file: ReadFile, sha256: [UInt8]) {
    let size = try sizeOfFile(path, limit: limits.bytes)
    var mapping = mapping
    if mapping == nil, let plain = try readPlain(path, size: size, zone: zone, options: options, limits: limits) {
        guard let dayByDay = plain.file.dayByDay else { return plain }
        mapping = dayByDay
    }
    func read(_ mapping: ColumnMapping?) throws -> (file: ReadFile, sha256: [UInt8]) {
        try readInPieces(
            path, size: size, zone: zone, mapping: mapping, options: options, limits: limits, progress: progress)
    }
    // What was read first goes before the file is read again: both need much memory.
    do {
        let found = try read(mapping)
        guard let dayByDay = found.file.dayByDay else { return found }
        mapping = dayByDay
    }
    return try read(mapping)
}

private func readInPieces(
    _ path: String, size: Int, zone: Zone, mapping: ColumnMapping?, options: ReadingOptions, limits: LoadFileLimits,
    progress: ProgressLine
) throws -> (file: ReadFile, sha256: [UInt8]) {
    guard let handle = FileHandle(forReadingAtPath: path) else {
        throw Complaint("\(path) cannot be read", hint: "Check who may read it.", .problems)
    }
    defer { try? handle.close() }
    let name = shownName(path)
    var parser = ReadingFileParser(file: name, zone: zone, mapping: mapping, options: options, limits: limits)
    var done = 0
    let sha256 = try Hash.sha256(pieces: {
        guard let data = try handle.read(upToCount: 1 << 20), !data.isEmpty else { return nil }
        let piece = [UInt8](data)
        try parser.feed(piece)
        done += piece.count
        progress.at("reading \(name): \(done / 1_000_000) of \(size / 1_000_000) MB")
        return piece
    })
    return (try parser.finish(), sha256)
}

/// A large plain CSV, whole and in parts side by side; nil for everything else, which is read in pieces.
private func readPlain(
    _ path: String, size: Int, zone: Zone, options: ReadingOptions, limits: LoadFileLimits
) throws -> (file: ReadFile, sha256: [UInt8])? {
    guard (1_000_000...1_000_000_000).contains(size) else { return nil }
    guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
    let head = try handle.read(upToCount: 200_000) ?? Data()
    try handle.close()
    var kind = ReadingFileParser(file: shownName(path), zone: zone, options: options, limits: limits)
    guard (try? kind.feed([UInt8](head))) != nil, kind.isPlainLoad else { return nil }
    return PlainLoad.read(
        path, file: shownName(path), zone: zone, stamps: options.stamps, limits: limits,
        parts: min(8, ProcessInfo.processInfo.activeProcessorCount)
    ).map { (.load($0.load), $0.sha256) }
}

/// The last part of a path as messages and tables show it. It is a label, and never becomes a path again.
func shownName(_ path: String) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return String(String.UnicodeScalarView(name.unicodeScalars.prefix(200).map { $0.value < 0x20 ? "?" : $0 }))
}

/// The size of a file of the caller's.
private func sizeOfFile(_ path: String, limit: Int) throws -> Int {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        throw Complaint("\(path): there is no such file", hint: "Check the path.", .usage)
    }
    guard !isFolder.boolValue else {
        throw Complaint("\(path) is a folder", hint: "Give a file.", .usage)
    }
    let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
    guard size <= limit else {
        throw Complaint("\(path) has \(size) bytes; at most \(limit) are read", hint: "Split the file.", .usage)
    }
    return size
}

/// A file of the caller's, whole.
func readFile(_ path: String, limit: Int) throws -> [UInt8] {
    _ = try sizeOfFile(path, limit: limit)
    guard let data = FileManager.default.contents(atPath: path) else {
        throw Complaint("\(path) cannot be read", hint: "Check who may read it.", .problems)
    }
    return [UInt8](data)
}

func knownZone(_ name: String, _ option: String = "--zone") throws -> Zone {
    guard let zone = Zone(name) else {
        throw Complaint("\(option) \(name): no such zone", hint: "Give a name such as Asia/Kolkata or UTC.", .usage)
    }
    return zone
}
