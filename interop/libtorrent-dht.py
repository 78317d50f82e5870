"""libtorrent as a DHT node: JSON lines in, JSON lines out.

usage: libtorrent-dht.py '{"address", "port"}'
in:  {"do": "node", "address", "port"}           meet a node
     {"do": "announce", "hash", "port"}          announce a peer; libtorrent's is at its own port
     {"do": "peers", "hash"}                     -> {"event": "peers", "hash", "peers": [[ip, port]]}
     {"do": "put", "value"}                      -> {"event": "put", "target"}, {"event": "stored", "nodes"}
     {"do": "get", "target"}                     -> {"event": "item", "value"}
     {"do": "putMutable", "seed", "key", "salt", "value"} -> {"event": "stored", "nodes"}
     {"do": "getMutable", "key", "salt"}         -> {"event": "mutable", "value", "seq"}
"""
import hashlib
import json
import sys
import tempfile
import threading
import time

import libtorrent as lt

from libtorrent_alerts import Alerts


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def expanded(seed):
    """The 64 bytes that libtorrent calls a secret key (RFC 8032, 5.1.5)."""
    key = bytearray(hashlib.sha512(seed).digest())
    key[0] &= 248
    key[31] = key[31] & 127 | 64
    return bytes(key)


options = json.loads(sys.argv[1])
address = options["address"]
host = f"[{address}]" if ":" in address else address
session = lt.session({
    "listen_interfaces": f"{host}:{options['port']}",
    "enable_dht": True,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "dht_bootstrap_nodes": "",
    "dht_restrict_routing_ips": False,
    "dht_restrict_search_ips": False,
    "dht_ignore_dark_internet": False,
    "dht_enforce_node_id": False,
    "alert_mask": (
        lt.alert.category_t.dht_notification
        | lt.alert.category_t.dht_operation_notification
        | lt.alert.category_t.error_notification
    ),
})
alerts = Alerts(session)


def control():
    for line in sys.stdin:
        command = json.loads(line)
        todo = command["do"]
        if todo == "node":
            session.add_dht_node((command["address"], command["port"]))
        elif todo == "announce":
            # The bindings have no flags to give to dht_announce, but torrents announce themselves.
            torrent = lt.parse_magnet_uri(f"magnet:?xt=urn:btih:{command['hash']}")
            torrent.save_path = tempfile.gettempdir()
            session.add_torrent(torrent).force_dht_announce()
        elif todo == "peers":
            session.dht_get_peers(lt.sha1_hash(bytes.fromhex(command["hash"])))
        elif todo == "put":
            say("put", target=str(session.dht_put_immutable_item(command["value"])))
        elif todo == "get":
            session.dht_get_immutable_item(lt.sha1_hash(bytes.fromhex(command["target"])))
        elif todo == "putMutable":
            session.dht_put_mutable_item(
                expanded(bytes.fromhex(command["seed"])), bytes.fromhex(command["key"]),
                command["value"], command["salt"])
        elif todo == "getMutable":
            session.dht_get_mutable_item(bytes.fromhex(command["key"]), command["salt"])
    alerts.stop()


def text(item):
    """The value of an item, which the bindings give in a dictionary and perhaps bencoded."""
    value = item["value"] if isinstance(item, dict) else item
    if isinstance(value, bytes) and value[:1].isdigit() and b":" in value:
        value = lt.bdecode(value)
    return value.decode() if isinstance(value, bytes) else None


threading.Thread(target=control, daemon=True).start()
time.sleep(0.5)
say("ready")
for alert in alerts:
    if isinstance(alert, lt.dht_get_peers_reply_alert):
        say("peers", hash=str(alert.info_hash), peers=alert.peers())
    elif isinstance(alert, lt.dht_immutable_item_alert):
        say("item", value=text(alert.item))
    elif isinstance(alert, lt.dht_mutable_item_alert):
        say("mutable", value=text(alert.item), seq=int(alert.seq) if isinstance(alert.seq, int) else 0)
    elif isinstance(alert, lt.dht_put_alert):
        say("stored", nodes=alert.num_success)
