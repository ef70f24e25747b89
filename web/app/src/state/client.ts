import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import { Peerline, type PeerlineOptions } from "peerline";
import { phase, serverReachable } from "./model";
import { relayOnly, relayProtocol } from "./settings";

/** How long the server may be silent before the user is told, in milliseconds. */
const PATIENCE = 2_500;

const options = computed<PeerlineOptions>(() => ({
  server: location.origin,
  iceTransportPolicy: relayOnly.value ? "relay" : "all",
  ...(relayProtocol.value !== "auto" && { relayProtocols: [relayProtocol.value] }),
}));

const current = signal<Peerline | null>(null);

/** The connection to the server, from the start of the app on. It is made anew when the connection settings change. */
export const client: ReadonlySignal<Peerline | null> = current;

/** Connects, and keeps connected with the settings there are. */
export function startClient(): void {
  let made: PeerlineOptions | null = null;
  effect(() => {
    const wanted = options.value;
    // A call keeps the settings that it was begun with.
    if (phase.value === "joining" || phase.value === "call") return;
    if (made === wanted) return;
    made = wanted;
    current.peek()?.close();
    current.value = connect(wanted);
  });
}

function connect(wanted: PeerlineOptions): Peerline {
  const peerline = new Peerline(wanted);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const follow = () => {
    const silent = peerline.state === "connecting" || peerline.state === "offline";
    if (silent) timer ??= setTimeout(() => (serverReachable.value = false), PATIENCE);
    else {
      clearTimeout(timer);
      timer = undefined;
      serverReachable.value = true;
    }
  };
  peerline.addEventListener("statechange", follow);
  void peerline.connect().catch(() => undefined);
  follow();
  return peerline;
}
