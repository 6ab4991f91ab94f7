// Assets: the files a page links to, from the binary itself. Their address carries a hash of the content, so they may
// be kept for ever; a changed file has a changed address.

/// A static file as it is served.
public struct Asset: Sendable {
    /// `/assets/busbar-1f2e3d4c5b6a7988.css`
    public let path: String
    public let contentType: String
    public let bytes: [UInt8]

    init(name: String, type: String, contentType: String, bytes: [UInt8]) {
        path = "/assets/\(name)-\(Self.hash(bytes)).\(type)"
        self.contentType = contentType
        self.bytes = bytes
    }

    /// FNV-1a, 64 bit: names a version, proves nothing.
    private static func hash(_ bytes: [UInt8]) -> String {
        let value = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    static let tokens = css("tokens", PackageResources.tokens_css)
    static let busbar = css("busbar", PackageResources.busbar_css)
    static let console = css("console", PackageResources.console_css)
    static let script = js("busbar", PackageResources.busbar_js)
    static let upload = js("upload", PackageResources.upload_js)
    static let designer = js("designer", PackageResources.designer_js)
    static let icon = Asset(
        name: "mark", type: "svg", contentType: "image/svg+xml", bytes: PackageResources.mark_svg)

    /// Every asset, for the route that serves `/assets/…`.
    public static let all = [tokens, busbar, console, script, upload, designer, icon]

    private static func js(_ name: String, _ bytes: [UInt8]) -> Asset {
        Asset(name: name, type: "js", contentType: "text/javascript; charset=utf-8", bytes: bytes)
    }

    private static func css(_ name: String, _ bytes: [UInt8]) -> Asset {
        Asset(name: name, type: "css", contentType: "text/css; charset=utf-8", bytes: bytes)
    }
}
