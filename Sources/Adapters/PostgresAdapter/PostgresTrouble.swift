// Why PostgreSQL could not be reached: what libpq says, turned into what to do. Sees no password: the target has taken
// it out before.

enum PostgresTrouble {
    /// What libpq says (a part of it), what it means, and how to mend it.
    private static let known: [(said: String, means: String)] = [
        (
            "could not translate host name",
            "its name is not known; check the spelling of the host and the DNS of this machine"
        ),
        ("Connection refused", "nobody listens there; start PostgreSQL, or check host and port"),
        ("No such file or directory", "no socket is there; start PostgreSQL, or name a host"),
        ("timeout expired", "no answer within 10 s; a firewall, or a wrong address"),
        ("No route to host", "there is no way to this address from here; check address and network"),
        ("Network is unreachable", "there is no way to this address from here; check address and network"),
        ("password authentication failed", "the password is wrong; check database_password_file or BUSBAR_DATABASE"),
        ("no password supplied", "it wants a password; name a file that holds it: database_password_file"),
        (
            "Peer authentication failed",
            "this user of the machine is not that user; run as it, or give host and password"
        ),
        ("no pg_hba.conf entry", "it does not let this user in from here; add a line to its pg_hba.conf"),
        ("too many clients", "it has no connection left; raise its max_connections"),
        ("remaining connection slots", "it has no connection left; raise its max_connections"),
        ("the database system is starting up", "it is just starting; try again in a moment"),
        ("the database system is shutting down", "it is just stopping; start it"),
        ("does not support SSL", "it speaks no TLS; set ssl = on there, or leave sslmode out of the URL"),
        ("certificate verify failed", "its certificate is not to be trusted; check sslrootcert and the host's name"),
    ]

    static func words(_ said: String) -> String {
        if said.contains("does not exist") {
            return said.contains("role \"")
                ? "it knows no such user; type: createuser NAME"
                : "it has no such database; type: createdb -E UTF8 NAME"
        }
        return known.first { said.contains($0.said) }?.means ?? said
    }
}
