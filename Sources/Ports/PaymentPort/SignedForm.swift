// The form of webhooks that Razorpay's documents describe: HMAC-SHA-256 of the raw body in hexadecimal digits, and a
// JSON object with event and payload. Bytes in, values out.
import Cryptography
import Foundation

public enum SignedForm {
    /// Hexadecimal digits of the signature of a body.
    public static func signature(_ body: [UInt8], secret: [UInt8]) -> String {
        Hash.hmacSHA256(body, key: secret).map { byte in
            let digits = String(byte, radix: 16)
            return digits.utf8.count == 1 ? "0" + digits : digits
        }.joined()
    }

    public static func isSigned(_ webhook: GatewayWebhook, secret: [UInt8]) -> Bool {
        guard let given = Hash.bytes(hex: webhook.signature) else { return false }
        return Hash.equalInConstantTime(given, Hash.hmacSHA256(webhook.body, key: secret))
    }

    private struct Envelope: Codable {
        struct Payload: Codable { var payment: Holder? }
        struct Holder: Codable { var entity: Entity }
        struct Entity: Codable {
            var id: String
            var amount: Int64
            var currency: String
            var status: GatewayPayment.State
            var order_id: String?
        }
        var event: String
        var payload: Payload
        var created_at: Int64
    }

    /// - Throws: ``GatewayError/unreadable`` for what is no such JSON, or holds an id or amount that none is.
    public static func notice(_ body: [UInt8]) throws(GatewayError) -> GatewayNotice {
        guard let envelope = try? JSONDecoder().decode(Envelope.self, from: Data(body)),
            isName(envelope.event, dots: true)
        else { throw .unreadable }
        guard let payment = envelope.payload.payment?.entity, let orderID = payment.order_id else {
            return GatewayNotice(event: envelope.event, payment: nil)
        }
        guard isName(payment.id), isName(orderID), payment.amount > 0, payment.currency.utf8.count == 3,
            payment.currency.utf8.allSatisfy({ (65...90).contains($0) })
        else { throw .unreadable }
        return GatewayNotice(
            event: envelope.event,
            payment: GatewayPayment(
                paymentID: payment.id, gatewayOrderID: orderID, amountPaise: payment.amount,
                currency: payment.currency, state: payment.status))
    }

    /// The body of a webhook about a payment.
    public static func body(_ event: String, _ payment: GatewayPayment, atS: Int64) -> [UInt8] {
        let envelope = Envelope(
            event: event,
            payload: .init(
                payment: .init(
                    entity: .init(
                        id: payment.paymentID, amount: payment.amountPaise, currency: payment.currency,
                        status: payment.state, order_id: payment.gatewayOrderID))), created_at: atS)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        do {
            return Array(try encoder.encode(envelope))
        } catch {
            preconditionFailure("texts and numbers are always JSON: \(error)")
        }
    }

    /// 1 to 40 letters, digits, `_` and `-`: goes into references and keys.
    public static func isName(_ text: String, dots: Bool = false) -> Bool {
        (1...40).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 48...57, 65...90, 97...122, UInt8(ascii: "_"), UInt8(ascii: "-"): true
                case UInt8(ascii: "."): dots
                default: false
                }
            }
    }
}
