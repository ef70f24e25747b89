/**
 * `<peerline-call link="https://HOST/c/#v1.…">`: a whole call within a page of another site.
 *
 * The page loads `https://HOST/sdk/peerline-call.js`, and the server is started with `--embed-origin` and the page's
 * origin: a browser shows the app within no other site's pages.
 */
import { Link } from "../link.js";
import { asEmbedState, type EmbedBegin, type EmbedCommand, type EmbedState } from "./messages.js";

/** What a call asks the browser for; the page hands its own right to ask on to the frame. */
const PERMISSIONS = ["autoplay", "camera", "clipboard-write", "display-capture", "fullscreen", "microphone", "picture-in-picture", "screen-wake-lock"];

/** A frame that the browser refuses to show never answers; one that it shows has at most so long for it, in milliseconds. */
const PATIENCE = 15_000;

const STYLE = `
  :host { display: block; min-block-size: 24rem; }
  :host([hidden]) { display: none; }
  iframe { display: block; inline-size: 100%; block-size: 100%; min-block-size: inherit; border: 0; }
  p { margin: 0; padding: 1rem; }
`;

/** Fired when the user has joined (`peerline-join`), has left (`peerline-leave`), when others come and go (`peerline-change`), and when the call can't be shown (`peerline-error`). */
export interface PeerlineCallEvents {
  "peerline-join": CustomEvent<EmbedState>;
  "peerline-change": CustomEvent<EmbedState>;
  "peerline-leave": CustomEvent<EmbedState>;
  "peerline-error": CustomEvent<string>;
}

/**
 * The element. Attributes: `link`, the call's whole address; `name`, what the lobby proposes as the user's name.
 * A link that is none is said in its place.
 */
export class PeerlineCall extends HTMLElement {
  static readonly observedAttributes = ["link"];

  readonly #root = this.attachShadow({ mode: "closed" });
  #port: MessagePort | null = null;
  #state: EmbedState = { phase: "lobby", others: 0 };
  #patience: ReturnType<typeof setTimeout> | undefined;

  connectedCallback(): void {
    this.#show();
  }

  disconnectedCallback(): void {
    this.#end();
    this.#root.replaceChildren();
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.#show();
  }

  /** Where the user stands with the call, and how many others are in it. */
  get state(): EmbedState {
    return this.#state;
  }

  /** Leaves the call. Nothing happens when the user is in none. */
  leave(): void {
    this.#port?.postMessage("leave" satisfies EmbedCommand);
  }

  #show(): void {
    this.#end();
    const style = document.createElement("style");
    style.textContent = STYLE;
    this.#root.replaceChildren(style);
    const given = this.getAttribute("link");
    if (given === null) return;
    const link = Link.tryParse(given);
    if (link === undefined) {
      this.#fail("This is not a call's link: https://HOST/c/#v1.…");
      return;
    }
    const frame = document.createElement("iframe");
    frame.title = this.title || "Call";
    const { origin } = new URL(link.href);
    frame.allow = PERMISSIONS.map((permission) => `${permission} ${origin}`).join("; ");
    frame.src = link.href;
    frame.addEventListener("load", () => this.#begin(frame, origin));
    this.#root.append(frame);
  }

  /** Hands the app a port of its own; again when the frame was loaded again. */
  #begin(frame: HTMLIFrameElement, origin: string): void {
    this.#end();
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.onmessage = ({ data }) => {
      const state = asEmbedState(data);
      if (state !== undefined) this.#follow(state);
    };
    const begin: EmbedBegin = { peerline: "embed", name: this.getAttribute("name") ?? "" };
    frame.contentWindow?.postMessage(begin, origin, [port2]);
    this.#patience = setTimeout(() => {
      this.#fail(`The call is not shown. Whoever runs ${origin} has to allow this site: peerline serve --embed-origin ${location.origin}`);
    }, PATIENCE);
  }

  #follow(state: EmbedState): void {
    clearTimeout(this.#patience);
    const before = this.#state;
    this.#state = state;
    const tell = (name: keyof PeerlineCallEvents) => this.dispatchEvent(new CustomEvent(name, { detail: state }));
    if (state.phase === "call" && before.phase !== "call") tell("peerline-join");
    else if (state.phase !== "call" && before.phase === "call") tell("peerline-leave");
    else if (state.others !== before.others) tell("peerline-change");
  }

  #fail(problem: string): void {
    const words = document.createElement("p");
    words.setAttribute("role", "alert");
    words.textContent = problem;
    this.#root.querySelector("iframe")?.remove();
    this.#root.append(words);
    this.dispatchEvent(new CustomEvent("peerline-error", { detail: problem }));
  }

  #end(): void {
    clearTimeout(this.#patience);
    this.#port?.close();
    this.#port = null;
    const { phase } = this.#state;
    this.#state = { phase: "lobby", others: 0 };
    if (phase === "call") this.dispatchEvent(new CustomEvent("peerline-leave", { detail: this.#state }));
  }
}

customElements.define("peerline-call", PeerlineCall);

declare global {
  interface HTMLElementTagNameMap {
    "peerline-call": PeerlineCall;
  }
  interface HTMLElementEventMap extends PeerlineCallEvents {}
}
