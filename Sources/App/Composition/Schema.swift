// Every migration of every domain, in one list. The golden files schema/*.sql show what they add up to.
import Access
import Accounts
import Aggregation
import Grid
import HeadEnd
import Jobs
import Journal
import Messaging
import MeterData
import Meters
import Outbox
import Packs
import Payments
import Rating
import SQL
import Supply

public enum BusbarSchema {
    public static let migrations: [Migration] =
        (AccessSchema.migrations + GridSchema.migrations + AccountsSchema.migrations + MetersSchema.migrations
        + MeterKeysSchema.migrations + EventStreamSchema.migrations
        + JournalSchema.migrations + MessagingSchema.migrations + PaymentsSchema.migrations + HeadEndSchema.migrations
        + ExchangeSchema.migrations
        + PacksSchema.migrations + RatingSchema.migrations + Outbox.migrations + SupplySchema.migrations
        + JobsSchema.migrations + ChangeStream.migrations + MeterDataSchema.migrations
        + AggregationSchema.migrations)
        .sorted { $0.number < $1.number }
}
