// The listener of the watch: figures for Prometheus, health and readiness. For this machine only, apart from the public
// port; answers three paths, takes no body and asks the database nothing but whether it is there.
import API
import Access
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Watch

struct WatchServer {
    let registry: MetricRegistry
    let services: Services

    /// `GET` and `HEAD` of the three paths; anything else is 404 or 405.
    func answer(_ method: String, _ path: String) async -> Answer {
        guard method == "GET" || method == "HEAD" else {
            var answer = Answer(status: 405, "text/plain; charset=utf-8", "GET only.\n")
            answer.headers["Allow"] = "GET, HEAD"
            return answer
        }
        switch path {
        case "/metrics":
            ProcessFigures.take()
            for (store, count) in services.board.facts.waiting() {
                Metric.databaseWaiting.set(Int64(count), [store])
            }
            return Answer("text/plain; version=0.0.4; charset=utf-8", registry.prometheusText())
        case "/health": return Answer("application/json", #"{"status":"ok"}"#)
        case "/ready":
            do {
                try await services.readiness.require(services.site)
                return Answer("application/json", #"{"status":"ok"}"#)
            } catch {
                return Problem(error).answer(requestID: Secret.hex(Secret.bytes(8)))
            }
        default:
            return Answer(status: 404, "text/plain; charset=utf-8", "/metrics, /health and /ready are here.\n")
        }
    }

    /// Listens on 127.0.0.1, whatever the public address is.
    func service(
        port: Int, log: Logger, onRunning: @escaping @Sendable (Int) async -> Void
    ) -> some ApplicationProtocol {
        Application(
            responder: Responder(server: self),
            server: .http1(configuration: .init(idleTimeout: .seconds(75))),
            configuration: ApplicationConfiguration(
                address: .hostname("127.0.0.1", port: port), serverName: nil,
                availableConnectionsDelegate: .maximum(32, logger: log)),
            onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? port) }, logger: log)
    }

    private struct Responder: HTTPResponder {
        let server: WatchServer

        func respond(to request: Request, context: PeerContext) async throws -> Response {
            let path = (request.head.path ?? "/").prefix { $0 != "?" }
            let answer = await server.answer(request.method.rawValue, String(path))
            let body = request.method == .head ? [] : answer.body
            var response = Response(
                status: .init(code: answer.status), body: .init(byteBuffer: ByteBuffer(bytes: body)))
            for field in answer.headers.fields {
                if let name = HTTPFields.Element.Name(field.name) { response.headers[name] = field.value }
            }
            return response
        }
    }
}
