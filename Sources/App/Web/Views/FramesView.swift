// FramesView: one answer of a meter: the frames as they went over the wire, in hexadecimal, beside what was in them.
import API
import CivilTime
import HeadEnd
import MeterPort

public struct FramesView: Page {
    public static let template = "frames"
    public var meterID: Int64
    public var report: RawReport
}

extension FramesView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("frames.title", ["serial": "\(report.serial)"]) }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        var row = Fields()
        let read = report.read
        row.set("metersHref", Paths.meters)
        row.set("meterHref", Paths.meter(meterID, day: read.day, days: 1))
        row.set("serial", report.serial)
        row.set("lede", w.say("frames.lede", ["serial": "\(report.serial)", "day": w.longDay(read.day)]))
        row.set(
            "sub",
            w.say(
                "frames.sub",
                [
                    "time": w.timeTag(read.readAtMs, w.moment(read.readAtMs)), "n": "\(w.number(read.rows.count))",
                    "batch": "\(read.batchID)",
                ]))
        row.set("isCut", report.isCut)
        row.set("noFrames", !report.hasFrames)
        row.set("exchanges", report.readings.map { exchange($0, w) })
        return row
    }

    private func exchange(_ reading: FrameReading, _ w: Wording) -> Fields {
        var row = Fields([
            "name": reading.title.isEmpty ? "\(reading.obis)" : "\(reading.title)", "obis": "\(reading.obis)",
            "place": w.say(
                "frames.place", ["class": "\(reading.classID)", "attribute": "\(reading.attribute)"]),
        ])
        row.set("trouble", reading.trouble)
        let stamped = reading.rows.contains { $0.atS != nil }
        func shown(_ row: FrameRow?) -> [FrameValue] {
            // The stamp stands in front of the row already.
            (row?.values ?? []).filter { !stamped || $0.obis != "0.0.1.0.0" }
        }
        row.set("columns", shown(reading.rows.first).map { column($0, w) })
        row.set("hasStamps", stamped)
        row.set(
            "rows",
            reading.rows.map { item in
                var fields = Fields()
                fields.set("anchor", item.atS.map { "s\($0)" } ?? "")
                fields.set("time", item.atS.map { w.timeTag($0 * 1000, w.moment($0 * 1000)) } ?? "")
                fields.set("hasStamps", item.atS != nil)
                fields.set(
                    "cells",
                    shown(item).map { value in
                        Fields([
                            "value": "\(value.value)",
                            "raw": w.say("frames.raw", ["raw": "\(value.raw)", "scaler": "\(value.scaler ?? 0)"]),
                        ])
                    })
                return fields
            })
        row.set("hasRows", !reading.rows.isEmpty)
        row.set(
            "frames",
            reading.frames.map { frame in
                Fields([
                    "way": frame.isFromMeter ? w.say("frames.fromMeter") : w.say("frames.toMeter"),
                    "size": w.say("frames.octets", ["n": "\(w.number(frame.bytes.count))"]),
                    "hex": "\(Self.pairs(frame.bytes))",
                ])
            })
        return row
    }

    private func column(_ value: FrameValue, _ w: Wording) -> Fields {
        var row = Fields([
            "obis": "\(value.obis)", "title": "\(value.title)", "unit": "\(value.unit)",
        ])
        row.set("scaler", value.scaler.map { w.say("frames.scaler", ["n": "\($0)"]) })
        return row
    }

    /// `00 01 00 30 …`, so that a line breaks between octets.
    static func pairs(_ octets: [UInt8]) -> String {
        let digits = Array(hexadecimal(octets))
        return stride(from: 0, to: digits.count, by: 2).map { String(digits[$0..<$0 + 2]) }.joined(separator: " ")
    }
}
