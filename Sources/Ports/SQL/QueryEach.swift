// The same look-up for many keys in one statement. Writes text only; knows no table.

extension SQLTransaction {
    /// What `sql` finds for each of many keys. The key stands in it as `$each`, what is the same for all as `$1` and
    /// on. The rows come in no order, and one may come twice.
    ///
    /// One look each by its index, joined: of a long `IN (…)` PostgreSQL may remember a plan that reads all rows, made
    /// while the table was small.
    public func queryEach<Value>(
        _ sql: String, _ common: [SQLValue], _ keys: [SQLValue], _ decode: (any SQLRow) throws -> Value
    ) throws -> [Value] {
        let pieces = sql.split(separator: "$each", omittingEmptySubsequences: false)
        var found: [Value] = []
        var rest = keys[...]
        while let last = rest.prefix(64).last {
            let part = rest.prefix(64)
            // Few lengths, so that few texts are prepared: the last key fills up.
            var count = 1
            while count < part.count { count *= 2 }
            let looks = (1...count).map { pieces.joined(separator: "$\(common.count + $0)") }
            found += try query(
                looks.joined(separator: " UNION ALL "), common + part + repeatElement(last, count: count - part.count),
                decode)
            rest = rest.dropFirst(64)
        }
        return found
    }
}
