// Networks, devices and servers in which a call can't be made: what runs in a page before it joins, and what a server is made to meet.
import { hkdfSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { WebSocket } from "ws";

/** Runs in the page before it joins: its connections get other servers than it was given. */
export function spoilServers(how) {
  const Kept = window.RTCPeerConnection;
  const spoil = (configuration) => ({
    ...configuration,
    iceServers: configuration.iceServers.map((server) =>
      how === "wrong credential" ? { ...server, credential: "wrong" } : { ...server, urls: [server.urls].flat().map((url) => url.replace(/:\d+(?=\?|$)/, ":9")) },
    ),
  });
  window.RTCPeerConnection = class extends Kept {
    constructor(configuration) {
      super(spoil(configuration));
    }
    setConfiguration(configuration) {
      super.setConfiguration(spoil(configuration));
    }
  };
}

/** Runs in the page before its own scripts: the server names its own relay last. */
export function nameOthersFirst() {
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    set onmessage(take) {
      super.onmessage = take && (({ data }) => take({ data: JSON.stringify(JSON.parse(data, (key, value) => (key === "servers" && Array.isArray(value) ? value.reverse() : value))) }));
    }
  };
}

/** Runs in the page before its own scripts: a server without a relay, and a NAT that lets nothing in. */
export function closeNetwork() {
  const Socket = window.WebSocket;
  const onlyStun = (servers) => servers.map((server) => ({ ...server, urls: [server.urls].flat().filter((url) => url.startsWith("stun:")) })).filter(({ urls }) => urls.length > 0);
  window.WebSocket = class extends Socket {
    set onmessage(take) {
      super.onmessage = take && (({ data }) => take({ data: JSON.stringify(JSON.parse(data, (key, value) => (key === "servers" && Array.isArray(value) ? onlyStun(value) : value))) }));
    }
  };
  const Kept = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Kept {
    // Here STUN sees the address that is there already, which browsers then don't tell twice.
    set onicecandidate(take) {
      super.onicecandidate =
        take &&
        (({ candidate }) => {
          const seen = candidate?.candidate.replace("typ host", "typ srflx raddr 0.0.0.0 rport 0");
          take({ candidate: candidate?.candidate ? new RTCIceCandidate({ ...candidate.toJSON(), candidate: seen }) : candidate });
        });
    }
    setRemoteDescription({ type, sdp }) {
      return super.setRemoteDescription({ type, sdp: sdp.replace(/^a=candidate:.*\r\n/gm, "") });
    }
    addIceCandidate() {
      return Promise.resolve();
    }
  };
}

/** Runs in the page before its own scripts: another program has camera and microphone (mediacapture-main §10.2.1). */
export function takeDevices() {
  navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("Could not start the source", "NotReadableError"));
}

/** `count` members in the channel of `link`, who say nothing; returns what lets them go (docs/signaling.md §§1, 5, 6). */
export async function fill(server, link, count) {
  const secret = Buffer.from(new URL(link).hash.slice("#v1.".length), "base64url");
  const channel = Buffer.from(hkdfSync("sha256", secret, "", "peerline v1 channel", 32)).toString("base64url");
  const sockets = [];
  for (let member = 0; member < count; member += 1) {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/signal`, "peerline.v1");
    sockets.push(socket);
    await once(socket, "open");
    const ask = async (frame) => {
      socket.send(JSON.stringify(frame));
      for (;;) {
        const [text] = await once(socket, "message");
        const answer = JSON.parse(text);
        if (answer.re !== frame.id) continue;
        if (answer.type === "error") throw new Error(answer.message);
        return;
      }
    };
    await ask({ type: "hello", id: 1, key: randomBytes(32).toString("base64url"), agent: "test" });
    await ask({ type: "join", id: 2, channel, profile: "AAAA" });
  }
  return () => sockets.forEach((socket) => socket.terminate());
}
