import { muted } from "../media/local";
import { canFullScreen, toggleFullScreen } from "./full-screen";
import { ownHand, raiseHand } from "./gestures";
import { cameraOn, microphoneOn, turnCamera, turnMicrophone } from "./own-media";
import { keysOn } from "./settings";

/** The keys of a call, as `aria-keyshortcuts` has them. */
export const KEYS = { microphone: "M", camera: "V", hand: "H", "full-screen": "F", talk: "Space" } as const;
export type KeyAction = keyof typeof KEYS;

const actions = new Map(Object.entries(KEYS).map(([action, key]) => [key === "Space" ? " " : key.toLowerCase(), action as KeyAction]));

/** Where letters are text, or choose from a list. */
const WRITING = "input, textarea, select, [contenteditable]";
/** Where the space bar means something else. */
const PRESSING = "button, a, summary, [role=button]";

/** What a key asks for; null: nothing, or it is meant for what has the focus. */
export function actionOf(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "isComposing" | "target">): KeyAction | null {
  const action = actions.get(event.key.toLowerCase());
  if (action === undefined || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  const focus = event.target as Element | null;
  const within = (places: string) => typeof focus?.closest === "function" && focus.closest(places) !== null;
  if (within(WRITING) || within("dialog") || (action === "talk" && within(PRESSING))) return null;
  return action;
}

/** The attribute that names a button's key, where keys are on. */
export function shortcut(action: KeyAction): { "aria-keyshortcuts"?: string } {
  if (!keysOn.value) return {};
  return { "aria-keyshortcuts": action === "microphone" ? `${KEYS.microphone} ${KEYS.talk}` : KEYS[action] };
}

/** Does what the keys ask for, while a call lasts. Returns what ends that. */
export function followKeys(): () => void {
  let talking = false;
  const quiet = () => {
    if (talking) void turnMicrophone(false);
    talking = false;
  };
  const down = (event: KeyboardEvent) => {
    const action = keysOn.value ? actionOf(event) : null;
    if (action === null || event.defaultPrevented) return;
    // Held, the space bar would scroll.
    if (action === "talk") event.preventDefault();
    if (event.repeat) return;
    switch (action) {
      case "microphone":
        talking = false;
        return void turnMicrophone(!microphoneOn.value);
      case "camera":
        return void turnCamera(!cameraOn.value);
      case "hand":
        return raiseHand(ownHand.value === undefined);
      case "full-screen":
        return canFullScreen() ? toggleFullScreen() : undefined;
      case "talk":
        if (!muted.value) return;
        talking = true;
        return void turnMicrophone(true);
    }
  };
  const up = ({ key }: KeyboardEvent) => {
    if (key === " ") quiet();
  };
  addEventListener("keydown", down);
  addEventListener("keyup", up);
  // The key may be let go where this page doesn't see it.
  addEventListener("blur", quiet);
  return () => {
    removeEventListener("keydown", down);
    removeEventListener("keyup", up);
    removeEventListener("blur", quiet);
    quiet();
  };
}
