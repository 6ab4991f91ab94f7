// Companies that are added while this process serves: on PostgreSQL another process may add one at any time.
// Knows what a company needs to be served, nothing of its business.
import Access
import Jobs
import Logging
import ServiceLifecycle
import Web

/// Looks every ten seconds whether there is a company that is not served yet, and serves it.
struct NewCompanies: Service {
    let serving: Serving

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                var known = Set(serving.orgs.map(\.orgID))
                while !Task.isCancelled {
                    try? await Task.sleep(for: .seconds(10))
                    guard !Task.isCancelled else { return }
                    // A database out of reach is the business of those who need it; this asks again.
                    for org in (try? await serving.open.orgs()) ?? [] where known.insert(org.orgID).inserted {
                        serving.companies.add(org)
                        serving.log.info("a company was added and is served", metadata: ["org": "\(org.orgID)"])
                        let service = LineService(
                            lines: [serving.line(org)], pauseMs: serving.options.pauseMs, log: serving.log)
                        group.addTask { try? await service.run() }
                    }
                }
            }
        }
    }
}
