#!/usr/bin/env bats
# Conditions that ask a PostgreSQL server of our own: a slow query delays its own session
# only; what happens when the server is restarted, gone, refuses, or has to be left.
# Measures time; test/run: alone

load helper

setup_file() {
    open_work
    free_port >"$WORK/port"
    start postgresql "$WORK/pg" "$(cat "$WORK/port")"
    start test-client "$WORK/child" "$WORK/child.sock" --quiet
}

teardown_file() {
    [ -e "$WORK/missing" ] || "$REAL/start-postgresql.sh" "$WORK/pg" "$(cat "$WORK/port")" stop
    close_work
}

setup() {
    skip_if_missing
    sql 'DROP TABLE IF EXISTS users' 'CREATE TABLE users (id serial PRIMARY KEY, name text)' \
        "INSERT INTO users (name) VALUES ('<known@example.org>')"
}

# sql STATEMENT... : what the server says; from a connection that is not the manager's
sql() {
    local statement options=()
    for statement; do options+=(-c "$statement"); done
    PGOPTIONS='-c client_min_messages=warning' psql -qXAt -v ON_ERROR_STOP=1 -h "$WORK/pg/socket" \
        -p "$(cat "$WORK/port")" -U mail "${options[@]}" "${DATABASE:-mail}"
}

# configuration [LINE...] : what all managers here have in common; LINEs before database.setup
configuration() {
    cat <<EOF
database.type = "pg"
database.name = "mail"
database.path = "$WORK/pg/socket"
database.port = $(cat "$WORK/port")
database.user = "mail"
$(printf '%s\n' "$@")
database.setup
database.load_models("user.rb")
define_applicable_condition("Known") do |condition|
  condition.define_envelope_from_stopper do |context, from|
    seconds = from[/-(\d+)@/, 1] # into a variable of its own: all sessions share \$1
    case from
    when /none/ then false
    when /sleep/ then User.connection.select_value("SELECT pg_sleep(#{seconds})") ? true : false
    when /write/
      User.transaction do
        User.create(name: from)
        User.connection.select_value("SELECT pg_sleep(#{seconds})")
      end
      true
    when /twice/ then User.count; sleep 3; User.where(name: "<known@example.org>").exists?
    else User.where(name: from).exists?
    end
  end
end
$(child client "$WORK/child.sock" 'applicable_conditions = ["Known"]')
EOF
}

# run_manager NAME [LINE...]
run_manager() {
    mkdir -p "$WORK/$1"
    echo 'class User < ActiveRecord::Base; end' >"$WORK/$1/user.rb"
    manager "$1" "$(configuration "${@:2}")"
}

# ask NAME SENDER : prints stopped or ran
ask() {
    "$MILTER_BUILD_DIR/bin/milter-test-server" -s "unix:$WORK/$1.sock" -f "<$2@example.org>" >"$WORK/ask.$2"
    case $(sed -n 's/^status: //p' "$WORK/ask.$2") in
    accept) echo stopped ;;
    pass) echo ran ;;
    *) cat "$WORK/ask.$2" ;;
    esac
}

# asked NAME SENDER ANSWER : or the log is shown
asked() {
    local answer
    answer=$(ask "$1" "$2")
    [ "$answer" = "$3" ] || {
        echo "$2: $answer, not $3"
        cat "$WORK/$1/"*.log
        return 1
    }
}

log_of() { cat "$WORK/$1/manager.log"; }

# wait_log NAME PATTERN
wait_log() {
    local tries=0
    until grep -Eq -- "$2" "$WORK/$1/manager.log"; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] || {
            has "$WORK/$1/manager.log" "$2"
            return 1
        }
        sleep 0.05
    done
}

# flow NAME SECONDS : 200 sessions a second that ask the database nothing; "P99 MAX" of a whole
# session in milliseconds
flow() {
    "$MILTER_BUILD_DIR/bin/milter-test-server" -s "unix:$WORK/$1.sock" -f '<none@example.org>' --rate 200 \
        --duration "$2s" --report json >"$WORK/flow.json" || {
        cat "$WORK/flow.json" >&2
        return 1
    }
    /usr/bin/python3 -c 'import json, sys
report = json.load(open(sys.argv[1]))
assert report["sessions"]["failed"] == 0, report
print(report["latency"]["session"]["p99"], report["latency"]["session"]["max"])' "$WORK/flow.json"
}

