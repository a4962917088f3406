#!/bin/sh
# Writes what the environment says into a copy of vars.xml and becomes FreeSWITCH. Every value is checked: it ends up in XML.
set -eu
conf=/var/run/dce-freeswitch
mkdir -p "$conf" /var/lib/freeswitch/prompts /var/lib/freeswitch/recordings
cp -r /etc/dce-freeswitch/. "$conf"
put() {
  case "$2" in *[!A-Za-z0-9._-]*|'') echo "$1: letters, digits, . _ and - only" >&2; exit 1 ;; esac
  sed -i "s|data=\"$1=[^\"]*\"|data=\"$1=$2\"|" "$conf/vars.xml"
}
own=$(hostname -i | cut -d' ' -f1)
put event_socket_password "${FREESWITCH_SECRET:?set it}"
put event_socket_ip 0.0.0.0
put mrf_sip_ip "$own"
put mrf_rtp_ip "$own"
put mrf_ext_rtp_ip "${FREESWITCH_PUBLIC_ADDRESS:-$own}"
exec freeswitch -nf -nonat -conf "$conf" -log /tmp -db /tmp
