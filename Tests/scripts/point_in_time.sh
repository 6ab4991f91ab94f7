#!/usr/bin/env bash
# Point-in-time recovery as docs/backup.md describes it, tried on a private PostgreSQL: base backup, archived log, a bad
# command, and the database as it was before that. Takes the program as its argument. 77: PostgreSQL is not here.
set -euo pipefail
busbar=$1
binaries=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1 || true)
[ -x "$binaries/initdb" ] && [ -x "$binaries/pg_basebackup" ] || { echo "PostgreSQL is not here"; exit 77; }
as=()
if [ "$(id -u)" = 0 ]; then
    id postgres >/dev/null 2>&1 || { echo "PostgreSQL does not run as root and there is no user postgres"; exit 77; }
    as=(runuser -u postgres --)
fi
folder=$(mktemp -d /tmp/busbar-pitr-XXXXXX)
chmod 711 "$folder"
pg() { (cd / && "${as[@]}" "$binaries/$1" "${@:2}") </dev/null; }
stop() { pg pg_ctl -D "$1" -m fast -w stop >/dev/null 2>&1 || true; }
trap 'stop "$folder/pg/data"; stop "$folder/pg/new"; rm -rf "$folder"' EXIT
mkdir "$folder/pg"
[ ${#as[@]} = 0 ] || chown postgres "$folder/pg"
chmod 755 "$folder/pg"
data=$folder/pg/data archive=$folder/pg/archive url="postgres://postgres@/busbar?host=$folder/pg"
sql() { pg psql -h "$folder/pg" -U postgres -qAt -v ON_ERROR_STOP=1 -c "$1" "${2:-busbar}"; }

pg initdb -D "$data" -A trust -U postgres -E UTF8 --no-locale >/dev/null
"${as[@]}" mkdir "$archive"
"${as[@]}" tee -a "$data/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$folder/pg'
unix_socket_permissions = 0777
wal_level = replica
archive_mode = on
archive_command = 'test ! -f $archive/%f && cp %p $archive/%f'
CONF
pg pg_ctl -D "$data" -l "$folder/pg/log" -w start >/dev/null
pg createdb -h "$folder/pg" -U postgres -T template0 -E UTF8 busbar
"$busbar" org add "Before Power" --data "$folder/house" --database "$url" >/dev/null 2>&1
pg pg_basebackup -h "$folder/pg" -U postgres -D "$folder/pg/new" --checkpoint=fast
# What comes after the base backup is only in the log.
"$busbar" org add "After Power" --data "$folder/house" --database "$url" >/dev/null 2>&1
sleep 1
moment=$(sql "SELECT clock_timestamp()")
sleep 1
sql "DROP TABLE posting, org CASCADE"
sql "SELECT pg_switch_wal()" >/dev/null
for _ in $(seq 100); do
    last=$(sql "SELECT COALESCE(last_archived_wal, '') >= pg_walfile_name(pg_current_wal_lsn() - 1)
        FROM pg_stat_archiver")
    [ "$last" = t ] && break
    sleep 0.1
done
stop "$data"

"${as[@]}" tee -a "$folder/pg/new/postgresql.conf" >/dev/null <<CONF
restore_command = 'cp $archive/%f %p'
recovery_target_time = '$moment'
recovery_target_action = 'promote'
archive_mode = off
CONF
"${as[@]}" touch "$folder/pg/new/recovery.signal"
pg pg_ctl -D "$folder/pg/new" -l "$folder/pg/log-new" -w start >/dev/null || { cat "$folder/pg/log-new"; exit 1; }
for _ in $(seq 100); do
    [ "$(sql "SELECT pg_is_in_recovery()")" = f ] && break
    sleep 0.1
done
"$busbar" db check --data "$folder/house" --database "$url"
"$busbar" org list --data "$folder/house" --database "$url" | tee "$folder/orgs"
grep -q "Before Power" "$folder/orgs" && grep -q "After Power" "$folder/orgs"
echo "recovered to $moment: both companies are there, and the books balance"
