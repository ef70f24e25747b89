import { beforeEach, describe, expect, it } from "vitest";
import { ownId, participants, type Participant } from "./model";
import { featured, personTile, pinned, screenTile, togglePin } from "./pin";
import { activeSpeaker } from "./speaking";

const people = (count: number, screenOf: string | null = null) => {
  const ids = ["ada", "bob", "cleo", "dan", "eve", "finn", "gil"].slice(0, count);
  participants.value = ids.map((id) => ({ id, screen: id === screenOf ? {} : null }) as Participant);
};

beforeEach(() => {
  ownId.value = "own";
  participants.value = [];
  activeSpeaker.value = null;
});

describe("a pinned tile", () => {
  it("is large until it is unpinned", () => {
    people(2);
    togglePin(personTile("bob"));
    expect([pinned.value, featured.value]).toEqual([personTile("bob"), "bob"]);
    togglePin(personTile("bob"));
    expect([pinned.value, featured.value]).toEqual([null, null]);
  });

  it("gives its place to the next one", () => {
    people(2);
    togglePin(personTile("bob"));
    togglePin(personTile("own"));
    expect(featured.value).toBe("own");
  });

  it("may be a screen: then no person is the large one", () => {
    people(6, "ada");
    activeSpeaker.value = "bob";
    togglePin(screenTile("ada"));
    expect([pinned.value, featured.value]).toEqual([screenTile("ada"), null]);
  });

  it("isn't pinned any more after it was gone", () => {
    people(2);
    togglePin(personTile("bob"));
    people(1);
    people(2);
    expect(pinned.value).toBeNull();
  });
});

describe("the speaker's tile", () => {
  it.each([
    [3, null],
    [4, "bob"],
  ])("with %i others, %s is the large one", (count, large) => {
    people(count);
    activeSpeaker.value = "bob";
    expect(featured.value).toBe(large);
  });

  it("gives way to what is pinned, and to a shared screen", () => {
    people(5);
    activeSpeaker.value = "bob";
    togglePin(personTile("cleo"));
    expect(featured.value).toBe("cleo");
    people(5, "dan");
    expect(featured.value).toBe("cleo");
    togglePin(personTile("cleo"));
    expect(featured.value).toBeNull();
  });

  it("is large no more when they have left", () => {
    people(6);
    activeSpeaker.value = "finn";
    people(5);
    expect(featured.value).toBeNull();
  });
});
