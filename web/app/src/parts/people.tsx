import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Person } from "peerline";
import { people, search, watchPeople } from "../state/discovery";
import { callPerson } from "../state/ringing";
import { findable, name } from "../state/settings";
import { t } from "../text/text";
import { Avatar } from "./avatar";
import { NotifyPlace } from "./known-people-place";
import { CallIcon, SearchIcon } from "./icons";

/** Being found, and the people who can be. */
export function People(): JSX.Element {
  useEffect(watchPeople, []);
  const found = people.value;
  const wanted = search.value.trim();
  const needsName = findable.value && name.value.trim() === "";
  return (
    <section class="people" aria-labelledby="people-title">
      <label class="switch">
        <input
          type="checkbox"
          role="switch"
          aria-describedby="findable-hint"
          checked={findable.value}
          onChange={(event) => (findable.value = event.currentTarget.checked)}
        />
        <span>{t("start.findable")}</span>
      </label>
      <p class="hint" id="findable-hint" role="status">
        {t(needsName ? "start.findable-needs-name" : "start.findable-hint")}
      </p>
      <NotifyPlace />
      <h2 id="people-title">{t("start.people")}</h2>
      {(found.length > 0 || wanted !== "") && (
        <label class="search">
          <SearchIcon />
          <input
            type="search"
            aria-label={t("start.search")}
            placeholder={t("start.search")}
            value={search.value}
            onInput={(event) => (search.value = event.currentTarget.value)}
          />
        </label>
      )}
      {found.length > 0 ? (
        <ul class="people-list">
          {found.map((person) => (
            <PersonRow key={person.participant} person={person} />
          ))}
        </ul>
      ) : (
        <p class="hint nobody">
          {wanted === "" ? t("start.nobody") : t("start.nobody-match", { search: wanted })}
        </p>
      )}
    </section>
  );
}

function PersonRow({ person }: { person: Person }): JSX.Element {
  return (
    <li class="person">
      <Avatar id={person.participant} name={person.name} />
      <span class="person-text">
        <span class="person-name" dir="auto">
          {person.name}
        </span>
        <span class={`presence ${person.presence}`}>{t(`presence.${person.presence}`)}</span>
      </span>
      <button
        type="button"
        class="button quiet small"
        aria-label={t("start.call-person", { name: person.name })}
        onClick={() => void callPerson(person)}
      >
        <CallIcon />
        {t("start.call")}
      </button>
    </li>
  );
}
