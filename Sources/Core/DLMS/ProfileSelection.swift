// Rows and columns of a profile by a selector (IEC 62056-6-2, class 7): the meter's side of selective access, and the
// client's plan for reading a long buffer in pieces. Pure.

public enum ProfileSelection {
    /// The part of a buffer that a selector asks for. Rows are in the order of the buffer; ranges include both ends.
    /// - Parameter stampS: seconds of a stamp, or any order of the sort column's values; nil when it is not one.
    public static func apply(
        _ selector: Selector?, rows: [[DLMSData]], columns: [CaptureObject], stampS: (DLMSData) -> Int64?
    ) -> AccessResult {
        switch selector {
        case nil: return .success(table(rows))
        case .range(let by, let from, let to, let wanted)?:
            guard let sort = columns.firstIndex(where: { $0.classID == by.classID && $0.obis == by.obis }) else {
                return .failure(.objectUnavailable)
            }
            guard let fromS = stampS(from), let toS = stampS(to) else { return .failure(.typeUnmatched) }
            let indexes = wanted.map { columns.firstIndex(of: $0) }
            guard !indexes.contains(nil) else { return .failure(.objectUnavailable) }
            let inside = rows.filter { row in
                guard row.indices.contains(sort), let atS = stampS(row[sort]) else { return false }
                return atS >= fromS && atS <= toS
            }
            return .success(table(picked(inside, indexes.compactMap(\.self))))
        case .entry(let from, let to, let fromColumn, let toColumn)?:
            let lastColumn = toColumn == 0 ? columns.count : Int(toColumn)
            let lastRow = to == 0 ? rows.count : min(Int(to), rows.count)
            guard from >= 1, fromColumn >= 1, Int(fromColumn) <= lastColumn, lastColumn <= columns.count,
                to == 0 || from <= to
            else { return .failure(.scopeOfAccessViolated) }
            guard Int(from) <= lastRow else { return .success(.array([])) }
            let inside = Array(rows[(Int(from) - 1)..<lastRow])
            let isAll = fromColumn == 1 && lastColumn == columns.count
            return .success(table(picked(inside, isAll ? [] : Array((Int(fromColumn) - 1)..<lastColumn))))
        case .other?: return .failure(.scopeOfAccessViolated)
        }
    }

    private static func table(_ rows: [[DLMSData]]) -> DLMSData { .array(rows.map { .structure($0) }) }

    /// No columns = all.
    private static func picked(_ rows: [[DLMSData]], _ columns: [Int]) -> [[DLMSData]] {
        guard !columns.isEmpty else { return rows }
        return rows.map { row in columns.compactMap { row.indices.contains($0) ? row[$0] : nil } }
    }

    /// Selectors by entry that read the newest rows of a buffer in pieces, newest last as meters keep them: for a meter
    /// that refuses a range, or whose answers break off. At most 262,144 rows, whatever the meter says it has.
    /// - Parameters:
    ///   - count: attribute 7, entries in use.
    ///   - newest: only the newest so many rows; nil for all.
    public static func entries(count: UInt32, newest: UInt32? = nil, rowsPerPiece: UInt32) -> [Selector] {
        let rows = min(Int(count), Int(newest ?? count), DLMSLimits.maxElements)
        let step = max(1, Int(rowsPerPiece))
        let last = Int(count)
        return stride(from: last - rows + 1, through: last, by: step).map { from in
            .entry(from: UInt32(clamping: from), to: UInt32(clamping: min(from + step - 1, last)))
        }
    }
}
