// One PostgreSQL server for a test process, on a Unix socket in a folder of its own. Only for tests: it does not fsync.
import Foundation
import SQL
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Starts the server when it is first asked for. It goes when the test process goes, however that ends: a shell beside
/// it waits for the end of a pipe whose other end this process holds.
public final class PrivatePostgres: Sendable {
    private let folder: String
    private let binaries: String
    private let input: FileHandle
    private let counter = Mutex(0)

    /// The server, or why there is none.
    public static let shared: Result<PrivatePostgres, PostgresMissing> = {
        let result = start()
        if case .failure(let missing) = result {
            FileHandle.standardError.write(
                Data("\n*** PostgreSQL tests are SKIPPED: \(missing.reason) ***\n\n".utf8))
        }
        return result
    }()

    private init(folder: String, binaries: String, input: FileHandle) {
        self.folder = folder
        self.binaries = binaries
        self.input = input
    }

    /// The URL of a database on this server.
    public func url(_ database: String) -> String { "postgres://postgres@/\(database)?host=\(folder)" }

    /// Makes an empty database and returns its URL.
    public func freshDatabase() async throws -> String {
        let number = counter.withLock { count in
            count += 1
            return count
        }
        let name = "test_\(number)"
        try await command(["createdb", "-h", folder, "-U", "postgres", "-T", "template0", "-E", "UTF8", name])
        return url(name)
    }

    public func drop(_ url: String) async throws {
        guard let name = url.dropFirst("postgres://postgres@/".count).split(separator: "?").first else { return }
        try await command(["dropdb", "-h", folder, "-U", "postgres", "--force", String(name)])
    }

    // MARK: Processes

    private static func start() -> Result<PrivatePostgres, PostgresMissing> {
        guard let binaries = binaryFolder() else {
            return .failure(PostgresMissing(reason: "no initdb in /usr/lib/postgresql/*/bin; apt install postgresql"))
        }
        let isRoot = geteuid() == 0
        if isRoot, getpwnam("postgres") == nil {
            return .failure(PostgresMissing(reason: "PostgreSQL refuses to run as root and there is no user postgres"))
        }
        // Short, because the path of a socket may have 107 bytes.
        let folder = "/tmp/busbar-postgres-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: isRoot ? "/usr/sbin/runuser" : "/bin/sh")
        let shell = ["-c", script, "sh", folder, binaries]
        process.arguments = isRoot ? ["-u", "postgres", "--", "/bin/sh"] + shell : shell
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        let (input, output) = (Pipe(), Pipe())
        // No child may inherit the writing end, or the shell would wait for that child as well.
        _ = fcntl(input.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch {
            return .failure(PostgresMissing(reason: "cannot start a shell: \(error)"))
        }
        guard String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).hasPrefix("ready") else {
            return .failure(PostgresMissing(reason: "the server in \(binaries) did not start; see \(folder)/log"))
        }
        return .success(PrivatePostgres(folder: folder, binaries: binaries, input: input.fileHandleForWriting))
    }

    private static func binaryFolder() -> String? {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return versions.compactMap { Int($0) }.sorted(by: >).map { "\(root)/\($0)/bin" }
            .first { FileManager.default.isExecutableFile(atPath: $0 + "/initdb") }
    }

    /// $1 folder, $2 binaries. Says "ready", then lives until standard input ends.
    private static let script = """
        umask 077; mkdir "$1" || exit 1; cd "$1" || exit 1
        "$2/initdb" -D data -A trust -U postgres -E UTF8 --no-locale --no-sync > log 2>&1 || exit 1
        chmod 755 "$1"
        "$2/postgres" -D data -k "$1" -c listen_addresses= -c fsync=off -c synchronous_commit=off \\
          -c full_page_writes=off -c max_connections=1000 -c shared_buffers=64MB -c unix_socket_permissions=0777 \\
          -c autovacuum=off -c deadlock_timeout=200ms >> log 2>&1 < /dev/null &
        server=$!
        tries=0
        until "$2/pg_isready" -q -h "$1" -U postgres; do
          tries=$((tries + 1))
          if [ $tries -gt 300 ] || ! kill -0 $server; then exit 1; fi
          sleep 0.1
        done
        echo ready
        trap '' INT TERM HUP
        read -r nothing
        kill -QUIT $server; wait $server; cd /; rm -rf "$1"
        """

    private func command(_ arguments: [String]) async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: binaries + "/" + arguments[0])
        process.arguments = Array(arguments.dropFirst())
        process.standardInput = FileHandle.nullDevice
        let status: Int32 = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        guard status == 0 else { throw SQLError(.other, "\(arguments.joined(separator: " ")) ended with \(status)") }
    }
}

/// Why there is no PostgreSQL here.
public struct PostgresMissing: Error, CustomStringConvertible {
    public let reason: String
    public var description: String { reason }
}
