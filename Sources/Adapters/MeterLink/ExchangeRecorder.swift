// Keeps what was read of a meter as it went over the wire, bounded. Only reads of attributes: what opens an association
// or carries a secret never comes here.
import DLMS
import IS15959
import MeterPort

struct ExchangeRecorder: Sendable {
    private var record = MeterRecord()
    private var current: MeterExchange?
    private var keptBytes = 0

    mutating func begin(_ reference: AttributeReference) {
        current = MeterExchange(
            classID: reference.classID, obis: reference.obis.bytes, attribute: reference.attribute, frames: [],
            value: nil)
    }

    mutating func note(_ frame: [UInt8]?, isFromMeter: Bool) {
        guard current != nil, let frame else { return }
        current?.frames.append(MeterFrame(isFromMeter: isFromMeter, bytes: frame))
    }

    mutating func end(with value: DLMSData? = nil) {
        guard var exchange = current else { return }
        current = nil
        exchange.value = value?.axdr
        let size = exchange.frames.reduce(exchange.value?.count ?? 0) { $0 + $1.bytes.count }
        guard keptBytes + size <= MeterRecord.limitBytes else {
            record.isCut = true
            return
        }
        keptBytes += size
        record.exchanges.append(exchange)
    }

    /// Says how the rows of the buffer that was read last are to be read.
    mutating func describe(_ layout: ProfileLayout) {
        guard let last = record.exchanges.indices.last, record.exchanges[last].classID == 7,
            record.exchanges[last].attribute == 2
        else { return }
        record.exchanges[last].columns = layout.columns.map { column in
            let scaler = column.attribute == 2 ? layout.scalers[column.obis] : nil
            return MeterColumn(
                classID: column.classID, obis: column.obis.bytes, attribute: column.attribute, scaler: scaler?.scaler,
                unit: scaler?.unit)
        }
    }

    mutating func take() -> MeterRecord {
        defer { (record, keptBytes) = (MeterRecord(), 0) }
        return record
    }
}
