// https without a proxy: the program is started as it would be, and a client that checks certificates talks to it.
import API
import Access
import Foundation
import TestSupport
import Testing

@testable import Composition

@Suite(.serialized) struct TLSTests {
    /// Talks to the server like a browser: keeps a connection, sees the certificate renewed, and prints what it found.
    private static let client = """
        import http.client, os, shutil, signal, ssl, sys, time
        port, pid, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
        def connect(ca, **limits):
            context = ssl.create_default_context(cafile=ca)
            for name, value in limits.items():
                setattr(context, name, value)
            return http.client.HTTPSConnection("localhost", port, context=context, timeout=10)
        def ask(connection):
            connection.request("GET", "/sign-in")
            answer = connection.getresponse()
            answer.read()
            return answer
        def tried(*arguments, **limits):
            try:
                return "status %d" % ask(connect(*arguments, **limits)).status
            except ssl.SSLError as error:
                return type(error).__name__
            except OSError as error:
                return type(error).__name__
        kept = connect(folder + "/one.pem")
        first = ask(kept)
        print("first", first.status < 400, "hsts", first.getheader("Strict-Transport-Security"))
        print("version", kept.sock.version())
        print("stranger", tried(folder + "/two.pem"))
        import warnings
        warnings.simplefilter("ignore")
        print("tls11", tried(folder + "/one.pem", maximum_version=ssl.TLSVersion.TLSv1_1))
        print("tls12", tried(folder + "/one.pem", maximum_version=ssl.TLSVersion.TLSv1_2).startswith("status"))
        plain = http.client.HTTPConnection("localhost", port, timeout=10)
        try:
            plain.request("GET", "/health")
            print("plain", plain.getresponse().status)
        except Exception as error:
            print("plain", "refused")
        # A renewal that does not fit is not used.
        shutil.copy(folder + "/two.pem", folder + "/live.pem")
        os.kill(pid, signal.SIGHUP)
        time.sleep(1)
        print("half renewed", tried(folder + "/one.pem").startswith("status"))
        shutil.copy(folder + "/two.key", folder + "/live.key")
        os.kill(pid, signal.SIGHUP)
        for _ in range(50):
            renewed = tried(folder + "/two.pem")
            if renewed.startswith("status"):
                break
            time.sleep(0.2)
        print("renewed", renewed.startswith("status"))
        print("old one", tried(folder + "/one.pem"))
        print("kept", ask(kept).status < 400)
        """

    @Test func servesARenewedCertificateWithoutEndingConnections() async throws {
        try await withFolder { folder in
            let (one, two) = (
                try Certificates.make(in: folder, name: "one", days: 30),
                try Certificates.make(in: folder, name: "two", days: 30)
            )
            for (from, to) in [(one.certificate, "live.pem"), (one.key, "live.key")] {
                try FileManager.default.copyItem(atPath: from, toPath: "\(folder)/\(to)")
            }
            _ = two
            #expect(try Bench.busbar("org", "add", "Asha Power", "--data", folder + "/data").code == 0)
            try Bench.write(Self.client, to: folder + "/client.py")
            let log = folder + "/log"
            _ = FileManager.default.createFile(atPath: log, contents: nil)
            let server = Process()
            server.executableURL = URL(fileURLWithPath: try Bench.binary())
            server.arguments = [
                "serve", "--data", folder + "/data", "--port", "0", "--tls-certificate", folder + "/live.pem",
                "--tls-key", folder + "/live.key",
            ]
            server.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
            server.standardOutput = FileHandle.nullDevice
            try server.run()
            defer { server.terminate() }
            var port = ""
            for _ in 0..<150 where port.isEmpty {
                try await Task.sleep(for: .milliseconds(200))
                let text = try String(contentsOfFile: log, encoding: .utf8)
                if let start = text.range(of: "https://127.0.0.1:") {
                    port = String(text[start.upperBound...].prefix { $0.isNumber })
                }
            }
            let found = try Bench.execute(
                "/usr/bin/env", ["python3", folder + "/client.py", port, "\(server.processIdentifier)", folder])
            let lines = found.output.split(separator: "\n").map(String.init)
            #expect(
                lines == [
                    "first True hsts max-age=31536000", "version TLSv1.3", "stranger SSLCertVerificationError",
                    "tls11 SSLError", "tls12 True", "plain refused", "half renewed True", "renewed True",
                    "old one SSLCertVerificationError", "kept True",
                ], "\(found.output) \(found.errors)")
            let said = try String(contentsOfFile: log, encoding: .utf8)
            #expect(said.contains("the renewed certificate is not used") && said.contains("certificate read again"))
        }
    }

    @Test func whatDoesNotFitIsRefusedInWords() async throws {
        try await withFolder { folder in
            let one = try Certificates.make(in: folder, name: "one", days: 30)
            let two = try Certificates.make(in: folder, name: "two", days: 30)
            try Bench.write("no certificate\n", to: folder + "/text")
            func refused(_ certificate: String, _ key: String) -> String? {
                #expect(throws: Refusal.self) { try ServerTLS(TLSFiles(certificate: certificate, key: key)) }?.message
            }
            #expect(refused(one.certificate, two.key)?.contains("does not belong to the certificate") == true)
            #expect(refused(one.key, one.key)?.contains("holds no certificate") == true)
            #expect(refused(folder + "/text", one.key)?.contains("holds no certificate") == true)
            #expect(refused(one.certificate, one.certificate)?.contains("read by everybody") == true)
            #expect(refused(one.certificate, folder + "/none")?.contains("is not there") == true)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder + "/text")
            #expect(refused(one.certificate, folder + "/text")?.contains("no private key") == true)
            try FileManager.default.setAttributes([.posixPermissions: 0o604], ofItemAtPath: one.key)
            #expect(refused(one.certificate, one.key)?.contains("read by everybody") == true)
            let ended = try Bench.busbar(
                "serve", "--data", folder + "/data", "--port", "0", "--tls-certificate", one.certificate, "--tls-key",
                two.key)
            #expect(ended.code == 3 && ended.errors.contains("does not belong"), "\(ended.code) \(ended.errors)")
        }
    }
}
