// SQL for PostgreSQL roles with as few rights as possible: one that owns and migrates, one that serves, one that reads.
// Prints; connects to nothing.
import SQL

/// What is written once and never changed or removed: the trail, the book and what explains it.
let appendOnlyTables = [
    "adjustment", "audit", "charge", "command_log", "journal_entry", "journal_pending", "journal_pending_leg",
    "journal_settlement", "pack", "posting", "posting_bundle", "recharge", "relay_change", "supply_decision",
]

/// Parts of the names of columns that hold secrets or their hashes.
private let secretWords = ["password", "secret", "sealed", "token", "hash"]

/// SQL that may be run again at any time: before the first migration, and after every later one.
public func databaseRoles(owner: String, app: String, reader: String) async throws -> String {
    for name in [owner, app, reader] {
        guard (1...63).contains(name.utf8.count), name.utf8.first.map({ $0 >= 97 && $0 <= 122 }) == true,
            name.utf8.allSatisfy({ ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == 95 })
        else { throw UsageError("a role's name is lower-case letters, digits and _: \(name)") }
    }
    guard Set([owner, app, reader]).count == 3 else { throw UsageError("the three roles are different ones") }
    let tables = try await StoredTable.all()
    return [
        makeRoles(owner, app, reader), rowRights(owner, app, reader), hideSecrets(tables, reader),
        partitionHelper(owner, app),
    ].joined(separator: "\n\n") + "\n"
}

private func makeRoles(_ owner: String, _ app: String, _ reader: String) -> String {
    """
    -- Roles for Busbar with as few rights as possible. Made by `busbar db roles`; may be run again at any time.
    -- Run it as an administrator of this database, migrate as \(owner), and run it once more.
    -- Then set passwords in psql: \\password \(owner) …
    BEGIN;
    \([owner, app, reader].map(makeRole).joined(separator: "\n"))
    DO $$ BEGIN
      EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
      EXECUTE format('GRANT CONNECT ON DATABASE %I TO \(owner), \(app), \(reader)', current_database());
    END $$;
    REVOKE ALL ON SCHEMA public FROM PUBLIC;
    GRANT USAGE, CREATE ON SCHEMA public TO \(owner);
    GRANT USAGE ON SCHEMA public TO \(app), \(reader);

    -- What is there already goes to the owner.
    DO $$ DECLARE name text; BEGIN
      FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND relkind IN ('r', 'p', 'v')
      LOOP EXECUTE format('ALTER TABLE public.%I OWNER TO \(owner)', name); END LOOP;
    END $$;
    """
}

private func rowRights(_ owner: String, _ app: String, _ reader: String) -> String {
    """
    -- Rows, no tables. Also for what later migrations add.
    ALTER DEFAULT PRIVILEGES FOR ROLE \(owner) IN SCHEMA public
      GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO \(app);
    REVOKE ALL ON ALL TABLES IN SCHEMA public FROM \(app), \(reader);
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO \(app);
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO \(reader);

    -- What is written once is never changed or removed, and the schema's own record is only read.
    DO $$ DECLARE name text; BEGIN
      FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND relname IN (\(appendOnlyTables.map { "'\($0)'" }.joined(separator: ", ")))
      LOOP EXECUTE format('REVOKE UPDATE, DELETE ON public.%I FROM \(app)', name); END LOOP;
      IF to_regclass('public.schema_migration') IS NOT NULL THEN
        REVOKE INSERT, UPDATE, DELETE ON public.schema_migration FROM \(app);
      END IF;
    END $$;
    """
}

private func hideSecrets(_ tables: [StoredTable], _ reader: String) -> String {
    let secrets = tables.compactMap { table -> String? in
        let open = table.columns.map(\.name).filter { name in !secretWords.contains { name.contains($0) } }
        return open.count == table.columns.count ? nil : "    ('\(table.name)', '\(open.joined(separator: ", "))')"
    }
    return """
        -- The reader sees no secrets, not even sealed or hashed ones.
        DO $$ DECLARE item record; BEGIN
          FOR item IN SELECT * FROM (VALUES
        \(secrets.joined(separator: ",\n"))
          ) AS v (name, columns) WHERE to_regclass('public.' || v.name) IS NOT NULL
          LOOP
            EXECUTE format('REVOKE SELECT ON public.%I FROM \(reader)', item.name);
            EXECUTE format('GRANT SELECT (' || item.columns || ') ON public.%I TO \(reader)', item.name);
          END LOOP;
        END $$;
        """
}

private func partitionHelper(_ owner: String, _ app: String) -> String {
    """
    -- A month of readings is a partition, which only the owner may make: \(app) asks this function.
    CREATE OR REPLACE FUNCTION public.busbar_make_partition(
      parent text, suffix text, first_day bigint, end_day bigint)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    BEGIN
      IF suffix !~ '^[0-9]{4}_[0-9]{2}$' OR NOT EXISTS (SELECT 1 FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relname = parent AND relkind = 'p') THEN
        RAISE EXCEPTION 'busbar_make_partition: no partition of this name';
      END IF;
      EXECUTE format('CREATE TABLE IF NOT EXISTS public.%I PARTITION OF public.%I FOR VALUES FROM (%s) TO (%s)',
        parent || '_' || suffix, parent, first_day, end_day);
    END $$;
    ALTER FUNCTION public.busbar_make_partition(text, text, bigint, bigint) OWNER TO \(owner);
    REVOKE ALL ON FUNCTION public.busbar_make_partition(text, text, bigint, bigint) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION public.busbar_make_partition(text, text, bigint, bigint) TO \(app);
    COMMIT;
    """
}

private func makeRole(_ name: String) -> String {
    """
    DO $$ BEGIN
      IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '\(name)') THEN
        CREATE ROLE \(name) LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
      END IF;
    END $$;
    """
}
