"""libtorrent as a client (see line-client.ts for its protocol) and as a maker of torrents.

usage: libtorrent-program.py client '{"role", "torrentFile", "dir", "address", "find", "downloadLimit"}'
       libtorrent-program.py create '{"root", "pieceLength", "torrentFile", "webSeeds", "httpSeeds"}'
"""
import json
import os
import signal
import sys
import threading

import libtorrent as lt

from libtorrent_alerts import Alerts


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def client(options):
    address = options["address"]
    host = f"[{address}]" if ":" in address else address
    find = options.get("find") or {"by": "nothing"}
    session = lt.session({
        "listen_interfaces": f"{host}:0",
        "outgoing_interfaces": address,
        "enable_dht": find["by"] == "dht",
        "enable_lsd": find["by"] == "lsd",
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_incoming_utp": False,
        "enable_outgoing_utp": False,
        "allow_multiple_connections_per_ip": True,
        "dht_bootstrap_nodes": "",
        "dht_enforce_node_id": False,
        "dht_restrict_routing_ips": False,
        "dht_restrict_search_ips": False,
        "in_enc_policy": lt.enc_policy.pe_disabled,
        "out_enc_policy": lt.enc_policy.pe_disabled,
        "alert_mask": (
            lt.alert.category_t.connect_notification
            | lt.alert.category_t.error_notification
            | lt.alert.category_t.peer_notification
            | lt.alert.category_t.status_notification
            | lt.alert.category_t.storage_notification
        ),
    })
    magnet = options.get("magnet")
    params = lt.parse_magnet_uri(magnet) if magnet else lt.add_torrent_params()
    if not magnet:
        params.ti = lt.torrent_info(options["torrentFile"])
    params.save_path = options["dir"]
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    if find["by"] != "pex":
        params.flags |= lt.torrent_flags.disable_pex
    if "downloadLimit" in options:
        params.download_limit = options["downloadLimit"]
    handle = session.add_torrent(params)

    alerts = Alerts(session)
    stopped = threading.Event()

    def meet():
        unmet = lt.peer_info.connecting | lt.peer_info.handshake
        beats = 0
        while all(peer.flags & unmet for peer in handle.get_peer_info()):
            if find["by"] == "dht" and beats % 10 == 0:
                # Said again and again: it forgets nodes that answer late, and searches half a table.
                session.add_dht_node((find["node"]["address"], find["node"]["port"]))
                handle.force_dht_announce()
            beats += 1
            if stopped.wait(0.1):
                return
        say("connected")

    def control():
        for line in sys.stdin:
            command = json.loads(line)
            if command["do"] == "dial":
                handle.connect_peer((command["address"], command["port"]))
        stopped.set()
        alerts.stop()

    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # The end of the input is the signal to stop.
    threading.Thread(target=control, daemon=True).start()
    threading.Thread(target=meet, daemon=True).start()
    seeds = options["role"] == "seed"
    for alert in alerts:
        if isinstance(alert, lt.listen_succeeded_alert):
            if alert.socket_type == lt.socket_type_t.tcp:
                say("listening", port=alert.port)
                if magnet:
                    say("ready")
        elif isinstance(alert, lt.torrent_checked_alert):
            if not seeds and not magnet:
                say("ready")
        elif isinstance(alert, lt.torrent_finished_alert):
            say("ready" if seeds else "finished")
        else:
            say("log", message=alert.message())


def create(options):
    root = options["root"]
    files = lt.file_storage()
    lt.add_files(files, root)
    torrent = lt.create_torrent(files, options["pieceLength"], lt.create_torrent.v1_only)
    for url in options["webSeeds"]:
        torrent.add_url_seed(url)
    for url in options["httpSeeds"]:
        torrent.add_http_seed(url)
    lt.set_piece_hashes(torrent, os.path.dirname(root))
    with open(options["torrentFile"], "wb") as out:
        out.write(lt.bencode(torrent.generate()))


if __name__ == "__main__":
    {"client": client, "create": create}[sys.argv[1]](json.loads(sys.argv[2]))
