import { effect, signal } from "@preact/signals";
import { Link, type IncomingInvitation, type InvitationResult, type Person } from "peerline";
import { navigate } from "../router";
import { t } from "../text/text";
import { ringTone } from "../media/ring-tone";
import { client } from "./client";
import { keepMissedCall } from "./missed";
import { phase } from "./model";
import { notify } from "./notices";
import { name } from "./settings";

/** Somebody calls the user. */
export const incoming = signal<IncomingInvitation | null>(null);
/** Whom the user calls. */
export const outgoing = signal<{ readonly person: Person; readonly cancel: () => void } | null>(null);

/** What the caller is to be called. */
export function callerOf({ name }: IncomingInvitation): string {
  return name || t("call.unnamed");
}

/** Listens for calls. */
export function startRinging(): void {
  effect(() => {
    const peerline = client.value;
    if (peerline === null) return;
    const listen = ({ invitation }: { invitation: IncomingInvitation }) => ring(invitation);
    peerline.addEventListener("invitation", listen);
    return () => peerline.removeEventListener("invitation", listen);
  });
  effect(() => (incoming.value === null ? undefined : ringTone()));
}

function ring(invitation: IncomingInvitation): void {
  const name = callerOf(invitation);
  const missed = () => {
    const text = t("ring.missed", { name });
    notify(text);
    void tell(invitation, text);
    keepMissedCall(name, invitation.identity);
  };
  const engaged = phase.value === "call" || phase.value === "joining" || incoming.value !== null;
  if (engaged || outgoing.value !== null) {
    invitation.busy();
    missed();
    return;
  }
  incoming.value = invitation;
  const told = tell(invitation, t("ring.incoming", { name }));
  invitation.addEventListener("ended", () => {
    void told.then((takeBack) => takeBack?.());
    if (incoming.value !== invitation) return;
    incoming.value = null;
    if (invitation.result !== "accepted" && invitation.result !== "declined") missed();
  });
}

/** Tells it outside the page as well. No part of what the start page loads. */
function tell({ from }: IncomingInvitation, text: string): Promise<(() => void) | undefined> {
  return import("./system-notice").then(({ tellBySystem }) => tellBySystem(text, from), () => undefined);
}

/** Goes to where the caller waits. */
export function accept(): void {
  const invitation = incoming.value;
  if (invitation === null) return;
  incoming.value = null;
  invitation.accept();
  navigate(invitation.link.href);
}

/** Lets the caller know that the user doesn't come. */
export function decline(): void {
  const invitation = incoming.value;
  incoming.value = null;
  invitation?.decline();
}

/** Rings somebody, and goes to the call when they accept. */
export async function callPerson(person: Person): Promise<void> {
  const peerline = client.value;
  if (peerline === null || outgoing.value !== null) return;
  const link = Link.create(peerline.server);
  const invitation = peerline.invite(person, link, { name: name.value.trim() || t("call.unnamed") });
  outgoing.value = { person, cancel: () => invitation.cancel() };
  let result: InvitationResult | "failed";
  try {
    result = await invitation.result;
  } catch {
    result = "failed";
  }
  outgoing.value = null;
  if (result === "accepted") navigate(link.href);
  else if (result !== "cancelled") notify(t(`ring.${result}`, { name: person.name }));
}

/** Stops ringing. */
export function cancel(): void {
  outgoing.value?.cancel();
  outgoing.value = null;
}
