import { effect } from "@preact/signals";
import { asEmbedBegin, type EmbedCommand, type EmbedState } from "peerline/embed";
import { leave } from "./call";
import { participants, phase } from "./model";
import { name, NAME_LENGTH } from "./settings";

/**
 * Tells the page of another site that shows this one in a frame (`<peerline-call>`) how the call stands, and does what
 * it asks for. The operator has allowed that site: the browser shows this page within no other.
 */
export function followEmbedder(): void {
  if (window.parent === window) return;
  let stop = () => {};
  addEventListener("message", (event) => {
    const [port] = event.ports;
    const begin = asEmbedBegin(event.data);
    if (event.source !== window.parent || port === undefined || begin === undefined) return;
    stop();
    if (begin.name !== "" && phase.value === "lobby") name.value = begin.name.slice(0, NAME_LENGTH);
    port.onmessage = ({ data }) => {
      if (data === ("leave" satisfies EmbedCommand) && phase.value === "call") leave();
    };
    stop = effect(() => {
      port.postMessage({ phase: phase.value, others: participants.value.length } satisfies EmbedState);
    });
  });
}
