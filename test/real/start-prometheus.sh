#!/bin/sh
# start-prometheus.sh DIR PORT TARGET_PORT [RULES]
# Prometheus on 127.0.0.1:PORT, which scrapes 127.0.0.1:TARGET_PORT every second as job
# milter-manager; RULES is a file of alerts.  Ready means: it answers queries.
set -eu
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
need prometheus prometheus
D=$(absdir "$1"); PORT=$2
halt "$D" prometheus
cat >"$D/prometheus.yml" <<EOF
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
${4:+rule_files: [$4]}
scrape_configs:
  - job_name: milter-manager
    static_configs:
      - targets: ['127.0.0.1:$3']
EOF
spawn "$D" prometheus prometheus --config.file="$D/prometheus.yml" --storage.tsdb.path="$D/tsdb" \
    --web.listen-address="127.0.0.1:$PORT" --log.level=warn
wait_for "$D" prometheus 30 "$PY" -c "
import urllib.request
urllib.request.urlopen('http://127.0.0.1:$PORT/-/ready', timeout=1)"
