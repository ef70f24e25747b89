import type { ComponentChildren, JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Person } from "peerline";
import { forgetContact, here, knownPeople, watchContacts } from "../state/known-people";
import { forgetMissedCall, missedCalls } from "../state/missed";
import { callPerson } from "../state/ringing";
import { askToNotify, mayAsk } from "../state/system-notice";
import { momentText } from "../text/moments";
import { t } from "../text/text";
import { Avatar } from "./avatar";
import { CallIcon, CloseIcon } from "./icons";

/** Those whom the user knows: who called in vain, and whom they can ring. */
export function KnownPeople(): JSX.Element {
  useEffect(watchContacts, []);
  const missed = missedCalls();
  const known = knownPeople();
  return (
    <>
      {missed.length > 0 && (
        <section class="people known" aria-labelledby="missed-title">
          <h2 id="missed-title">{t("missed.title")}</h2>
          <ul class="people-list">
            {missed.map(({ name, identity, time }) => (
              <Row
                key={identity}
                {...{ name, identity }}
                forgetLabel={t("missed.forget", { name })}
                onForget={() => forgetMissedCall(identity)}
                onCall={() => forgetMissedCall(identity)}
              >
                <time class="missed-time" dateTime={new Date(time).toISOString()}>
                  {momentText(time)}
                </time>
              </Row>
            ))}
          </ul>
        </section>
      )}
      {known.length > 0 && (
        <section class="people known" aria-labelledby="contacts-title">
          <h2 id="contacts-title">{t("contacts.title")}</h2>
          <ul class="people-list">
            {known.map(({ name, identity }) => (
              <Row
                key={identity}
                {...{ name, identity }}
                forgetLabel={t("contacts.remove", { name })}
                onForget={() => forgetContact(identity)}
              >
                <Presence person={here.value.get(identity)} />
              </Row>
            ))}
          </ul>
          <p class="hint">{t("contacts.hint")}</p>
        </section>
      )}
    </>
  );
}

/** Asks for the permission to tell of calls while nobody looks at the page, where it was not given or refused yet. */
export function NotifyMe(): JSX.Element | null {
  if (!mayAsk.value) return null;
  return (
    <button type="button" class="button quiet small notify-me" onClick={() => void askToNotify()}>
      {t("missed.notify")}
    </button>
  );
}

function Presence({ person }: { person: Person | undefined }): JSX.Element {
  if (person === undefined) return <span class="presence">{t("contacts.not-here")}</span>;
  return <span class={`presence ${person.presence}`}>{t(`presence.${person.presence}`)}</span>;
}

interface RowProps {
  readonly name: string;
  readonly identity: string;
  readonly forgetLabel: string;
  readonly onForget: () => void;
  readonly onCall?: () => void;
  readonly children: ComponentChildren;
}

function Row({ name, identity, forgetLabel, onForget, onCall, children }: RowProps): JSX.Element {
  const person = here.value.get(identity);
  return (
    <li class="person">
      <Avatar id={identity} name={name} />
      <span class="person-text">
        <span class="person-name" dir="auto">
          {name}
        </span>
        {children}
      </span>
      {person !== undefined && (
        <button
          type="button"
          class="button quiet small"
          aria-label={t("start.call-person", { name })}
          onClick={() => {
            onCall?.();
            void callPerson({ ...person, name });
          }}
        >
          <CallIcon />
          {t("start.call")}
        </button>
      )}
      <button type="button" class="plain person-forget" aria-label={forgetLabel} title={forgetLabel} onClick={onForget}>
        <CloseIcon />
      </button>
    </li>
  );
}
