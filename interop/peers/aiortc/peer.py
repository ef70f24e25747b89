"""A peer on aiortc (PyPI). The commands are described in ../README.md."""

import asyncio
import hashlib
import json
import os
import sys

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

WAITING_MAX = 1 << 20


def say(**event):
    print(json.dumps(event), flush=True)


def sequence(length):
    """The first `length` bytes of the sequence."""
    taken = bytearray(length)
    x = 1
    for index in range(length):
        x = (x * 1664525 + 1013904223) & 0xFFFFFFFF
        taken[index] = x >> 24
    return bytes(taken)


class Peer:
    def __init__(self):
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.interop = None
        self.others = {}
        self.received = hashlib.sha256()
        self.bytes = 0
        self.connection.on("datachannel", self.use)
        self.connection.on("connectionstatechange", self.state)

    async def state(self):
        say(**{"is": "state", "state": self.connection.connectionState})

    def use_other(self, channel):
        label = channel.label
        self.others[label] = channel

        def opened():
            say(
                **{"is": "opened", "label": label, "ordered": channel.ordered, "protocol": channel.protocol},
                maxRetransmits=channel.maxRetransmits,
                maxPacketLifeTime=channel.maxPacketLifeTime,
            )

        def said(data):
            kind = "binary" if isinstance(data, bytes) else "text"
            data = data if kind == "binary" else data.encode()
            digest = hashlib.sha256(data).hexdigest()
            say(**{"is": "said", "label": label, "kind": kind, "bytes": len(data), "sha256": digest})

        channel.on("message", said)
        channel.on("open", opened)
        channel.on("close", lambda: say(**{"is": "shut", "label": label}))
        if channel.readyState == "open":
            opened()

    def use(self, channel):
        if channel.label != "interop":
            return self.use_other(channel)
        self.interop = channel
        channel.on("message", self.take)
        channel.on("open", lambda: say(**{"is": "open"}))
        channel.on("close", lambda: say(**{"is": "closed"}))
        if channel.readyState == "open":
            say(**{"is": "open"})

    def take(self, data):
        if isinstance(data, bytes):
            self.received.update(data)
            self.bytes += len(data)
        elif data.startswith("sha256:"):
            digest = self.received.hexdigest()
            say(**{"is": "received", "bytes": self.bytes, "sha256": digest, "claimed": data[7:]})
            self.received = hashlib.sha256()
            self.bytes = 0
        else:
            say(**{"is": "text", "text": data})

    def describe_self(self):
        local = self.connection.localDescription
        say(**{"is": "description", "type": local.type, "sdp": local.sdp})

    async def offer(self, restart=False):
        if restart:
            raise NotImplementedError("aiortc does not restart ICE")
        if self.interop is None:
            self.use(self.connection.createDataChannel("interop"))
        await self.connection.setLocalDescription(await self.connection.createOffer())
        self.describe_self()

    async def describe(self, type, sdp):
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp=sdp, type=type))
        if type == "offer":
            await self.connection.setLocalDescription(await self.connection.createAnswer())
            self.describe_self()

    async def send(self, text):
        self.interop.send(text)

    async def stream(self, bytes, size):
        data = sequence(bytes)
        for start in range(0, bytes, size):
            self.interop.send(data[start : start + size])
            while self.interop.bufferedAmount > WAITING_MAX:
                await asyncio.sleep(0.002)
        self.interop.send("sha256:" + hashlib.sha256(data).hexdigest())
        say(**{"is": "streamed"})

    async def close(self, what):
        if what == "channel":
            self.interop.close()
        else:
            await self.connection.close()

    async def channel(self, label, options):
        self.use_other(self.connection.createDataChannel(label, **options))

    async def say(self, label, text=None, bytes=None):
        self.others[label].send(sequence(bytes) if text is None else text)

    async def shut(self, label):
        self.others[label].close()

    async def end(self):
        os._exit(0)


async def obey(peer, command):
    try:
        await getattr(peer, command.pop("do"))(**command)
    except Exception as error:
        say(**{"is": "error", "message": repr(error)})


async def main():
    peer = Peer()
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    running = set()
    while line := await reader.readline():
        task = asyncio.create_task(obey(peer, json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)


asyncio.run(main())
