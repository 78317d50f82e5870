"""The alerts of a libtorrent session, waited for without wait_for_alert().

That call hands out a pointer into a queue which libtorrent's own thread may move while the bindings
still look at it: now and then the interpreter dies of it (SIGSEGV). A byte on a socket, and
pop_alerts(), whose alerts stay until the next call, are safe.
"""
import select
import socket


class Alerts:
    """Iterates over the session's alerts until stop() is called, from any thread."""

    def __init__(self, session):
        self._session = session
        self._stopped = False
        self._bell, self._ringer = socket.socketpair()
        self._bell.setblocking(False)
        self._ringer.setblocking(False)
        session.set_alert_fd(self._ringer.fileno())

    def stop(self):
        self._stopped = True
        self._ringer.send(b"s")

    def __iter__(self):
        while not self._stopped:
            select.select([self._bell], [], [])
            self._bell.recv(4096)
            yield from self._session.pop_alerts()
