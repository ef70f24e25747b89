import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { trustIn } from "../state/contacts";
import { addContact, knownPeople } from "../state/known-people";
import { participants, type Participant } from "../state/model";
import { t } from "../text/text";
import { Avatar } from "./avatar";
import { Dialog } from "./dialog";
import { AddPersonIcon, CloseIcon, ShieldIcon, WarningIcon } from "./icons";
import { RaisedHands } from "./raised-hands";
import { trustText } from "./trust-text";
import { Verifying } from "./verifying";

/** Who is in the call, and whether it is really them. */
export function ParticipantsDialog({ onDone }: { onDone: () => void }): JSX.Element {
  const [chosen, setChosen] = useState<string | null>(null);
  const others = participants.value;
  const person = others.find(({ id }) => id === chosen);
  const heading = useRef<HTMLHeadingElement>(null);

  // What was pressed is gone: the focus goes on from the heading.
  const changed = useRef(false);
  useEffect(() => {
    if (changed.current) heading.current?.focus();
    changed.current = true;
  }, [person?.id]);

  return (
    <Dialog class="participants" labelledBy="participants-title" onDismiss={person === undefined ? onDone : () => setChosen(null)}>
      <div class="dialog-header">
        <h2 id="participants-title" ref={heading} tabIndex={-1}>
          {person === undefined ? t("verify.people") : t("verify.verify-name", { name: person.name })}
        </h2>
        <button type="button" class="plain" aria-label={t("verify.close")} onClick={onDone}>
          <CloseIcon />
        </button>
      </div>
      {person !== undefined ? (
        <Verifying key={person.id} participant={person} onDone={() => setChosen(null)} />
      ) : others.length === 0 ? (
        <p class="hint">{t("verify.alone")}</p>
      ) : (
        <>
          <RaisedHands />
          <ul class="participants-list">
            {others.map((participant) => (
              <Row key={participant.id} participant={participant} onVerify={() => setChosen(participant.id)} />
            ))}
          </ul>
        </>
      )}
    </Dialog>
  );
}

function Row({ participant, onVerify }: { participant: Participant; onVerify: () => void }): JSX.Element {
  const { id, name, verification } = participant;
  const trust = trustIn(name, verification);
  return (
    <li class="person">
      <Avatar id={id} name={name} />
      <span class="person-text">
        <span class="person-name" dir="auto">
          {name}
        </span>
        <span class={`trust ${trust}`}>
          {trust === "verified" && <ShieldIcon />}
          {(trust === "changed" || trust === "broken") && <WarningIcon />}
          {trustText(name, verification)}
        </span>
        <span class="hint" role="status">
          {isKnown(verification?.identity) ? t("contacts.added") : ""}
        </span>
      </span>
      <AddButton name={name} identity={verification?.identity} />
      <button type="button" class="button quiet small" aria-label={t("verify.verify-name", { name })} onClick={onVerify}>
        {t("verify.verify")}
      </button>
    </li>
  );
}

/** Keeps somebody for later, by the key that they have shown to own. Who has no name can't be found again by it. */
function AddButton({ name, identity }: { name: string; identity: string | undefined }): JSX.Element | null {
  if (identity === undefined || name === t("call.unnamed") || isKnown(identity)) return null;
  const label = t("contacts.add-name", { name });
  return (
    <button type="button" class="plain" aria-label={label} title={label} onClick={() => addContact(name, identity)}>
      <AddPersonIcon />
    </button>
  );
}

function isKnown(identity: string | undefined): boolean {
  return knownPeople().some((contact) => contact.identity === identity);
}
