// MendView: one thing that was given up: what it is, what went wrong, try again, or set aside with a reason.
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
    public var isReasonMissing: Bool
    public init(
        kind: ExceptionKind, id: Int64, detail: String, sinceMs: Int64, meter: (id: Int64, serial: String)?,
        mayAct: Bool, typedReason: String = "", isReasonMissing: Bool = false
    ) {
        self.kind = kind
        self.id = id
        self.detail = detail
        self.sinceMs = sinceMs
        self.meter = meter
        self.mayAct = mayAct
        self.typedReason = typedReason
        self.isReasonMissing = isReasonMissing
    }
}

extension MendView: PageContent {
    func title(_ w: Wording) -> Markup {
        isReasonMissing ? w.say("title.error", ["title": kind.words(w)]) : kind.words(w)
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
        row.set("errors", isReasonMissing ? [errorSummary([("reason", w.say("confirm.reasonMissing"))])] : [])
        row.set("reasonError", isReasonMissing ? w.say("confirm.reasonMissing") : nil)
        return row
    }
}
