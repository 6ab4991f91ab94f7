// TLS of the server: reads certificate and key, refuses what does not fit, and takes a renewed certificate into use
// without ending a connection. Knows nothing of requests.
import Access
import Foundation
import HummingbirdTLS
import NIOCore
import NIOSSL
import Synchronization

/// Where certificate and key are: PEM, the server's own certificate first, then those up to the root.
public struct TLSFiles: Sendable, Equatable {
    public var certificate: String
    public var key: String
    public init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }
}

/// What a certificate says of itself.
public struct CertificateDates: Sendable, Equatable {
    /// Seconds since 1970 (UTC).
    public var fromS: Int64
    public var untilS: Int64
}

/// A certificate with its key, as they were when they were last read.
public final class ServerTLS: Sendable {
    private struct Pair {
        var chain: [NIOSSLCertificate]
        var key: NIOSSLPrivateKey
    }
    private let files: TLSFiles
    private let pair: Mutex<Pair>

    /// - Throws: ``Refusal`` `unavailable` when a file cannot be read, is open to all, or both do not belong together.
    public init(_ files: TLSFiles) throws {
        self.files = files
        pair = Mutex(try Self.load(files))
    }

    /// Reads both files again. New connections get the new certificate; when it does not fit, the old one stays.
    public func reload() throws {
        let fresh = try Self.load(files)
        pair.withLock { $0 = fresh }
    }

    /// The shortest of the chain.
    public var dates: CertificateDates {
        pair.withLock { pair in
            CertificateDates(
                fromS: pair.chain.map { Int64($0.notValidBefore) }.max() ?? 0,
                untilS: pair.chain.map { Int64($0.notValidAfter) }.min() ?? 0)
        }
    }

    /// TLS 1.2 and later, HTTP/1.1.
    var configuration: TLSConfiguration {
        let current = pair.withLock { $0 }
        var configuration = Self.configuration(current)
        configuration.sslContextCallback = { [weak self] _, promise in
            var change = NIOSSLContextConfigurationOverride.noChanges
            if let current = self?.pair.withLock({ $0 }) {
                change.certificateChain = current.chain.map { .certificate($0) }
                change.privateKey = .privateKey(current.key)
            }
            promise.succeed(change)
        }
        return configuration
    }

    private static func configuration(_ pair: Pair) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: pair.chain.map { .certificate($0) }, privateKey: .privateKey(pair.key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        return configuration
    }

    private static func load(_ files: TLSFiles) throws -> Pair {
        let (certificates, key) = (try read(files.certificate), try read(files.key))
        let mode = try? FileManager.default.attributesOfItem(atPath: files.key)[.posixPermissions] as? Int
        guard (mode ?? 0) & 0o007 == 0 else {
            throw Refusal(
                .unavailable, "The private key \(files.key) can be read by everybody.",
                hint: "Type: chmod 640 \(files.key)")
        }
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMBytes(certificates)
        } catch {
            chain = []
        }
        guard !chain.isEmpty else {
            throw Refusal(
                .unavailable, "\(files.certificate) holds no certificate.",
                hint: "Give PEM: -----BEGIN CERTIFICATE-----, the server's own first.")
        }
        guard let key = try? NIOSSLPrivateKey(bytes: key, format: .pem) else {
            throw Refusal(
                .unavailable, "\(files.key) holds no private key that can be used.",
                hint: "Give PEM without a passphrase: -----BEGIN PRIVATE KEY-----.")
        }
        let pair = Pair(chain: chain, key: key)
        do {
            _ = try NIOSSLContext(configuration: configuration(pair))
        } catch {
            throw Refusal(
                .unavailable, "The key \(files.key) does not belong to the certificate \(files.certificate).",
                hint: "Give the two files that were made together.")
        }
        return pair
    }

    private static func read(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            let isThere = FileManager.default.fileExists(atPath: path)
            throw Refusal(
                .unavailable, "\(path) \(isThere ? "cannot be read" : "is not there").",
                hint: isThere ? "Let the user of the server read it." : "Check tls_certificate and tls_key.")
        }
        return Array(data)
    }
}