# no_worse USUAL MEASURED : p99 within 20 %, or within what a busy machine does on its own
no_worse() {
    awk -v usual="${1% *}" -v measured="${2% *}" -v most="${2#* }" \
        'BEGIN { exit !((measured <= usual * 1.2 || measured <= usual + 25) && most < 1000) }' || {
        echo "p99 and maximum in ms: $2, usual: $1"
        return 1
    }
}

@test "a model decides" {
    run_manager plain
    asked plain known stopped
    asked plain stranger ran
}

@test "a query of three seconds delays its own session only" {
    local usual measured i
    run_manager slow
    asked slow known stopped
    usual=$(flow slow 3)
    for i in 1 2 3; do
        # The sessions that sleep take as long as that, the other 200 a second do not notice.
        for _ in 1 2 3 4 5; do ask slow sleep-3 >>"$WORK/slept" 3>&- & done
        measured=$(flow slow 3)
        wait
        if no_worse "$usual" "$measured"; then break; fi
        [ "$i" -lt 3 ]
        usual=$(flow slow 3)
    done
    has "$WORK/ask.sleep-3" '^elapsed-time: 3\.'
    lacks "$WORK/slow/manager.log" '\[condition\]\[(timeout|error)\]'
}

@test "more questions than connections: each gets its turn" {
    local i
    run_manager turns 'database.extra_options = { pool: 2, application_name: "turns" }'
    for i in 1 2 3 4; do ask turns "sleep-1" >"$WORK/turn.$i" 3>&- & done
    sleep 0.3
    [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'turns' AND state = 'active'")" = 2 ]
    wait
    [ "$(cat "$WORK"/turn.? | sort | uniq -c | tr -s ' ')" = ' 4 stopped' ]
    [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'turns'")" = 2 ]
}

@test "the server is restarted between questions, between the queries of one, and during one" {
    run_manager restart 'database.extra_options = { application_name: "restart" }'
    asked restart known stopped
    start postgresql "$WORK/pg" "$(cat "$WORK/port")"
    asked restart known stopped
    ask restart twice >"$WORK/twice" 3>&- &
    ask restart sleep-4 >"$WORK/during" 3>&- &
    until [ "$(sql "SELECT string_agg(state, ' ' ORDER BY state) FROM pg_stat_activity
        WHERE application_name = 'restart'")" = 'active idle' ]; do sleep 0.05; done
    start postgresql "$WORK/pg" "$(cat "$WORK/port")"
    wait
    [ "$(cat "$WORK/twice")" = stopped ]
    # That query may have been carried out: it is not repeated.
    [ "$(cat "$WORK/during")" = ran ]
    wait_log restart '\[condition\]\[error\].*milter-manager.conf:[0-9]+: PG::'
    asked restart known stopped
}

@test "the server is down, and comes back" {
    run_manager down
    asked down known stopped
    "$REAL/start-postgresql.sh" "$WORK/pg" "$(cat "$WORK/port")" stop
    asked down known ran
    wait_log down '\[condition\]\[error\].*milter-manager.conf:[0-9]+: .*connection to server on socket .* failed: No such file'
    asked down none ran
    # Nor does a start need it.
    run_manager without
    wait_log without '\[database\]\[error\] .*/milter-manager.conf:[0-9]+: no connection to the database [a-z]+: connection to'
    asked without known ran
    start postgresql "$WORK/pg" "$(cat "$WORK/port")"
    asked down known stopped
    asked without known stopped
}

@test "a query that takes too long is ended on the server too" {
    local tries=0
    run_manager deadline 'manager.condition_timeout = 0.5' 'database.extra_options = { pool: 1 }'
    asked deadline write-30 ran
    wait_log deadline '\[condition\]\[timeout\].*no answer within 0.5 s'
    asked deadline sleep-30 ran
    while [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%'
        AND pid <> pg_backend_pid()")" != 0 ]; do
        tries=$((tries + 1))
        [ $tries -lt 100 ]
        sleep 0.05
    done
    [ "$(sql 'SELECT count(*) FROM users')" = 1 ]
    asked deadline known stopped
    lacks "$WORK/deadline/manager.log" '\[condition\]\[error\]'
}

