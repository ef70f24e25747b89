import { computed, signal, type ReadonlySignal } from "@preact/signals";
import { language as chosen } from "../state/settings";
import type whole from "./en.json";
import start from "./en.json?start";

type Entry = keyof typeof whole;

/** The name of a sentence that comes in forms for numbers: `x` where the English catalogue has `x.one`. */
export type PluralKey = Entry extends infer Key ? (Key extends `${infer Base}.one` ? Base : never) : never;

type PluralForm = `${PluralKey}.${Intl.LDMLPluralRule}`;

/** The name of a sentence in the catalogue. */
export type TextKey = Exclude<Entry, PluralForm>;

/** Every sentence in one language. Which forms for numbers there are is the language's own; `other` is in each. */
export type Catalogue = Readonly<Record<TextKey | `${PluralKey}.other`, string> & Partial<Record<PluralForm, string>>>;

/** The languages of the app, each by its own name. */
export const LANGUAGES = { en: "English", zh: "简体中文", vi: "Tiếng Việt" } as const;
export type Language = keyof typeof LANGUAGES;

/** What the page has in English. */
let english: Catalogue = start;

/** English is part of the page, and of the call what is said there only; the others are loaded when they are chosen. */
const load: Readonly<Record<Exclude<Language, "en">, () => Promise<{ default: Catalogue }>>> = {
  zh: () => import("./zh.json"),
  vi: () => import("./vi.json"),
};

const shown = signal<{ readonly language: Language; readonly catalogue: Catalogue }>({ language: "en", catalogue: english });

/** The language that the app is in. */
export const language: ReadonlySignal<Language> = computed(() => shown.value.language);
export const catalogue: ReadonlySignal<Catalogue> = computed(() => shown.value.catalogue);
/** The language tag of the page, for the browser, assistive technology, and everything of `Intl`. */
export const locale: ReadonlySignal<string> = computed(() => localeOf(language.value, browserLanguages()));

/** The first of the user's languages that the app has. */
export function preferredLanguage(wanted: readonly string[]): Language {
  return wanted.map((tag) => tag.toLowerCase().split("-", 1)[0] ?? "").find(isLanguage) ?? "en";
}

/** Numbers and times are written as in the user's country, where the browser says which one that is. */
export function localeOf(language: Language, wanted: readonly string[]): string {
  // What is written here is simplified Chinese, whatever the country's own is.
  if (language === "zh") return "zh-Hans";
  return wanted.find((tag) => tag.toLowerCase().split("-", 1)[0] === language) ?? language;
}

/** Puts the page into the language that was chosen on this device, or else into the browser's. */
export async function startLanguage(): Promise<void> {
  await show(isLanguage(chosen.value) ? chosen.value : preferredLanguage(browserLanguages()));
}

/** Changes the language, and remembers it. */
export async function chooseLanguage(wanted: Language): Promise<void> {
  chosen.value = wanted;
  await show(wanted);
}

/** There is more to say in English. */
export function addEnglish(more: Partial<Catalogue>): void {
  english = { ...english, ...more };
  if (shown.value.language === "en") shown.value = { language: "en", catalogue: english };
}

let latest: Language = "en";

/** A catalogue that can't be loaded leaves the page in the language that it is in. */
async function show(wanted: Language): Promise<void> {
  latest = wanted;
  const loaded = wanted === "en" ? english : await load[wanted]().then((file) => file.default, () => null);
  if (loaded === null || latest !== wanted) return;
  shown.value = { language: wanted, catalogue: loaded };
  document.documentElement.lang = locale.value;
}

function isLanguage(name: string): name is Language {
  return Object.hasOwn(LANGUAGES, name);
}

function browserLanguages(): readonly string[] {
  return typeof navigator === "undefined" ? [] : (navigator.languages ?? []);
}
