import type { JSX } from "preact";

/** Two people with a string telephone: nobody in between. */
export function StringTelephone(): JSX.Element {
  return (
    <svg class="string-telephone" viewBox="0 0 640 210" aria-hidden="true" focusable="false">
      <g class="person-near">
        <path d="M20 210c4-44 34-66 72-66s68 22 72 66z" />
        <circle cx="92" cy="92" r="46" />
      </g>
      <g class="person-far">
        <path d="M476 210c4-44 34-66 72-66s68 22 72 66z" />
        <circle cx="548" cy="92" r="46" />
      </g>
      <circle class="face" cx="106" cy="78" r="4.5" />
      <circle class="face" cx="540" cy="80" r="4.5" />
      <path class="smile" d="M528 116c7 6 15 6 22 1" />
      <path class="cup" d="M126 92l34 8v20l-34 8z" />
      <path class="cup" d="M514 70l-34 9v20l34 9z" />
      <path class="string" d="M160 110C270 146 390 138 480 89" />
      <path class="pulse" pathLength={100} d="M160 110C270 146 390 138 480 89" />
    </svg>
  );
}
