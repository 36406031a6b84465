#!/bin/sh
# The first start of an InfluxDB 2: organisation, bucket, and a token for the feed that can write there and nothing else.
# usage: INFLUX_HOST=https://influx.plant.example:8086 ./setup.sh    (asks for the administrator's password)
set -eu
umask 077

influx setup --host "$INFLUX_HOST" --org works --bucket plant --retention 0 --username admin
bucket=$(influx bucket list --host "$INFLUX_HOST" --org works --name plant --hide-headers | cut -f1)
influx auth create --host "$INFLUX_HOST" --org works --write-bucket "$bucket" --description "plantctl feed" --json |
  sed -n 's/^[[:space:]]*"token": "\(.*\)",$/\1/p' > influx.token
test -s influx.token
echo "influx.token goes into the plant's secrets folder, mode 0600"
