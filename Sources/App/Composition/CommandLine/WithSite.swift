// Opens an installation for the length of a command and closes it whatever happens.
import Access
import Clocks

func withSite<Value>(
    _ options: SiteOptions, clocks: Clocks = .live, _ body: (OpenSite) async throws -> Value
) async throws -> Value {
    try await closing(OpenSite.open(options, clocks: clocks), body)
}

func closing<Value>(_ open: OpenSite, _ body: (OpenSite) async throws -> Value) async throws -> Value {
    do {
        let value = try await body(open)
        await open.close()
        return value
    } catch {
        await open.close()
        throw error
    }
}
