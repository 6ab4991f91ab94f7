#pragma once
// What Swift cannot import by itself: variadic functions and the SQLITE_TRANSIENT macro.
#include <sqlite3.h>

// Foreign keys on; "text" in double quotes is never a string; no writes to the schema by hand; no functions with
// side effects in a schema. Returns the first error code, or SQLITE_OK.
static inline int busbar_sqlite_harden(sqlite3 *db) {
    static const struct { int option, value; } wanted[] = {
        {SQLITE_DBCONFIG_ENABLE_FKEY, 1}, {SQLITE_DBCONFIG_DQS_DML, 0},       {SQLITE_DBCONFIG_DQS_DDL, 0},
        {SQLITE_DBCONFIG_DEFENSIVE, 1},   {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0}, {SQLITE_DBCONFIG_ENABLE_TRIGGER, 1},
    };
    for (unsigned i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        int now = -1;
        int code = sqlite3_db_config(db, wanted[i].option, wanted[i].value, &now);
        if (code != SQLITE_OK) return code;
        if (now != wanted[i].value) return SQLITE_MISUSE;
    }
    return SQLITE_OK;
}

static inline int busbar_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text, sqlite3_uint64 count) {
    return sqlite3_bind_text64(statement, index, text, count, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static inline int busbar_sqlite_bind_bytes(sqlite3_stmt *statement, int index, const void *bytes, sqlite3_uint64 count) {
    if (count == 0) return sqlite3_bind_zeroblob(statement, index, 0);
    return sqlite3_bind_blob64(statement, index, bytes, count, SQLITE_TRANSIENT);
}

// SQLite counts its memory under a lock that every allocation takes, and nobody here asks for the count. Only before
// the first file is opened; later it changes nothing.
static inline void busbar_sqlite_count_no_memory(void) { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
