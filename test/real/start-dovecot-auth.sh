#!/bin/sh
# start-dovecot-auth.sh DIR
# Dovecot as a SASL server only, on DIR/auth.sock, for start-postfix.sh with
# SASL=DIR/auth.sock.  One user: alice, password `secret', by PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-256.
set -eu
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
need dovecot-core dovecot
D=$(absdir "$1")
halt "$D" dovecot
check_sock "$D/auth.sock"
mkdir -p "$D/run" "$D/state"
echo 'alice:{PLAIN}secret:::::' >"$D/passwd"
cat >"$D/dovecot.conf" <<EOF
base_dir = $D/run
state_dir = $D/state
instance_name = $D
log_path = $D/dovecot.events
protocols =
ssl = no
listen = 127.0.0.1
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 scram-sha-256
passdb {
  driver = passwd-file
  args = $D/passwd
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}
service auth {
  unix_listener $D/auth.sock {
    mode = 0666
  }
}
service stats {
  unix_listener stats-reader {
    mode = 0600
  }
}
EOF
spawn "$D" dovecot dovecot -F -c "$D/dovecot.conf"
wait_for "$D" dovecot 10 listening "$D/auth.sock"
