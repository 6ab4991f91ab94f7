// Puts the dispatcher on a socket: the only file of the API that knows Hummingbird and NIO.
// Decides nothing about a request besides how fast and how large it may come.
import Access
import Foundation
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore

/// Where to listen.
public struct ServerAddress: Sendable {
    public var host: String
    public var port: Int
    /// Nil: plain HTTP, as behind a proxy.
    public var tls: ServerTLS?
    /// Loopback by default: the outside is a proxy's work, or that of `tls`.
    public init(host: String = "127.0.0.1", port: Int = 8080, tls: ServerTLS? = nil) {
        self.host = host
        self.port = port
        self.tls = tls
    }
}

/// Hummingbird's context with the connection and the peer's address.
public struct PeerContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    public let remoteAddress: String
    let channel: any Channel

    public init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
        remoteAddress = source.channel.remoteAddress?.ipAddress ?? "local"
    }
}

/// The dispatcher as Hummingbird calls it.
public struct DispatchResponder: HTTPResponder {
    public typealias Context = PeerContext
    let dispatcher: Dispatcher
    let bodyReadLimitMs: Int64

    public func respond(to request: Request, context: PeerContext) async throws -> Response {
        var headers = Headers()
        for field in request.headers { headers.add(field.name.rawName, field.value) }
        // HTTPTypes keeps the host apart from the other fields.
        if let host = request.head.authority { headers["Host"] = host }
        let full = request.head.path ?? "/"
        let parts = full.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let body = request.body
        let limitMs = bodyReadLimitMs
        let call = Call(
            method: request.method.rawValue, path: String(parts[0]), query: parts.count == 2 ? String(parts[1]) : "",
            headers: headers, remoteAddress: context.remoteAddress, requestID: Secret.hex(Secret.bytes(8)),
            readBody: { limitBytes in try await Self.collect(body, limitBytes, limitMs) })
        let answer = await dispatcher.answer(call)
        var response = Response(
            status: .init(code: answer.status), body: .init(byteBuffer: ByteBuffer(bytes: answer.body)))
        for field in answer.headers.fields {
            guard let name = HTTPFields.Element.Name(field.name) else { continue }
            if name == .contentLength {
                response.headers[name] = field.value
            } else {
                response.headers.append(HTTPFields.Element(name: name, value: field.value))
            }
        }
        if answer.status == 413 || answer.status == 408 {
            response.headers[.connection] = "close"
            response.body = Self.lastBody(answer.body, context.channel)
        }
        return response
    }

    /// Hummingbird would read a refused body to its end. Ends the sending side, so that the caller gets the answer and
    /// not a reset, and the whole connection two seconds later.
    private static func lastBody(_ bytes: [UInt8], _ channel: any Channel) -> ResponseBody {
        ResponseBody(contentLength: bytes.count) { writer in
            try await writer.write(ByteBuffer(bytes: bytes))
            try await writer.finish(nil)
            channel.close(mode: .output, promise: nil)
            channel.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
        }
    }

    private static func collect(_ body: RequestBody, _ limitBytes: Int, _ limitMs: Int64) async throws -> [UInt8] {
        try await Deadline.run(limitMs: limitMs) {
            var bytes: [UInt8] = []
            for try await part in body {
                guard bytes.count + part.readableBytes <= limitBytes else {
                    throw Problem.bodyTooLarge(limitBytes)
                }
                bytes.append(contentsOf: part.readableBytesView)
            }
            return bytes
        } late: {
            Problem(.slowRequest, "The body did not arrive in time.")
        }
    }
}

public enum Server {
    /// The server as a service of the composition root's `ServiceGroup`: it drains and ends on graceful shutdown.
    /// - Parameter onRunning: called once with the port it listens on (useful with port 0).
    /// - Throws: what TLS says of a configuration that does not work.
    public static func service(
        _ dispatcher: Dispatcher, _ services: Services, at address: ServerAddress, logger: Logger,
        onRunning: @escaping @Sendable (Int) async -> Void = { _ in }
    ) throws -> some ApplicationProtocol {
        let limits = services.limits
        let plain = HTTPServerBuilder.http1(
            configuration: .init(
                idleTimeout: .seconds(limits.idleSeconds),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: 8192, maxHeaderListSize: 32_768, maxHeaderFieldCount: 100)))
        return Application(
            responder: DispatchResponder(dispatcher: dispatcher, bodyReadLimitMs: limits.bodyReadLimitMs),
            server: try address.tls.map { try .tls(plain, tlsConfiguration: $0.configuration) } ?? plain,
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port), serverName: nil,
                availableConnectionsDelegate: .maximum(limits.connectionsMax, logger: logger)),
            onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? address.port) },
            logger: logger)
    }
}
