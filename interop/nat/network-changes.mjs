// What can happen to a site while two talk, or while a file is on its way.

/** How long a cable stays pulled, in milliseconds, and how long an interruption is. */
const [PULLED, INTERRUPTED] = [10_000, 2000];
/** How long the first interface stays away, in milliseconds. */
const AWAY = 5000;
/** What the host falls back upon: a provider's network for telephones. */
const CELLULAR = "cgnat";

const pass = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function pulled(milliseconds) {
  const happen = async (laboratory, { name }) => {
    await laboratory.tell("link", { site: name, up: false });
    await pass(milliseconds);
    await laboratory.tell("link", { site: name, up: true });
  };
  return { happen, without: milliseconds };
}

/** What happens while others do something else, and is awaited afterwards, if it comes to that: Node ends where nobody hears of a failure. */
export function meanwhile(happening) {
  happening.catch(() => undefined);
  return happening;
}

/**
 * By name: what has to be there before anything else; what happens, until it is over; and for how many milliseconds of that there
 * is no path.
 */
export const CHANGES = {
  flush: { happen: (laboratory, { name }) => laboratory.tell("flush", { site: name }), without: 0 },
  newip: { happen: (laboratory, { name }) => laboratory.tell("newip", { site: name }), without: 0 },
  interruption: pulled(INTERRUPTED),
  link: pulled(PULLED),
  cellular: {
    prepare: (laboratory, site, quality) => laboratory.uplink(site, "cellular", CELLULAR, quality),
    happen: async (laboratory, { name }) => {
      await laboratory.tell("interface", { site: name, up: false });
      await pass(AWAY);
      await laboratory.tell("interface", { site: name, up: true });
    },
    without: 0,
  },
};
