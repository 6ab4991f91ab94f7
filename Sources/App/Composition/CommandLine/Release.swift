// What this program is and the description of its API.
import API

public enum Release {
    public static let version = "0.1.0-dev"

    /// OpenAPI 3.1 of the HTTP interface.
    public static func openAPIDocument() -> String { OpenAPI.document() }
}
