// MendView: one thing that was given up: what it is, what went wrong, try again, or set aside with a reason.
import Access
import CivilTime

public struct MendView: Page {
    public static let template = "mend"
    public var kind: ExceptionKind
    public var id: Int64
    public var detail: String
    public var sinceMs: Int64
    public var meter: (id: Int64, serial: String)?
    public var mayAct: Bool
    public var typedReason: String
    /// Why the reason was refused.
    public var refusal: Refusal?
    public init(
        kind: ExceptionKind, id: Int64, detail: String, sinceMs: Int64, meter: (id: Int64, serial: String)?,
        mayAct: Bool, typedReason: String = "", refusal: Refusal? = nil
    ) {
        self.kind = kind
        self.id = id
        self.detail = detail
        self.sinceMs = sinceMs
        self.meter = meter
        self.mayAct = mayAct
        self.typedReason = typedReason
        self.refusal = refusal
    }
}

extension MendView: PageContent {
    func title(_ w: Wording) -> Markup {
        refusal == nil ? kind.words(w) : w.say("title.error", ["title": kind.words(w)])
    }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        row.set("backHref", Paths.exceptions)
        row.set("lede", kind.words(w))
        row.set("detail", detail)
        row.set("since", w.timeTag(sinceMs, w.moment(sinceMs)))
        row.set("meter", meter.map { w.link(Paths.meter($0.id), "\($0.serial)", cls: "id") })
        row.set("mayAct", mayAct)
        row.set("retryAction", Paths.mend(kind.slug, id, do: "retry"))
        row.set("asideAction", Paths.mend(kind.slug, id, do: "set-aside"))
        row.set("typedReason", typedReason)
        row.set("errors", w.errors(refusal, otherwise: "reason"))
        row.set("reasonError", refusal.map { w.refusal($0) })
        return row
    }
}
