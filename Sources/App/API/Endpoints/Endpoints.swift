// The list of all endpoints: what is not in it is not served, not documented and not tested.

public enum Endpoints {
    /// In the order of the documents.
    public static let all: [AnyEndpoint] =
        session + secondStep + accounts + statements + arrears + charges + money + requests + payments + journal
        + meters + orders + collection + events + outages + reliability + supply + supplyAccounts + places + line
        + status + jobs + runs + corrections + logins + people
        + keys + audit
        + settings + readingExceptions + validation + estimationPlans + network + aggregation + forecasts + exchange
        + imports + edits + packs + calendars + whatIfs + subscriptions + health
        + documents
}
