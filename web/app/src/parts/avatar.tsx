import type { JSX } from "preact";
import { PersonIcon } from "./icons";
import { hueOf, initialsOf } from "./initials";

/** A person without a picture: initials on a colour that belongs to them. */
export function Avatar({ id, name }: { id: string; name: string }): JSX.Element {
  return (
    <span class={`avatar hue-${hueOf(id)}`} aria-hidden="true">
      {initialsOf(name) || <PersonIcon />}
    </span>
  );
}
