// The list of all endpoints: what is not in it is not served, not documented and not tested.

public enum Endpoints {
    /// In the order of the documents.
    public static let all: [AnyEndpoint] =
        session + secondStep + accounts + charges + money + meters + orders + collection + events + outages
        + reliability + places + line
        + status + jobs + logins + people
        + keys + audit
<<<<<<< HEAD
        + settings + readingExceptions + validation + network + aggregation + exchange + edits + health + documents
=======
        + settings + exchange + imports + health + documents
>>>>>>> 6f4f8b09680f4907fa9f916fbf8c2f3faa6e5bb4
}
