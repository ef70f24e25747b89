/** Whole frames in order, and the news that it is closed: all that a session needs of a connection. */
export interface Transport {
  send(frame: string): void;
  /** Nothing is heard of it after this. */
  close(): void;
}

/** Where a transport tells what happens. */
export interface TransportListener {
  opened(): void;
  received(frame: string): void;
  /** @param code - a WebSocket close code; 1006 when the connection just broke */
  closed(code: number): void;
}

/** Opens a connection; it may fail later by `closed`. */
export type Connect = (listener: TransportListener) => Transport;

/** WebSocket at `/signal` (`docs/signaling.md` §4). */
export function webSocket(server: URL): Connect {
  const url = new URL("/signal", server);
  url.protocol = server.protocol === "http:" ? "ws:" : "wss:";
  return (listener) => {
    const socket = new WebSocket(url, "peerline.v1");
    socket.onopen = () => listener.opened();
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") listener.received(data);
    };
    socket.onclose = ({ code }) => listener.closed(code);
    return {
      send: (frame) => socket.send(frame),
      close: () => {
        // A broken network can hold back `close` for a minute; the session moves on at once.
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close(1000);
      },
    };
  };
}