# open_sockets NAME : how many the manager has
open_sockets() { find "/proc/$(cat "$WORK/$1/manager.pid")/fd" -lname 'socket:*' | wc -l; }

@test "a server that does not answer any more: nothing is left open" {
    local i before
    run_manager silent 'manager.condition_timeout = 0.3'
    asked silent known stopped
    before=$(open_sockets silent)
    kill -STOP "$(cat "$WORK/pg/postgresql.pid")"
    "$BATS_TEST_DIRNAME/start-manager.sh" "$WORK/silent" "$WORK/silent.sock"
    for i in 1 2 3 4 5 6 7 8 9 10; do asked silent known ran; done
    kill -CONT "$(cat "$WORK/pg/postgresql.pid")"
    asked silent known stopped
    [ "$(open_sockets silent)" -le $((before + 2)) ]
    lacks "$WORK/silent/manager.log" '\[condition\]\[error\]'
}

@test "by name and password over TCP; a wrong password; an unknown database; an unknown host" {
    local file line
    run_manager tcp 'database.path = nil' 'database.host = "localhost"' 'database.password = "secret"'
    asked tcp known stopped
    run_manager password 'database.path = nil' 'database.host = "127.0.0.1"' 'database.password = "wrong"'
    file=$WORK/password/milter-manager.conf
    line=$(grep -n '^database.setup' "$file" | cut -d: -f1)
    wait_log password "$file:$line: no connection to the database [a-z]+: .*FATAL:  password authentication failed for user \"mail\""
    asked password known ran
    wait_log password '\[condition\]\[error\].*password authentication failed'
    run_manager unknown 'database.name = "nothing"'
    wait_log unknown 'no connection to the database [a-z]+: .*FATAL:  database "nothing" does not exist'
    run_manager host 'manager.condition_timeout = 1' 'database.path = nil' 'database.host = "no-such-host.invalid"'
    ask host known >"$WORK/answer" 3>&- &
    flow host 2
    wait
    [ "$(cat "$WORK/answer")" = ran ]
}

@test "a reload to another database: who is waiting keeps the one he asked" {
    run_manager reload 'database.extra_options = { application_name: "reload" }'
    PGHOST=$WORK/pg/socket PGPORT=$(cat "$WORK/port") psql -qX -U postgres -c 'CREATE DATABASE other OWNER mail' template1
    DATABASE=other sql 'CREATE TABLE users (id serial PRIMARY KEY, name text)' \
        "INSERT INTO users (name) VALUES ('<other@example.org>')"
    asked reload known stopped
    ask reload sleep-2 >"$WORK/waiting" 3>&- &
    sleep 0.3
    sed -i 's/^database.name = .*/database.name = "other"/' "$WORK/reload/milter-manager.conf"
    kill -HUP "$(cat "$WORK/reload/manager.pid")"
    wait_log reload 'generation 2 of the configuration is in force'
    asked reload other stopped
    asked reload known ran
    wait
    [ "$(cat "$WORK/waiting")" = stopped ]
    [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE datname = 'mail' AND application_name = 'reload'")" = 0 ]
    [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE datname = 'other' AND application_name = 'reload'")" != 0 ]
}

@test "a daemon uses no connection of the process that started it" {
    local before
    mkdir -p "$WORK/daemon"
    echo 'class User < ActiveRecord::Base; end' >"$WORK/daemon/user.rb"
    {
        echo 'log.use_syslog = false'
        echo "log.path = \"$WORK/daemon/manager.log\""
        configuration
        echo "File.write(\"$WORK/daemon/backend\", User.connection.select_value(\"SELECT pg_backend_pid()\"))"
    } >"$WORK/daemon/milter-manager.conf"
    "$MILTER_BUILD_DIR/bin/milter-manager" -c "$WORK/daemon" -s "unix:$WORK/daemon.sock" --daemon \
        --pid-file "$WORK/daemon/manager.pid" 3>&-
    asked daemon known stopped
    before=$(cat "$WORK/daemon/backend")
    [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE pid = $before")" = 0 ]
    kill "$(cat "$WORK/daemon/manager.pid")"
}
