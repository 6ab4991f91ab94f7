// The one error of this module: what is wrong, where it stands and how to mend it. It never carries personal data.

/// A pack, calendar, load or stored state that cannot be used.
public struct TariffError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Where: a path such as `base.calendar.bands[1].ranges[0]`.
    public var place: String
    /// What is wrong, in plain words.
    public var what: String
    /// How to mend it.
    public var remedy: String

    public init(_ place: String, _ what: String, remedy: String) {
        self.place = place
        self.what = what
        self.remedy = remedy
    }

    public var description: String { "\(place): \(what); \(remedy)" }

    /// The same error seen from one level further out.
    func inside(_ outer: String) -> TariffError {
        TariffError(place.isEmpty ? outer : "\(outer).\(place)", what, remedy: remedy)
    }
}

/// Runs a check of a part and puts the part's place before any error.
func within<Value>(_ place: String, _ body: () throws(TariffError) -> Value) throws(TariffError) -> Value {
    do { return try body() } catch { throw error.inside(place) }
}
