// Opens an installation for the length of a command and closes it whatever happens.
import Access
import Clocks

func withSite<Value>(
    _ options: SiteOptions, clocks: Clocks = .live, _ body: (OpenSite) async throws -> Value
) async throws -> Value {
    let open = try await OpenSite.open(options, clocks: clocks)
    do {
        let value = try await body(open)
        await open.close()
        return value
    } catch {
        await open.close()
        throw error
    }
}
