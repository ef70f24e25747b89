import { describe, expect, it } from "vitest";
import en from "./en.json";
import vi from "./vi.json";
import zh from "./zh.json";

type Entries = Readonly<Record<string, string>>;

/** Sentences that come in forms for numbers. */
const PLURALS = Object.keys(en).filter((key) => key.endsWith(".one")).map((key) => key.slice(0, -".one".length));

const baseOf = (key: string) => PLURALS.find((base) => key.startsWith(`${base}.`)) ?? key;
const sentencesOf = (catalogue: Entries) => [...new Set(Object.keys(catalogue).map(baseOf))];
const placeholdersOf = (sentence: string | undefined) => [...(sentence ?? "").matchAll(/\{\w+\}/g)].map(([name]) => name).sort();

describe.each([["en", en], ["zh", zh], ["vi", vi]] as const)("the catalogue %s", (language, catalogue: Entries) => {
  it("has the same sentences as the English one, in the same order", () => {
    expect(sentencesOf(catalogue)).toEqual(sentencesOf(en));
  });

  it("has the forms for numbers that the language has", () => {
    const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    for (const base of PLURALS) {
      const found = Object.keys(catalogue).filter((key) => baseOf(key) === base);
      expect(found.sort()).toEqual(forms.map((form) => `${base}.${form}`).sort());
    }
  });

  it("has the placeholders of the English one", () => {
    for (const [key, sentence] of Object.entries(catalogue)) {
      const english = (en as Entries)[key] ?? (en as Entries)[`${baseOf(key)}.other`];
      expect([key, ...placeholdersOf(sentence)]).toEqual([key, ...placeholdersOf(english)]);
    }
  });

  it("leaves nothing empty", () => {
    for (const [key, sentence] of Object.entries(catalogue)) expect(sentence.trim(), key).not.toBe("");
  });
});

describe.each([["zh", zh], ["vi", vi]] as const)("the catalogue %s", (_, catalogue: Entries) => {
  it("is translated: no sentence of several words is the English one", () => {
    const same = Object.entries(en).filter(([key, sentence]) => /\w \w/.test(sentence) && catalogue[key] === sentence);
    expect(same).toEqual([]);
  });
});
