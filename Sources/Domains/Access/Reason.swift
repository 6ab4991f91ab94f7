// A reason that somebody gives for what they do and that is kept. Says nothing about whether it is a good one.

public enum Reason {
    /// - Returns: the text without space around it, 3 to 200 characters.
    /// - Throws: ``Refusal`` `invalid` at `reason`.
    public static func checked(_ text: String) throws -> String {
        let reason = String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
        guard (3...200).contains(reason.count) else {
            throw Refusal(.invalid, "A reason is missing.", hint: "Say why, in 3 to 200 characters.", at: "reason")
        }
        return reason
    }
}
