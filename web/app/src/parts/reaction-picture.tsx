import type { JSX } from "preact";
import type { Reaction } from "peerline";

const SKIN = "#ffcf5c";
const LINE = "#6b4300";
const line = { fill: "none", stroke: LINE, "stroke-width": 2.25, "stroke-linecap": "round", "stroke-linejoin": "round" } as const;
const face = <circle cx="16" cy="16" r="13" fill={SKIN} />;

/** Drawn rather than written: not every system has letters for them, and they look the same to everybody. */
const DRAWINGS: Readonly<Record<Reaction, JSX.Element>> = {
  yes: (
    <g {...line} fill={SKIN}>
      <path d="M11 14l4.5-9.500c2.6 0 3.8 1.8 3.3 4.300L18 12.500h6.500a3 3 0 0 1 2.9 3.700l-1.9 8a3.5 3.5 0 0 1-3.4 2.700H11z" />
      <path d="M4.5 14H11v13H4.500z" fill="#3f8ae0" />
    </g>
  ),
  applause: (
    <g {...line} fill={SKIN}>
      <path d="M18.5 7.500l6.8 8.600a7 7 0 0 1-11 8.700L7.2 16a1.9 1.9 0 0 1 3-2.400l2.7 3.2-4.5-5.700a1.9 1.9 0 0 1 3-2.400l4.7 5.8-3.3-4.200a1.9 1.9 0 0 1 3-2.400l4.2 5.2-1.8-4.300a1.8 1.8 0 0 1 .3-1.300z" />
      <path d="M22.5 3.500v2.300M27 5.500l-1.6 1.800M29.5 10h-2.300M5 21.500l-2 .8M7.5 26l-1.6 1.6" />
    </g>
  ),
  heart: <path d="M16 28C6.5 21.5 3 17 3 11.800A6.8 6.8 0 0 1 16 9a6.8 6.8 0 0 1 13 2.800C29 17 25.5 21.5 16 28z" fill="#e5484d" />,
  laughter: (
    <g>
      {face}
      <path d="M8 17.500h16a8 8 0 0 1-16 0z" fill={LINE} />
      <path d="M8 12.500c1-1.9 3.5-1.9 4.5 0M19.5 12.500c1-1.9 3.5-1.9 4.5 0" {...line} />
    </g>
  ),
  surprise: (
    <g>
      {face}
      <ellipse cx="16" cy="22" rx="3.5" ry="4.5" fill={LINE} />
      <path d="M11 12v1.500M21 12v1.500M8.5 8.500l3-1.200M23.5 8.500l-3-1.2" {...line} />
    </g>
  ),
};

/** How a reaction looks. */
export function ReactionPicture({ reaction }: { reaction: Reaction }): JSX.Element {
  return (
    <svg class="reaction-picture" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      {DRAWINGS[reaction]}
    </svg>
  );
}
