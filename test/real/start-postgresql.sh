#!/bin/sh
# start-postgresql.sh DIR PORT [stop]
# A PostgreSQL server with the database `mail', on 127.0.0.1:PORT and on the unix socket
# DIR/socket/.s.PGSQL.PORT.  The role `mail' needs no password on the socket and the password
# `secret' over TCP.  Data survive a second start in the same DIR; `stop' only ends the server.
set -eu
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
for bin in /usr/lib/postgresql/*/bin; do PATH=$bin:$PATH; done
need postgresql initdb postgres psql
D=$(absdir "$1") PORT=$2
# INT: at once, whoever is connected; it gives its shared memory back, which it could not with KILL
halt "$D" postgresql INT
[ "${3:-start}" != stop ] || exit 0

as_postgres() { (cd "$D" && setpriv --reuid=postgres --regid=postgres --clear-groups "$@"); }
sql() { as_postgres psql -qXAt -v ON_ERROR_STOP=1 -h "$D/socket" -p "$PORT" -U postgres "$@"; }

fresh=
if [ ! -e "$D/data/PG_VERSION" ]; then
    fresh=yes
    mkdir -p "$D/data" "$D/socket"
    chown postgres:postgres "$D/data" "$D/socket"
    as_postgres initdb -D "$D/data" -A trust -U postgres -E UTF8 --locale=C --no-sync >"$D/initdb.log" 2>&1 ||
        { cat "$D/initdb.log" >&2; exit 1; }
    cat >"$D/data/pg_hba.conf" <<EOF
local all all trust
host all all 127.0.0.1/32 scram-sha-256
EOF
    cat >>"$D/data/postgresql.conf" <<EOF
listen_addresses = '127.0.0.1'
port = $PORT
unix_socket_directories = '$D/socket'
unix_socket_permissions = 0777
fsync = off
shared_buffers = 16MB
max_connections = 60
log_min_messages = warning
EOF
fi
cd "$D"
spawn "$D" postgresql setpriv --reuid=postgres --regid=postgres --clear-groups postgres -D "$D/data"
wait_for "$D" postgresql 30 sql -c 'SELECT 1' template1
if [ -n "$fresh" ]; then
    sql -c "CREATE ROLE mail LOGIN PASSWORD 'secret'" -c 'CREATE DATABASE mail OWNER mail' template1
fi
