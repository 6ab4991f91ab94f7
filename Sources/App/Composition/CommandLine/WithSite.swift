// Opens an installation for the length of a command, holds its number meanwhile, and closes it whatever happens.
import Access
import Clocks

/// A command may take longer than the number is leased for.
public func withSite<Value>(
    _ options: SiteOptions, clocks: Clocks = .live, _ body: (OpenSite) async throws -> Value
) async throws -> Value {
    try await closing(OpenSite.open(options, clocks: clocks), body)
}

func closing<Value>(_ open: OpenSite, _ body: (OpenSite) async throws -> Value) async throws -> Value {
    let keeper = open.lease?.keeping()
    func close() async {
        keeper?.cancel()
        await keeper?.value
        await open.close()
    }
    do {
        let value = try await body(open)
        await close()
        return value
    } catch {
        await close()
        throw error
    }
}
