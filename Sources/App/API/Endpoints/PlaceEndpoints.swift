// Places of the network: list, read one, add. What lies where decides who may see it.
import Access
import Grid
import SQL

struct PlaceQuery: APIModel {
    var after: ID?
    var kind: PlaceKind?
    var under: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "after": Note("The `next` of the part before; without it the list begins."),
        "kind": Note("Only places of this kind."), "under": Note("Only this place and what lies under it."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct PlacePath: APIModel {
    var placeID: ID
    static let notes: [String: Note] = ["placeID": Note("The place.")]
}

struct PlaceView: APIModel {
    var placeID: ID
    var parentID: ID?
    var kind: PlaceKind
    var name: String
    static let notes: [String: Note] = [
        "placeID": Note("The place."), "parentID": Note("The place it lies under; absent at the top."),
        "kind": Note("What it is."), "name": Note("Its name; once under its parent."),
    ]
    init(_ place: Place) {
        (placeID, parentID) = (ID(place.placeID), place.parentID.map { ID($0) })
        (kind, name) = (place.kind, place.name)
    }
    static let example = PlaceView(Place(placeID: 31, parentID: 30, kind: .feeder, name: "Feeder 4, Alambagh"))
}

struct PlaceList: APIModel {
    var items: [PlaceView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("In order of their ids."), "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

struct PlaceAddition: APIModel {
    var name: String
    var kind: PlaceKind
    var parentID: ID?
    static let notes: [String: Note] = [
        "name": Note("Its name.", length: 1...80), "kind": Note("What it is."),
        "parentID": Note("The place it lies under; without it it stands at the top."),
    ]
}

extension Endpoints {
    static let places: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<PlaceQuery, PlaceList>(
                "places.list", "GET", "/api/v1/places", access: .permission([.readAccounts, .readMeters]),
                EndpointText("List places", "Places of your company, or yours and what lies under them."),
                example: PlaceQuery(after: nil, kind: .feeder, under: nil, limit: 50),
                outputExample: PlaceList(items: [.example], next: nil),
                run: { input, context in
                    let limit = input.limit ?? 50
                    let found = try await context.read { transaction, scope in
                        try Place.page(
                            after: input.after?.value ?? 0, kind: input.kind, under: input.under?.value,
                            limit: limit + 1, scope, in: transaction)
                    }
                    let items = found.prefix(limit)
                    return PlaceList(
                        items: items.map { PlaceView($0) },
                        next: found.count > limit ? items.last.map { ID($0.placeID) } : nil)
                })),
        AnyEndpoint(
            Endpoint<PlacePath, PlaceView>(
                "places.read", "GET", "/api/v1/places/{placeID}", access: .permission([.readAccounts, .readMeters]),
                EndpointText("Read a place", "A place of your company, or yours and what lies under them."),
                example: PlacePath(placeID: ID(31)), outputExample: .example, problems: [.notFound],
                run: { input, context in
                    PlaceView(
                        try await context.read { transaction, scope in
                            try Place.find(input.placeID.value, scope, in: transaction)
                        })
                })),
        AnyEndpoint(
            Endpoint<PlaceAddition, PlaceView>(
                "places.add", "POST", "/api/v1/places", access: .permission([.manageSettings]),
                EndpointText(
                    "Add a place", "Stands under a place of a higher kind; a second one of its name there is refused."),
                example: PlaceAddition(name: "Feeder 4, Alambagh", kind: .feeder, parentID: ID(30)),
                outputExample: .example, status: 201, problems: [.notFound, .conflict],
                run: { input, context in
                    PlaceView(
                        try await context.perform(
                            AddPlace(name: input.name, kind: input.kind, parentID: input.parentID?.value)))
                })),
    ]
}
